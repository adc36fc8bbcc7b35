import { isDeepStrictEqual } from 'node:util';
import { changeRule, type Part, partOf } from './change-rules.ts';
import type { Path } from './check.ts';
import { isGroupList, isMap } from './map.ts';
import type { LoadedConfig } from './settings.ts';

/** A value of the effective configuration that differs from before. */
export interface Change {
  path: Path;
  /** Without secrets; undefined: it was not there. */
  from: unknown;
  /** Without secrets; undefined: it is gone. */
  to: unknown;
}

/** What a part of the gateway does for a change; `create` and `delete` are for streams. */
export type Effect = 'live' | 'restart' | 'create' | 'delete';

/** What each part that is touched does. */
export type ChangePlan = ReadonlyMap<Part, Effect>;

/** The values that differ, each by itself; lists of other lengths, and streams that come and go, as wholes. */
export function changesBetween(before: LoadedConfig, after: LoadedConfig): Change[] {
  return differences([], [before.settings, after.settings], [before.redacted, after.redacted]);
}

type Pair = readonly [before: unknown, after: unknown];

/** @param shown the same values without secrets: compared are the true ones. */
function differences(path: Path, [before, after]: Pair, shown: Pair): Change[] {
  if (isDeepStrictEqual(before, after)) return [];
  const inner = (key: string | number): Change[] =>
    differences(
      [...path, key],
      [member(before, key), member(after, key)],
      [member(shown[0], key), member(shown[1], key)],
    );
  if (isMap(before) && isMap(after)) {
    return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap(inner);
  }
  if (isGroupList(before) && isGroupList(after) && before.length === after.length) {
    return [...before.keys()].flatMap(inner);
  }
  return [{ path, from: shown[0], to: shown[1] }];
}

function member(value: unknown, key: string | number): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string | number, unknown>)[key]
    : undefined;
}

/** What the changes take, by the table of rules; the restart of the whole gateway takes in everything. */
export function planOf(changes: readonly Change[]): ChangePlan {
  const plan = new Map<Part, Effect>();
  for (const { path, from, to } of changes) {
    const rule = changeRule(path);
    if (rule === undefined)
      plan.set(partOf(path), from === undefined ? 'create' : to === undefined ? 'delete' : 'restart');
    else if (!rule.remote || rule.takes === 'gateway') return new Map([['gateway', 'restart']]);
    else if (plan.get(partOf(path)) !== 'restart') plan.set(partOf(path), rule.takes);
  }
  return plan;
}

/** Whether somebody has to confirm the changes, since they can cut us off. */
export function confirmationNeededFor(changes: readonly Change[]): Change | undefined {
  return changes.find(({ path }) => {
    const rule = changeRule(path);
    return rule?.remote && rule.confirmed;
  });
}
