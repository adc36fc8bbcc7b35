/**
 * The schema with each part that stands in it more than once, as the same object, written once (`definitions` and `$ref`):
 * a compiler makes code for every occurrence otherwise, and MediaTrackConstraints have the same few types fifty times over.
 */
export function withSharedParts(schema: object): object {
  const occurrences = new Map<object, number>();
  const count = (node: unknown): void => {
    if (!isNode(node)) return;
    const before = occurrences.get(node) ?? 0;
    occurrences.set(node, before + 1);
    if (before === 0) Object.values(node).forEach(count);
  };
  count(schema);
  const definitions: Record<string, unknown> = {};
  const names = new Map<object, string>();
  const members = (node: object): unknown =>
    Array.isArray(node)
      ? node.map(shared)
      : Object.fromEntries(Object.entries(node).map(([key, value]) => [key, shared(value)]));
  const shared = (node: unknown): unknown => {
    if (!isNode(node)) return node;
    // Only what has a type is a schema: `properties` and `enum` are not.
    if ((occurrences.get(node) ?? 0) < 2 || !('type' in node)) return members(node);
    let name = names.get(node);
    if (name === undefined) {
      name = `part${names.size}`;
      names.set(node, name);
      definitions[name] = members(node);
    }
    return { $ref: `#/definitions/${name}` };
  };
  const whole = members(schema) as object;
  return names.size === 0 ? schema : { ...whole, definitions };
}

const isNode = (node: unknown): node is object => typeof node === 'object' && node !== null;
