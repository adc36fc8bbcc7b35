import type { CaptureDevice, DeviceControl, VideoDevice } from './device.ts';
import { isLibcamera, withControls } from './libcamera-controls.ts';
import { setControls } from './v4l2-controls.ts';

type Values = Readonly<Record<string, number>>;

/** What the controls of cameras were set to, by whomever. A camera forgets that when it is unplugged; this does not. */
export class ControlsMemory {
  readonly #set: typeof setControls;
  /** By device id: that stays the same over a replug. */
  readonly #values = new Map<string, Values>();

  constructor(set = setControls) {
    this.#set = set;
  }

  /**
   * Sets controls of a camera, and remembers them.
   * @param values raw, by name of the control.
   * @returns the camera with the values that its controls have now.
   * @throws CaptureError `invalid-value`, `failed`, `timeout`, `not-installed`; then nothing has changed.
   */
  async set(device: VideoDevice, values: Values): Promise<VideoDevice> {
    if (Object.keys(values).length === 0) return device;
    const controls = await this.#apply(device, values);
    const names = Object.keys({ ...this.held(device.deviceId), ...values });
    this.#values.set(device.deviceId, heldValues(controls, names));
    return { ...device, controls };
  }

  /** Sets a camera that has come back to what was set before. @returns it, with the values of now. @throws as {@link set}. */
  async restore(device: CaptureDevice): Promise<CaptureDevice> {
    if (device.kind !== 'videoinput') return device;
    const now = new Map(device.controls.map(({ name, value }) => [name, value]));
    const lost = Object.entries(this.held(device.deviceId)).filter(([name, value]) => now.get(name) !== value);
    if (lost.length === 0) return device;
    return { ...device, controls: await this.#apply(device, Object.fromEntries(lost)) };
  }

  /** What a camera was set to, by name of the control. */
  held(deviceId: string): Values {
    return this.#values.get(deviceId) ?? {};
  }

  async #apply(device: VideoDevice, values: Values): Promise<DeviceControl[]> {
    if (!isLibcamera(device)) return this.#set(device.path, values);
    // Nobody else knows what it was set to.
    return withControls(device.controls, { ...this.held(device.deviceId), ...values });
  }
}

/** As the device has taken them. A button holds nothing, nor does what an automatic mode decides. */
function heldValues(controls: readonly DeviceControl[], names: readonly string[]): Values {
  const held = controls.filter(({ name, type, inactive }) => names.includes(name) && type !== 'button' && !inactive);
  return Object.fromEntries(held.flatMap(({ name, value }) => (value === undefined ? [] : [[name, value]])));
}
