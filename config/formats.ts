import { isMap } from './map.ts';
import type { FormatName, Setting } from './setting.ts';

/** How a setting is written in an environment variable or flag, and which values are right. */
interface Format {
  /** A text as the value it stands for; the text itself where it stands for none, so that the check can show it. */
  coerce(text: string): unknown;
  check(value: unknown, setting: Setting): boolean;
  /** What is allowed, to stand behind "must be". */
  describe(setting: Setting): string;
}

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['yes', true],
  ['on', true],
  ['1', true],
  ['false', false],
  ['no', false],
  ['off', false],
  ['0', false],
]);

function toNumber(text: string): number | string {
  return /^[+-]?(\d+\.?\d*|\.\d+)$/.test(text.trim()) ? Number(text) : text;
}

function inRange(value: number, { minimum = -Infinity, maximum = Infinity }: Setting): boolean {
  return value >= minimum && value <= maximum;
}

function range({ minimum, maximum, unit }: Setting): string {
  const unitText = unit === undefined ? '' : ` ${unit}`;
  if (minimum === undefined) return maximum === undefined ? unitText : ` up to ${maximum}${unitText}`;
  return maximum === undefined ? ` of at least ${minimum}${unitText}` : ` from ${minimum} to ${maximum}${unitText}`;
}

/** Longest text of a setting, in characters. */
const MAX_TEXT = 1024;

function isText(value: unknown, { pattern, choices }: Setting): value is string {
  if (typeof value !== 'string' || value.length > MAX_TEXT) return false;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (/[\0-\x1f\x7f]/.test(value)) return false;
  return (choices?.includes(value) ?? true) && (pattern?.test(value) ?? true);
}

function describeText({ allowed, choices }: Setting, otherwise: string): string {
  return choices === undefined ? (allowed ?? otherwise) : choices.join(', ');
}

const same = (text: string): unknown => text;

export const FORMATS: Readonly<Record<FormatName, Format>> = {
  integer: {
    coerce: toNumber,
    check: (value, setting) => Number.isSafeInteger(value) && inRange(value as number, setting),
    describe: (setting) => `an integer${range(setting)}`,
  },
  decimal: {
    coerce: toNumber,
    check: (value, setting) => Number.isFinite(value) && inRange(value as number, setting),
    describe: (setting) => `a number${range(setting)}`,
  },
  flag: {
    coerce: (text) => BOOLEANS.get(text.trim().toLowerCase()) ?? text,
    check: (value) => typeof value === 'boolean',
    describe: () => 'true or false',
  },
  text: {
    coerce: same,
    check: isText,
    describe: (setting) => describeText(setting, 'text (in quotes where it looks like a number)'),
  },
  choice: {
    coerce: same,
    check: isText,
    describe: (setting) => `one of ${describeText(setting, '')}`,
  },
  texts: {
    coerce: (text) => (text.trim() === '' ? [] : text.split(',').map((item) => item.trim())),
    check: (value, setting) =>
      Array.isArray(value) &&
      inRange(value.length, setting) &&
      new Set(value).size === value.length &&
      value.every((item) => isText(item, setting)),
    describe: (setting) => `a list${range(setting)} of ${describeText(setting, 'texts')}, each once`,
  },
  arguments: {
    coerce: (text) => text.split(',').map((item) => item.trim()),
    check: (value, setting) =>
      Array.isArray(value) && inRange(value.length, setting) && value.every((item) => isText(item, setting)),
    describe: (setting) => `a list${range(setting)} of texts, the first one the program`,
  },
  groups: {
    coerce: same,
    check: isMap,
    describe: () => 'a map',
  },
  'group-list': {
    coerce: same,
    check: (value, setting) => Array.isArray(value) && inRange(value.length, setting),
    describe: (setting) => `a list${range(setting)}`,
  },
  'group-or-false': {
    coerce: (text) => BOOLEANS.get(text.trim().toLowerCase()) ?? text,
    check: (value) => value === false || isMap(value),
    describe: () => 'a map or false',
  },
};

/** What is allowed, to stand behind "must be". */
export function describeSetting(setting: Setting): string {
  return `${FORMATS[setting.format].describe(setting)}${setting.nullable ? ', or null' : ''}`;
}

/** The value that a text in an environment variable, a flag or quotes stands for, and a number where a word is meant. */
export function coerceSetting(setting: Setting, value: unknown): unknown {
  if (typeof value === 'string') return FORMATS[setting.format].coerce(value);
  return typeof value === 'number' && setting.format === 'choice' ? String(value) : value;
}

export function checkSetting(setting: Setting, value: unknown): boolean {
  if (value === null && setting.nullable) return true;
  return FORMATS[setting.format].check(value, setting);
}
