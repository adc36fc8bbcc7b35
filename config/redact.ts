import type { Leaf } from './check.ts';
import { HIDDEN, redactUrl } from './redact-url.ts';
import type { Settings } from './settings.ts';

/** Settings as plain JSON without secrets: neither those that are marked as such nor passwords inside URLs. */
export function redact(settings: Settings, leaves: readonly Leaf[]): Record<string, unknown> {
  const copy = JSON.parse(JSON.stringify(settings), (_key, value) =>
    typeof value === 'string' ? redactUrl(value) : value,
  );
  for (const { path, setting } of leaves) {
    if (!setting.sensitive) continue;
    const group = path.slice(0, -1).reduce((node, key) => node?.[key], copy);
    const key = path.at(-1) as string;
    if (group?.[key]) group[key] = HIDDEN;
  }
  return copy;
}
