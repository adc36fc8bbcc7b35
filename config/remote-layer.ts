import { changeRule } from './change-rules.ts';
import { complete, type Path, pointer } from './check.ts';
import { ConfigError, type Problem } from './config-error.ts';
import { MAX_YAML_BYTES } from './layers.ts';
import { isGroupList, isMap } from './map.ts';
import { mergePatch } from './merge-patch.ts';
import { SCHEMA } from './schema.ts';
import type { Setting } from './setting.ts';

/**
 * What was set from afar: a configuration that says only some values, over the file and under the environment. `null`
 * stands for a stream of the file that was deleted.
 */
export type RemoteLayer = Readonly<Record<string, unknown>>;

/**
 * The remote layer with a JSON merge patch (RFC 7396) applied. `null` takes a value away, so that the file or the
 * default holds again; the `null` of a stream deletes it wherever it comes from. Whether the result is right is known
 * once it is loaded.
 * @param localStreams what there is without the layer
 * @throws ConfigError `invalid` for what is no patch, `forbidden` for settings that are set at the machine only
 */
export function patchLayer(
  layer: RemoteLayer,
  patch: unknown,
  localStreams: Readonly<Record<string, unknown>>,
): RemoteLayer {
  if (!isMap(patch)) throw new ConfigError('invalid', [{ path: '', value: patch, message: 'must be a map' }]);
  // Members of this name would vanish on the way instead of being refused.
  const hidden = valuesIn(patch).find((path) => path.includes('__proto__'));
  if (hidden !== undefined) throw new ConfigError('invalid', [{ path: pointer(hidden), message: 'is not a setting' }]);
  const forbidden = localOnlyProblems(patch);
  if (forbidden.length > 0) throw new ConfigError('forbidden', forbidden);
  const next = mergePatch(layer, patch) as Record<string, unknown>;
  if (isMap(patch.streams)) next.streams = patchStreams(layer.streams, patch.streams, localStreams);
  const size = Buffer.byteLength(JSON.stringify(next));
  if (size > MAX_YAML_BYTES) {
    const message = `the remote configuration would have ${size} bytes; at most ${MAX_YAML_BYTES} are kept`;
    throw new ConfigError('invalid', [{ path: '', message }]);
  }
  return next;
}

function patchStreams(
  layer: unknown,
  patch: Record<string, unknown>,
  localStreams: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const before = isMap(layer) ? layer : {};
  const result = new Map(Object.entries(before));
  for (const [name, value] of Object.entries(patch)) {
    const deleted = Object.hasOwn(before, name) && before[name] === null;
    if (value !== null) {
      // One that comes back has nothing of the file's that was deleted.
      const below = deleted ? STREAM_DEFAULTS : result.get(name);
      result.set(name, mergePatch(below, value));
    } else if (Object.hasOwn(localStreams, name)) result.set(name, null);
    else result.delete(name);
  }
  return Object.fromEntries(result);
}

/** Every setting of a stream, given. */
const STREAM_DEFAULTS = (
  complete(SCHEMA.streams as Setting, { any: {} }, [], { problem: () => undefined, given: () => undefined }) as {
    any: unknown;
  }
).any;

/** What a layer or patch says that is set at the machine only. */
export function localOnlyProblems(layer: RemoteLayer): Problem[] {
  return valuesIn(layer).flatMap((path): Problem[] => {
    const rule = changeRule(path);
    if (rule === undefined || rule.remote) return [];
    return [{ path: pointer(path), message: `is set at the machine only: ${rule.why}` }];
  });
}

/** Paths of all that a layer or patch says, also with `null`. */
export function valuesIn(value: unknown, path: Path = []): Path[] {
  if (!isMap(value) && !isGroupList(value)) return [path];
  const inner = Object.entries(value).flatMap(([key, item]) => valuesIn(item, [...path, key]));
  return inner.length === 0 ? [path] : inner;
}
