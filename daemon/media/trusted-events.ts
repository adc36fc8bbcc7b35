/** Events of the user agent, which are told from those of scripts by `isTrusted` (DOM, 2.2 and 2.10). */

/**
 * The name under which Node passes itself that an event is its own; undefined where it has none, and events are then like
 * those of scripts.
 */
const trust: symbol | undefined = (() => {
  let found: symbol | undefined;
  const spy = { get: (_: object, name: string | symbol) => void (typeof name === 'symbol' && (found = name)) };
  new Event('', new Proxy({}, spy));
  return found;
})();

/** The init dictionary of an event of the user agent. */
export const trusted = <T extends object>(init: T): T => (trust === undefined ? init : { ...init, [trust]: true });

/** What {@link trusted} has added to an init dictionary, for the conversion of it. */
export const trustOf = (init: unknown): object =>
  trust !== undefined && typeof init === 'object' && init !== null && trust in init ? { [trust]: true } : {};

/** "Fire an event" of this name. */
export function fireEvent(target: EventTarget, type: string): void {
  target.dispatchEvent(new Event(type, trusted({})));
}
