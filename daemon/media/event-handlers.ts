/**
 * Event handler attributes (HTML, 8.1.8.1) for our EventTargets: `onmute` and the like. One handler each; it stands
 * among the listeners where it was set, keeps that place when another function replaces it, and loses it with null.
 */
type Handler = object | null;

/**
 * The type of an `on...` attribute. As in lib.dom the handler's own types are not looked at, so that an object of ours
 * can stand where the type of the same name of lib.dom is asked for, and the other way round.
 */
// biome-ignore lint/suspicious/noExplicitAny: see above.
export type EventHandler = ((this: any, event: any) => unknown) | null;

const handlers = new WeakMap<object, Map<string, { value: object; listener: (event: Event) => void }>>();

/** Defines `on<type>` accessors on a class's prototype; on objects that `isOwn` does not know they throw TypeError. */
export function defineEventHandlers(
  prototype: EventTarget,
  types: readonly string[],
  isOwn: (value: object) => boolean,
): void {
  const expectOwn = (target: unknown): void => {
    if (typeof target !== 'object' || target === null || !isOwn(target)) throw new TypeError('Illegal invocation');
  };
  for (const type of types) {
    const name = `on${type}`;
    // An accessor of an object literal has the name that Web IDL asks for: `get onmute`.
    const accessor = Object.getOwnPropertyDescriptor(
      {
        get [name](): Handler {
          expectOwn(this);
          return handlers.get(this)?.get(type)?.value ?? null;
        },
        set [name](value: unknown) {
          expectOwn(this);
          // Web IDL, [LegacyTreatNonObjectAsNull]: an object that cannot be called is kept, and does nothing.
          const isObject = typeof value === 'function' || (typeof value === 'object' && value !== null);
          setHandler(this as unknown as EventTarget, type, isObject ? value : null);
        },
      },
      name,
    ) as PropertyDescriptor;
    Object.defineProperty(prototype, name, accessor);
  }
}

function setHandler(target: EventTarget, type: string, value: Handler): void {
  let byType = handlers.get(target);
  if (byType === undefined) handlers.set(target, (byType = new Map()));
  const present = byType.get(type);
  if (value === null) {
    if (present !== undefined) target.removeEventListener(type, present.listener);
    byType.delete(type);
  } else if (present !== undefined) {
    present.value = value;
  } else {
    const handler = {
      value,
      listener: (event: Event): void => {
        if (typeof handler.value === 'function' && handler.value.call(target, event) === false) event.preventDefault();
      },
    };
    target.addEventListener(type, handler.listener);
    byType.set(type, handler);
  }
}
