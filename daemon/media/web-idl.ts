/**
 * The shape that Web IDL (3.7) asks of an interface, for classes written by hand. What a class has by itself stays with
 * it: private fields check the brand, an `async` method rejects where others throw, `length` counts what has no default.
 */
import { defineEventHandlers } from './event-handlers.ts';

/** A class, whatever its constructor takes. */
export interface Interface<T extends object = object> {
  readonly prototype: T;
  readonly name: string;
}
type Brand = (value: object) => boolean;

const brands = new WeakMap<Interface, Brand>();

/** Lets the modules of this room through a constructor that is illegal for scripts; scripts cannot get hold of it. */
export const internal: unique symbol = Symbol('internal');

/** What a constructor that scripts may not call throws, when it is called without {@link internal}. */
export const illegalConstructor = (): TypeError => new TypeError('Illegal constructor');

/**
 * To be called once, in the class's static block: attributes and operations become enumerable, the class string is the
 * interface's name, and `on<type>` attributes are made for `events`.
 * @param options.brand Whether an object is one of the class, not only inherits from its prototype: `#field in value`.
 */
export function defineInterface(Class: Interface, options: { brand: Brand; events?: readonly string[] }): void {
  const { prototype } = Class;
  brands.set(Class, options.brand);
  for (const [holder, built] of [
    [prototype, ['constructor']],
    [Class, ['length', 'name', 'prototype']],
  ] as const)
    for (const name of Object.getOwnPropertyNames(holder))
      if (!(built as readonly string[]).includes(name)) Object.defineProperty(holder, name, { enumerable: true });
  Object.defineProperty(prototype, Symbol.toStringTag, { value: Class.name, configurable: true });
  defineEventHandlers(prototype as EventTarget, options.events ?? [], options.brand);
}

/** Whether a value implements the interface; classes of the platform are told by their prototype. */
export function isInstance<T extends object>(Class: Interface<T>, value: unknown): value is T {
  if (typeof value !== 'object' || value === null) return false;
  const brand = brands.get(Class);
  return brand === undefined ? Object.prototype.isPrototypeOf.call(Class.prototype, value) : brand(value);
}

/** @throws TypeError when an operation or a constructor was called with too few arguments (Web IDL, 3.6). */
export function requireArguments(given: ArrayLike<unknown>, count: number, where: string): void {
  if (given.length < count)
    throw new TypeError(`${where}: ${count} argument${count === 1 ? '' : 's'} required, ${given.length} given`);
}
