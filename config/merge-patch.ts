import { isMap } from './map.ts';

/** What a JSON merge patch makes of a value (RFC 7396, 2): `null` takes a member away. Neither is changed. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isMap(patch)) return patch;
  // A map, since a member may be called __proto__.
  const result = new Map(Object.entries(isMap(target) ? target : {}));
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) result.delete(name);
    else result.set(name, mergePatch(result.get(name), value));
  }
  return Object.fromEntries(result);
}
