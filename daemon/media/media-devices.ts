import { PROPERTY_NAMES, type PropertyName } from './constrainable-properties.ts';
import { createDeviceChangeEvent } from './device-change-event.ts';
import type { DeviceProvider, ProvidedDevice } from './device-provider.ts';
import type { EventHandler } from './event-handlers.ts';
import { captureTracks, type Kind, NAME_OF_KIND } from './get-user-media.ts';
import { createDeviceInfo, type MediaDeviceInfo } from './media-device-info.ts';
import { MediaStream } from './media-stream.ts';
import {
  type GetUserMediaSemantics,
  type MediaStreamConstraints,
  MediaStreamConstraintsType,
} from './media-stream-constraints.ts';
import { endTrack, type MediaStreamTrack } from './media-stream-track.ts';
import type { PermissionStore } from './permission-store.ts';
import { defineInterface, illegalConstructor, internal } from './web-idl.ts';

export type MediaTrackSupportedConstraints = { [Name in PropertyName]?: boolean };

interface MediaDevicesSlots {
  readonly provider: DeviceProvider;
  readonly permissions: PermissionStore;
  /** The live tracks of getUserMedia(), clones included. */
  readonly captured: Readonly<Record<Kind, Set<MediaStreamTrack>>>;
  /** Kinds of which more may be told than that there is one: [[canExposeCameraInfo]], [[canExposeMicrophoneInfo]]. */
  readonly exposed: Set<Kind>;
  /** [[storedDeviceList]]. */
  stored: readonly ProvidedDevice[];
  /** Devices are looked for from the first question on. */
  watching: boolean;
}

/** The way to cameras and microphones (W3C Media Capture and Streams, 9 and 10). Made by the composition root. */
export class MediaDevices extends EventTarget {
  readonly #slots: MediaDevicesSlots;
  /** `devicechange`, a DeviceChangeEvent: what enumerateDevices() tells has changed. */
  declare ondevicechange: EventHandler;

