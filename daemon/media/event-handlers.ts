/**
 * Event handler attributes (HTML, 8.1.8.1) for our EventTargets: `onmute` and the like, one listener each, which stands
 * in the order in which the first handler was set.
 */
type Handler = ((this: unknown, event: Event) => unknown) | null;

const slots = new WeakMap<EventTarget, Map<string, { handler: Handler }>>();

/** Defines `on<type>` accessors on a class's prototype. */
export function defineEventHandlers(prototype: EventTarget, types: readonly string[]): void {
  for (const type of types) {
    Object.defineProperty(prototype, `on${type}`, {
      enumerable: true,
      configurable: true,
      get(this: EventTarget): Handler {
        return slots.get(this)?.get(type)?.handler ?? null;
      },
      set(this: EventTarget, value: unknown) {
        setHandler(this, type, typeof value === 'function' ? (value as Handler) : null);
      },
    });
  }
}

function setHandler(target: EventTarget, type: string, handler: Handler): void {
  let types = slots.get(target);
  if (types === undefined) slots.set(target, (types = new Map()));
  const slot = types.get(type);
  if (slot !== undefined) {
    slot.handler = handler;
    return;
  }
  if (handler === null) return;
  const fresh = { handler };
  types.set(type, fresh);
  target.addEventListener(type, (event) => {
    if (fresh.handler?.call(target, event) === false) event.preventDefault();
  });
}
