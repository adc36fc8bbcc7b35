import type { Log } from '../lib/log.ts';
import type { MediaTrackSettings } from '../media/track-dictionaries.ts';
import { SenderClock } from '../rtp/sender-clock.ts';
import { controlSettings, controlValues } from './camera-controls.ts';
import { CaptureError } from './capture-error.ts';
import { ControlsMemory } from './controls-memory.ts';
import type { CaptureDevice } from './device.ts';
import { isPresent } from './device-presence.ts';
import type { OpenedDevice, OpenNetworkDevice } from './network-cameras.ts';
import type { SourceOpening } from './worker-messages.ts';

export interface SourceDeviceOptions {
  kind: 'video' | 'audio';
  /** What to capture from; undefined while the device that is wished for is not there. */
  device: CaptureDevice | undefined;
  /** What the device is to be called while it is not there: the wish as configured. */
  wishedDevice?: string;
  /** How a device that is reached over the network is looked at before each life. */
  openNetworkDevice?: OpenNetworkDevice;
  /** Whether a device of this machine is there; default: as its node tells. */
  present?: (device: CaptureDevice) => Promise<boolean>;
  /** Where what cameras were set to is remembered; default: a memory of its own. */
  controls?: ControlsMemory;
  /** Controls of the device were set: whoever keeps a table of devices reads them again. */
  controlsChanged?: (device: CaptureDevice) => void;
  log: Log;
}

/** The device that a source captures from, as it is known now: it may be away, or another than before. */
export class SourceDevice {
  readonly #options: SourceDeviceOptions;
  readonly #controls: ControlsMemory;
  #current: CaptureDevice | undefined;
  #last: CaptureDevice | undefined;
  #opened: OpenedDevice | undefined;
  /** The times of a life of its own, which knows no clock. */
  #runningClock = new SenderClock();

  constructor(options: SourceDeviceOptions) {
    this.#options = options;
    this.#controls = options.controls ?? new ControlsMemory();
    this.#current = options.device;
    this.#last = options.device;
  }

  /** Undefined while the one that is wished for is not there. */
  get current(): CaptureDevice | undefined {
    return this.#current;
  }

  /** The one that was there last, though it may be away now. */
  get last(): CaptureDevice | undefined {
    return this.#last;
  }

  get label(): string {
    return this.#last?.label ?? this.#options.wishedDevice ?? '';
  }

  /** Why there is none, for a person. */
  get absence(): string {
    const { wishedDevice } = this.#options;
    // An id tells a person nothing.
    return this.#absenceOf(wishedDevice === this.#last?.deviceId ? this.label : wishedDevice);
  }

  /** What the source element is told besides the plan. */
  get opening(): SourceOpening | undefined {
    return this.#opened?.opening;
  }

  /**
   * When what comes now from a network source was captured, by its clock or, as long as that is not known, by how it came
   * of late; in monotonic milliseconds. Undefined where that is not to be told.
   */
  captureTime({ running, shown }: { running: number; shown: number | undefined }, now: number): number | undefined {
    if (shown === undefined) return this.#runningClock.read('', running, now);
    return this.#opened?.clock.read(this.#options.kind, shown, now);
  }

  /** What the current device itself says of a track's settings. */
  get settings(): MediaTrackSettings {
    if (this.#current === undefined) return {};
    const { deviceId, groupId } = this.#current;
    return { ...(this.#current.kind === 'videoinput' && controlSettings(this.#current.controls)), deviceId, groupId };
  }

  /** @returns whether it is another one, or elsewhere. */
  replace(device: CaptureDevice | undefined): boolean {
    const before = this.#current;
    this.#current = device && withFindings(device, this.#last);
    this.#last = this.#current ?? this.#last;
    return before?.deviceId !== device?.deviceId || before?.path !== device?.path;
  }

  /** Sets controls of the camera. @throws CaptureError. */
  async setControls(settings: MediaTrackSettings): Promise<void> {
    const device = this.#current;
    if (device?.kind !== 'videoinput') throw new CaptureError('not-live', 'the camera is not connected');
    this.#controlsSet(await this.#controls.set(device, controlValues(settings, device.controls)));
  }

  /** Makes the device ready for another life. @returns it, as it is captured. @throws CaptureError `not-live`. */
  async prepare(device: CaptureDevice): Promise<CaptureDevice> {
    const { openNetworkDevice, present = isPresent } = this.#options;
    if (device.rtsp === undefined || openNetworkDevice === undefined) {
      if (!(await present(device))) throw new CaptureError('not-live', this.#absenceOf(device.label));
      return this.#restoreControls(device);
    }
    const opened = await openNetworkDevice(device);
    if (this.#current?.deviceId !== device.deviceId) return device;
    this.replace(opened.device);
    this.#opened = opened;
    this.#runningClock = new SenderClock();
    return opened.device;
  }

  #absenceOf(name: string | undefined): string {
    const what = this.#options.kind === 'video' ? 'camera' : 'microphone';
    return name === undefined ? `no ${what}` : `no ${what} '${name}' is connected`;
  }

  /** A camera that refuses what it had is captured all the same. */
  async #restoreControls(device: CaptureDevice): Promise<CaptureDevice> {
    try {
      const restored = await this.#controls.restore(device);
      if (restored !== device) this.#controlsSet(restored);
      return restored;
    } catch (error) {
      this.#options.log.warn(
        { err: error, device: device.label },
        'the camera does not take the controls that were set',
      );
      return device;
    }
  }

  #controlsSet(device: CaptureDevice): void {
    // It may have been unplugged meanwhile.
    if (this.#current?.deviceId === device.deviceId && this.#current.path === device.path) this.replace(device);
    this.#options.controlsChanged?.(device);
  }
}

/** A device of the table, with what it was found to send when it was asked. */
function withFindings(device: CaptureDevice, found: CaptureDevice | undefined): CaptureDevice {
  if (device.rtsp?.assumed === undefined || found?.rtsp === undefined || found.rtsp.assumed) return device;
  if (found.deviceId !== device.deviceId || found.path !== device.path) return device;
  const { assumed, ...known } = device.rtsp;
  return { ...found, rtsp: { ...known, encoding: found.rtsp.encoding } };
}
