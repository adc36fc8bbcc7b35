import type { ProvidedDevice, ProvidedInput } from './device-provider.ts';
import { trackCapabilities } from './track-capabilities.ts';
import type { MediaTrackCapabilities } from './track-dictionaries.ts';
import { defineInterface, illegalConstructor, internal } from './web-idl.ts';

export type MediaDeviceKind = ProvidedDevice['kind'];

interface DeviceDescription {
  readonly kind: MediaDeviceKind;
  readonly deviceId: string;
  readonly groupId: string;
  readonly label: string;
}

/** A device as a script may know it (W3C Media Capture and Streams, 9.3). */
export class MediaDeviceInfo {
  readonly #description: DeviceDescription;

  static {
    defineInterface(MediaDeviceInfo, { brand: (value) => #description in value });
  }

  /** @internal @throws TypeError always, for scripts: "Illegal constructor". */
  constructor(...[token, description]: [token?: unknown, description?: DeviceDescription, ...more: unknown[]]) {
    if (token !== internal || description === undefined) throw illegalConstructor();
    this.#description = description;
  }

  get deviceId(): string {
    return this.#description.deviceId;
  }

  get kind(): MediaDeviceKind {
    return this.#description.kind;
  }

  get label(): string {
    return this.#description.label;
  }

  get groupId(): string {
    return this.#description.groupId;
  }

  toJSON(): { deviceId: string; kind: MediaDeviceKind; label: string; groupId: string } {
    const { deviceId, kind, label, groupId } = this.#description;
    return { deviceId, kind, label, groupId };
  }
}

/** A camera or a microphone (W3C Media Capture and Streams, 9.3.2). */
export class InputDeviceInfo extends MediaDeviceInfo {
  readonly #capabilities: () => MediaTrackCapabilities;

  static {
    defineInterface(InputDeviceInfo, { brand: (value) => #capabilities in value });
  }

  /** @internal @throws TypeError always, for scripts: "Illegal constructor". */
  constructor(
    ...[token, description, capabilities]: [
      token?: unknown,
      description?: DeviceDescription,
      capabilities?: () => MediaTrackCapabilities,
    ]
  ) {
    super(token, description);
    if (capabilities === undefined) throw illegalConstructor();
    this.#capabilities = capabilities;
  }

  /** What a track of the device could have; empty while a script may not know which device it is. */
  getCapabilities(): MediaTrackCapabilities {
    return structuredClone(this.#capabilities());
  }
}

const isInput = (device: ProvidedDevice): device is ProvidedInput => device.kind !== 'audiooutput';

/** @param exposed Whether more than the kind may be told. */
export function createDeviceInfo(device: ProvidedDevice, exposed: boolean, panTiltZoom: boolean): MediaDeviceInfo {
  const { kind } = device;
  const description = exposed ? device : { kind, deviceId: '', groupId: '', label: '' };
  if (!isInput(device)) return new MediaDeviceInfo(internal, description);
  return new InputDeviceInfo(internal, description, () => (exposed ? capabilitiesOf(device, panTiltZoom) : {}));
}

export const capabilitiesOf = (device: ProvidedInput, panTiltZoom: boolean): MediaTrackCapabilities =>
  trackCapabilities(
    {
      kind: device.kind === 'videoinput' ? 'video' : 'audio',
      capabilities: () => device.capabilities(),
      modes: () => device.modes(),
    },
    panTiltZoom,
  );
