import { MediaDeviceInfo } from './media-device-info.ts';
import { trusted } from './trusted-events.ts';
import { defineInterface, requireArguments } from './web-idl.ts';
import { dictionary, EventInit, instance, sequence, withDefault } from './web-idl-types.ts';

export interface DeviceChangeEventInit extends EventInit {
  devices?: MediaDeviceInfo[];
}

export const DeviceChangeEventInitType = dictionary<Required<DeviceChangeEventInit>>(
  'DeviceChangeEventInit',
  { devices: withDefault(sequence(instance(MediaDeviceInfo)), []) },
  EventInit,
);

let insertedOf: (event: DeviceChangeEvent, inserted: readonly MediaDeviceInfo[]) => void;

/** `devicechange` (W3C Media Capture and Streams, 9.4). */
export class DeviceChangeEvent extends Event {
  readonly #devices: readonly MediaDeviceInfo[];
  #userInsertedDevices: readonly MediaDeviceInfo[] = Object.freeze([]);

  static {
    insertedOf = (event, inserted) => {
      event.#userInsertedDevices = Object.freeze(inserted);
    };
    defineInterface(DeviceChangeEvent, { brand: (value) => #devices in value });
  }

  constructor(type: string, eventInitDict: DeviceChangeEventInit = {}) {
    requireArguments(arguments, 1, 'DeviceChangeEvent constructor');
    const init = DeviceChangeEventInitType.convert(eventInitDict, 'DeviceChangeEventInit');
    super(type, init);
    this.#devices = Object.freeze(init.devices);
  }

  get devices(): readonly MediaDeviceInfo[] {
    return this.#devices;
  }

  /** Those of {@link devices} that have just been plugged in. */
  get userInsertedDevices(): readonly MediaDeviceInfo[] {
    return this.#userInsertedDevices;
  }
}

export function createDeviceChangeEvent(
  devices: MediaDeviceInfo[],
  inserted: readonly MediaDeviceInfo[],
): DeviceChangeEvent {
  const event = new DeviceChangeEvent('devicechange', trusted({ devices }));
  insertedOf(event, inserted);
  return event;
}