  static {
    defineInterface(MediaDevices, { brand: (value) => #slots in value, events: ['devicechange'] });
  }

  /** @internal @throws TypeError always, for scripts: "Illegal constructor". */
  constructor(...[token, provider, permissions]: [token?: unknown, of?: DeviceProvider, by?: PermissionStore]) {
    if (token !== internal || provider === undefined || permissions === undefined) throw illegalConstructor();
    super();
    const captured = { audio: new Set<MediaStreamTrack>(), video: new Set<MediaStreamTrack>() };
    this.#slots = { provider, permissions, captured, exposed: new Set(), stored: [], watching: false };
    permissions.onChange(() => this.#permissionsChanged());
    // Who waits for changes does not have to ask for the devices first.
    Object.defineProperty(this, 'addEventListener', {
      configurable: true,
      writable: true,
      value: (...args: Parameters<EventTarget['addEventListener']>) => {
        if (String(args[0]) === 'devicechange') void this.#devices();
        EventTarget.prototype.addEventListener.apply(this, args);
      },
    });
  }

  /** Nobody sits before the box who could choose. */
  get defaultSemantics(): GetUserMediaSemantics {
    void this.#slots;
    return 'browser-chooses';
  }

  /**
   * Microphones, cameras, loudspeakers, of each kind the system's default first. Until getUserMedia() has been allowed
   * only whether there is a microphone and a camera.
   */
  async enumerateDevices(): Promise<MediaDeviceInfo[]> {
    const slots = this.#slots;
    return deviceInfos(await this.#devices(), slots);
  }

  /** The constraints that mean something here. */
  getSupportedConstraints(): MediaTrackSupportedConstraints {
    void this.#slots;
    return Object.fromEntries(PROPERTY_NAMES.map((name) => [name, true]));
  }

  /**
   * A stream with a live track of each kind asked for, delivering. The devices stay open until their last track stops.
   * @throws As rejections: TypeError when neither kind is asked for, or for what is no MediaStreamConstraints;
   *   DOMException `NotFoundError` without such a device, `NotAllowedError` by policy, `NotReadableError` when the device
   *   cannot be opened, `AbortError` when it does not deliver; OverconstrainedError when none can satisfy the constraints.
   */
  async getUserMedia(constraints: MediaStreamConstraints = {}): Promise<MediaStream> {
    const slots = this.#slots;
    const { audio, video, semantics } = MediaStreamConstraintsType.convert(constraints, 'MediaDevices.getUserMedia');
    const requests = new Map<Kind, object>();
    for (const [kind, wanted] of [
      ['audio', audio],
      ['video', video],
    ] as const)
      if (wanted !== false && wanted !== undefined) requests.set(kind, wanted === true ? {} : wanted);
    if (requests.size === 0) throw new TypeError('getUserMedia: neither audio nor video is asked for');
    const tracks = await captureTracks(requests, {
      devices: await this.#devices(),
      permissions: slots.permissions,
      captured: slots.captured,
      allowed: (kinds) => allowExposure(kinds, slots),
      userChooses: semantics === 'user-chooses',
    });
    return new MediaStream(tracks);
  }

  /** The devices as of now; from the first time on they are watched. */
  async #devices(): Promise<readonly ProvidedDevice[]> {
    const slots = this.#slots;
    if (!slots.watching) {
      slots.watching = true;
      slots.stored = await slots.provider.devices();
      slots.provider.onChange(() => void this.#devicesChanged());
      return slots.stored;
    }
    return slots.provider.devices();
  }

  /** The device change notification steps. */
  async #devicesChanged(): Promise<void> {
    const slots = this.#slots;
    const devices = await slots.provider.devices();
    const before = deviceInfos(slots.stored, slots);
    const now = deviceInfos(devices, slots);
    slots.stored = devices;
    if (JSON.stringify(before) === JSON.stringify(now)) return;
    const known = new Set(before.map(({ deviceId }) => deviceId));
    const inserted = now.filter(({ deviceId }) => deviceId !== '' && !known.has(deviceId));
    this.dispatchEvent(createDeviceChangeEvent(now, inserted));
  }

  /** Who loses a permission loses the tracks that came of it (the "device permission revocation algorithm"). */
  #permissionsChanged(): void {
    const { permissions, captured, exposed } = this.#slots;
    for (const kind of ['audio', 'video'] as const) {
      if (permissions.state({ name: NAME_OF_KIND[kind] }) === 'granted') continue;
      exposed.delete(kind);
      for (const track of [...captured[kind]]) endTrack(track);
    }
  }
}

const isExposed = (kind: Kind, { captured, exposed }: MediaDevicesSlots): boolean =>
  captured[kind].size > 0 || exposed.has(kind);

/** "Set the device information exposure": with one kind the other, too, where that is allowed anyway. */
function allowExposure(kinds: readonly Kind[], { permissions, exposed }: MediaDevicesSlots): void {
  for (const kind of kinds) exposed.add(kind);
  for (const kind of ['audio', 'video'] as const)
    if (permissions.state({ name: NAME_OF_KIND[kind] }) === 'granted') exposed.add(kind);
}

/** "Creating a list of device info objects". */
function deviceInfos(devices: readonly ProvidedDevice[], slots: MediaDevicesSlots): MediaDeviceInfo[] {
  const panTiltZoom = slots.permissions.state({ name: 'camera', panTiltZoom: true }) === 'granted';
  const infos = (wanted: ProvidedDevice['kind'], exposed: boolean): MediaDeviceInfo[] =>
    devices.filter(({ kind }) => kind === wanted).map((device) => createDeviceInfo(device, exposed, panTiltZoom));
  const [audio, video] = [isExposed('audio', slots), isExposed('video', slots)];
  const microphones = infos('audioinput', audio).slice(0, audio ? undefined : 1);
  const cameras = infos('videoinput', video).slice(0, video ? undefined : 1);
  // Loudspeakers belong to those who may listen, as browsers have it.
  return [...microphones, ...cameras, ...(audio ? infos('audiooutput', true) : [])];
}

export const createMediaDevices = (provider: DeviceProvider, permissions: PermissionStore): MediaDevices =>
  new MediaDevices(internal, provider, permissions);
