/**
 * Gives a class the shape that Web IDL (3.7) asks of an interface: its attributes and operations are enumerable on the
 * prototype, and its class string is the interface's name.
 */
export function defineInterface(prototype: object, name: string): void {
  for (const member of Object.getOwnPropertyNames(prototype))
    if (member !== 'constructor') Object.defineProperty(prototype, member, { enumerable: true });
  Object.defineProperty(prototype, Symbol.toStringTag, { value: name, configurable: true });
}
