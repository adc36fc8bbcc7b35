/** `import 'vedette/globals'`: the names of the web's media capture API where programs for browsers expect them. */
import * as library from './library.ts';

const { mediaDevices, permissions, setPermission: _, publish: __, createPushedTrack: ___, ...interfaces } = library;

// What the platform has itself stays.
for (const [name, value] of Object.entries(interfaces))
  if (!(name in globalThis)) Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });

if (!('navigator' in globalThis))
  Object.defineProperty(globalThis, 'navigator', { value: {}, writable: true, configurable: true });
for (const [name, value] of Object.entries({ mediaDevices, permissions }))
  Object.defineProperty((globalThis as unknown as { navigator: object }).navigator, name, {
    get: () => value,
    enumerable: true,
    configurable: true,
  });
