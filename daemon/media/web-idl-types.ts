/** Conversion of what scripts pass to the types of Web IDL (3.2), with TypeErrors that name where and what. */
import conversions from 'webidl-conversions';
import { trustOf } from './trusted-events.ts';
import { type Interface, isInstance } from './web-idl.ts';

/** One type. `convert` throws TypeError; `where` says what is converted, for its message. */
export interface IdlType<T> {
  /** As the IDL writes it. */
  readonly name: string;
  /** What a union chooses by (Web IDL, 3.2.24). */
  readonly category: 'boolean' | 'numeric' | 'string' | 'sequence' | 'dictionary' | 'object';
  readonly convert: (value: unknown, where: string) => T;
}

/** The type whose values a converter makes. */
export type Converted<T> = T extends IdlType<infer Value> ? Value : never;

export const boolean: IdlType<boolean> = {
  name: 'boolean',
  category: 'boolean',
  convert: (value) => conversions.boolean(value),
};

export const double: IdlType<number> = {
  name: 'double',
  category: 'numeric',
  convert: (value, context) => conversions.double(value, { context }),
};

export const unsignedLong: IdlType<number> = {
  name: 'unsigned long',
  category: 'numeric',
  convert: (value, context) => conversions['unsigned long'](value, { context }),
};

/** `[Clamp] unsigned long`. */
export const clampedUnsignedLong: IdlType<number> = {
  ...unsignedLong,
  convert: (value, context) => conversions['unsigned long'](value, { context, clamp: true }),
};

export const domString: IdlType<string> = {
  name: 'DOMString',
  category: 'string',
  convert: (value, context) => conversions.DOMString(value, { context }),
};

/** `any`. */
export const any: IdlType<unknown> = { name: 'any', category: 'object', convert: (value) => value };

export function enumeration<const T extends string>(name: string, values: readonly T[]): IdlType<T> {
  return {
    name,
    category: 'string',
    convert: (value, where) => {
      const text = domString.convert(value, where);
      if (!(values as readonly string[]).includes(text))
        throw new TypeError(`${where}: '${text}' is not one of ${values.map((each) => `'${each}'`).join(', ')}`);
      return text as T;
    },
  };
}

/** An object of a class of ours or of the platform. */
export function instance<T extends object>(Class: Interface<T>): IdlType<T> {
  return {
    name: Class.name,
    category: 'object',
    convert: (value, where) => {
      if (!isInstance(Class, value)) throw new TypeError(`${where}: not a ${Class.name}`);
      return value;
    },
  };
}

export function sequence<T>(of: IdlType<T>): IdlType<T[]> {
  return {
    name: `sequence<${of.name}>`,
    category: 'sequence',
    convert: (value, where) => {
      if (!isIterable(value)) throw new TypeError(`${where}: not iterable`);
      return Array.from(value, (item, index) => of.convert(item, `${where}[${index}]`));
    },
  };
}

interface Member<T> {
  readonly type: IdlType<T>;
  readonly required?: true;
  readonly fallback?: T;
}

export const required = <T>(type: IdlType<T>): Member<T> => ({ type, required: true });
export const withDefault = <T>(type: IdlType<T>, fallback: T): Member<T> => ({ type, fallback });

/** A dictionary; `parent` is the one that it inherits from. */
export interface DictionaryType<T> extends IdlType<T> {
  readonly category: 'dictionary';
  readonly parent: DictionaryType<object> | undefined;
  readonly members: ReadonlyMap<string, Member<unknown>>;
}

/** @typeParam T What conversion makes: members with a default are never missing. */
export function dictionary<T extends object>(
  name: string,
  members: Readonly<Record<string, IdlType<unknown> | Member<unknown>>>,
  parent?: DictionaryType<object>,
): DictionaryType<T> {
  // Members are read in the order of their names (Web IDL, 3.2.17): a script's getters can see it.
  const sorted = Object.entries(members).sort(([a], [b]) => (a < b ? -1 : 1));
  const own = new Map(sorted.map(([key, member]) => [key, 'type' in member ? member : { type: member }]));
  return {
    name,
    category: 'dictionary',
    parent,
    members: own,
    convert: (value, where) => {
      if (value !== undefined && value !== null && !isObject(value))
        throw new TypeError(`${where}: not an object (${name})`);
      const result = { ...parent?.convert(value, where) } as Record<string, unknown>;
      for (const [key, member] of own) {
        const given = (value as Record<string, unknown> | null | undefined)?.[key];
        if (given !== undefined) result[key] = member.type.convert(given, `${where}.${key}`);
        else if (member.required) throw new TypeError(`${where}: member '${key}' is required`);
        else if ('fallback' in member) result[key] = structuredClone(member.fallback);
      }
      return result as T;
    },
  };
}

/** A union: by what kind of value it is, as 3.2.24 goes through them. */
export function union<const T extends readonly IdlType<unknown>[]>(...types: T): IdlType<Converted<T[number]>> {
  const first = (...categories: IdlType<unknown>['category'][]): IdlType<unknown> | undefined =>
    categories.map((wanted) => types.find(({ category }) => category === wanted)).find((type) => type !== undefined);
  const choose = (value: unknown): IdlType<unknown> | undefined => {
    if (value === undefined || value === null) return first('dictionary', 'string', 'numeric', 'boolean');
    if (isObject(value)) {
      if (isIterable(value) && first('sequence') !== undefined) return first('sequence');
      return first('dictionary', 'object', 'string', 'numeric', 'boolean');
    }
    if (typeof value === 'boolean') return first('boolean', 'string', 'numeric');
    if (typeof value === 'number') return first('numeric', 'string', 'boolean');
    return first('string', 'numeric', 'boolean');
  };
  const name = `(${types.map((type) => type.name).join(' or ')})`;
  return {
    name,
    category: 'object',
    convert: (value, where) => {
      const type = choose(value);
      if (type === undefined) throw new TypeError(`${where}: not of ${name}`);
      return type.convert(value, where) as Converted<T[number]>;
    },
  };
}

export const isObject = (value: unknown): value is object =>
  (typeof value === 'object' && value !== null) || typeof value === 'function';

const isIterable = (value: unknown): value is Iterable<unknown> => {
  if (!isObject(value)) return false;
  const method = (value as { [Symbol.iterator]?: unknown })[Symbol.iterator];
  return method !== undefined && method !== null;
};

/** The init dictionary of every event (DOM, 2.2). */
export interface EventInit {
  bubbles?: boolean;
  cancelable?: boolean;
  composed?: boolean;
}

const members = dictionary<EventInit>('EventInit', {
  bubbles: withDefault(boolean, false),
  cancelable: withDefault(boolean, false),
  composed: withDefault(boolean, false),
});

export const EventInit: DictionaryType<EventInit> = {
  ...members,
  convert: (value, where) => ({ ...members.convert(value, where), ...trustOf(value) }),
};
