import type { Problem } from './config-error.ts';
import { checkSetting, coerceSetting, describeSetting } from './formats.ts';
import { isMap } from './map.ts';
import { nearest } from './near-miss.ts';
import { redactUrl } from './redact-url.ts';
import { type Group, isSetting, type Setting } from './setting.ts';

export type Path = readonly (string | number)[];

/** JSON pointer (RFC 6901). */
export function pointer(path: Path): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** A setting of the schema at its path. */
export interface Leaf {
  path: string[];
  setting: Setting;
}

export function leavesOf(group: Group, path: readonly string[] = []): Leaf[] {
  return Object.entries(group).flatMap(([name, node]) => {
    const here = [...path, name];
    return isSetting(node) ? [{ path: here, setting: node }] : leavesOf(node, here);
  });
}

function unknownKey(path: Path, group: Group): Problem {
  const key = String(path.at(-1));
  const meant = nearest(key, Object.keys(group));
  const hint = meant === undefined ? `known are ${Object.keys(group).join(', ')}` : `did you mean ${meant}?`;
  return { path: pointer(path), message: `is not a setting; ${hint}` };
}

/**
 * The settings that a map as it came from a file gives values to. Keys that the schema does not know, and values
 * where it has groups, become problems.
 */
export function givenIn(
  group: Group,
  value: unknown,
  problems: Problem[],
  path: readonly string[] = [],
): [Leaf, unknown][] {
  if (value === null || value === undefined) return [];
  if (!isMap(value)) {
    problems.push({ path: pointer(path), value, message: 'must be a map' });
    return [];
  }
  return Object.entries(value).flatMap(([key, item]): [Leaf, unknown][] => {
    const here = [...path, key];
    const node = Object.hasOwn(group, key) ? group[key] : undefined;
    if (node === undefined) {
      problems.push(unknownKey(here, group));
      return [];
    }
    return isSetting(node) ? [[{ path: here, setting: node }, item]] : givenIn(node, item, problems, here);
  });
}

export interface CompletionObserver {
  /** Something is wrong, and the default was taken instead. */
  problem(problem: Problem): void;
  /** A value inside a nested setting was given, not taken from a default. */
  given(path: Path): void;
}

/** A value as the rooms receive it: checked, with the defaults of everything inside it that was not given. */
export function complete(setting: Setting, given: unknown, path: Path, observer: CompletionObserver): unknown {
  let value = coerceSetting(setting, given);
  if (!checkSetting(setting, value)) {
    const shown = setting.sensitive ? undefined : typeof given === 'string' ? redactUrl(given) : given;
    observer.problem({ path: pointer(path), value: shown, message: `must be ${describeSetting(setting)}` });
    value = setting.default;
  }
  const { of } = setting;
  if (of === undefined || value === null || value === false) return value;
  if (Array.isArray(value)) return value.map((item, index) => completeGroup(of, item, [...path, index], observer));
  return setting.format === 'groups'
    ? completeGroups(setting, of, value as Record<string, unknown>, path, observer)
    : completeGroup(of, value, path, observer);
}

function completeGroups(
  { pattern, allowed, maximum = Number.POSITIVE_INFINITY }: Setting,
  of: Group,
  value: Record<string, unknown>,
  path: Path,
  observer: CompletionObserver,
): Record<string, unknown> {
  const entries = Object.entries(value);
  if (entries.length > maximum)
    observer.problem({ path: pointer(path), message: `must have ${maximum} entries at most` });
  const result: Record<string, unknown> = {};
  for (const [name, item] of entries) {
    const here = [...path, name];
    if (pattern?.test(name) === false) {
      observer.problem({ path: pointer(here), message: `must have a name of ${allowed}` });
      continue;
    }
    observer.given(here);
    result[name] = completeGroup(of, item, here, observer);
  }
  return result;
}

function completeGroup(
  group: Group,
  value: unknown,
  path: Path,
  observer: CompletionObserver,
): Record<string, unknown> {
  const given = isMap(value) ? value : {};
  if (!isMap(value ?? {})) observer.problem({ path: pointer(path), value, message: 'must be a map' });
  for (const key of Object.keys(given)) {
    if (!Object.hasOwn(group, key)) observer.problem(unknownKey([...path, key], group));
  }
  const result: Record<string, unknown> = {};
  for (const [key, node] of Object.entries(group)) {
    const here = [...path, key];
    const present = Object.hasOwn(given, key);
    if (present) observer.given(here);
    result[key] = isSetting(node)
      ? complete(node, present ? given[key] : node.default, here, observer)
      : completeGroup(node, given[key], here, observer);
  }
  return result;
}
