import type { EventHandler } from './event-handlers.ts';
import type { PermissionDescriptor, PermissionName, PermissionState, PermissionStore } from './permission-store.ts';
import { fireEvent } from './trusted-events.ts';
import { defineInterface, illegalConstructor, internal, requireArguments } from './web-idl.ts';
import { boolean, dictionary, domString, enumeration, isObject, required, withDefault } from './web-idl-types.ts';

const Descriptor = dictionary<{ name: string }>('PermissionDescriptor', { name: required(domString) });
const KnownName = enumeration('PermissionName', ['camera', 'microphone']);
const CameraDescriptor = dictionary<{ panTiltZoom: boolean }>(
  'CameraDevicePermissionDescriptor',
  { panTiltZoom: withDefault(boolean, false) },
  Descriptor,
);

/** What may be done now, kept current (W3C Permissions, 6.3). */
export class PermissionStatus extends EventTarget {
  readonly #descriptor: PermissionDescriptor;
  #state: PermissionState;
  declare onchange: EventHandler;

  static {
    defineInterface(PermissionStatus, { brand: (value) => #state in value, events: ['change'] });
  }

  /** @internal @throws TypeError always, for scripts: "Illegal constructor". */
  constructor(...[token, store, descriptor]: [token?: unknown, store?: PermissionStore, of?: PermissionDescriptor]) {
    if (token !== internal || store === undefined || descriptor === undefined) throw illegalConstructor();
    super();
    this.#descriptor = descriptor;
    this.#state = store.state(descriptor);
    // Held weakly: a status that nobody has any more hears nothing.
    const self = new WeakRef(this);
    const remove = store.onChange(() => {
      const status = self.deref();
      if (status === undefined) remove();
      else status.#changed(store.state(descriptor));
    });
  }

  get state(): PermissionState {
    return this.#state;
  }

  get name(): PermissionName {
    return this.#descriptor.name;
  }

  #changed(state: PermissionState): void {
    if (state === this.#state) return;
    this.#state = state;
    fireEvent(this, 'change');
  }
}

/** `navigator.permissions`, as far as devices go (W3C Permissions, 6.2). */
export class Permissions {
  readonly #store: PermissionStore;

  static {
    defineInterface(Permissions, { brand: (value) => #store in value });
  }

  /** @internal @throws TypeError always, for scripts: "Illegal constructor". */
  constructor(...[token, store]: [token?: unknown, store?: PermissionStore]) {
    if (token !== internal || store === undefined) throw illegalConstructor();
    this.#store = store;
  }

  /** @throws TypeError (as a rejection) for another name than camera and microphone. */
  async query(permissionDesc: PermissionDescriptor): Promise<PermissionStatus> {
    const store = this.#store;
    requireArguments(arguments, 1, 'Permissions.query');
    if (!isObject(permissionDesc)) throw new TypeError('Permissions.query: not an object');
    const where = 'PermissionDescriptor';
    const name = KnownName.convert(Descriptor.convert(permissionDesc, where).name, `${where}.name`);
    const more = name === 'camera' ? CameraDescriptor.convert(permissionDesc, where) : {};
    return new PermissionStatus(internal, store, { ...more, name });
  }
}

export const createPermissions = (store: PermissionStore): Permissions => new Permissions(internal, store);
