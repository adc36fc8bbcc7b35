import type { MediaTrackSettings } from '../media/track-dictionaries.ts';
import { controlValues } from './camera-controls.ts';
import { CaptureError } from './capture-error.ts';
import type { CaptureDevice, VideoDevice } from './device.ts';
import { setControls } from './v4l2-controls.ts';

/** What the tracks of a source have set its camera to. A camera forgets that when it is unplugged; this does not. */
export class SourceControls {
  #wishes: MediaTrackSettings = {};
  /** The node that has them; a camera that comes back has another, or is told by {@link forgotten}. */
  #setOn: string | undefined;

  /**
   * Sets controls of a camera.
   * @returns the camera with the values that its controls have now.
   * @throws CaptureError `invalid-value`, `failed`, `timeout`, `not-installed`; then nothing has changed.
   */
  async set(device: CaptureDevice | undefined, settings: MediaTrackSettings): Promise<VideoDevice> {
    if (device?.kind !== 'videoinput') throw new CaptureError('not-live', 'the camera is not connected');
    const set = await apply(device, settings);
    this.#wishes = { ...this.#wishes, ...settings };
    this.#setOn = device.path;
    return set;
  }

  /** Sets a camera that has come back to what was set before. @returns it, with the values of now. @throws as {@link set}. */
  async restore(device: CaptureDevice): Promise<CaptureDevice> {
    if (device.kind !== 'videoinput' || Object.keys(this.#wishes).length === 0 || this.#setOn === device.path)
      return device;
    this.#setOn = device.path;
    return apply(device, this.#wishes);
  }

  /** The camera is gone. */
  forgotten(): void {
    this.#setOn = undefined;
  }
}

async function apply(device: VideoDevice, settings: MediaTrackSettings): Promise<VideoDevice> {
  const values = controlValues(settings, device.controls);
  if (Object.keys(values).length === 0) return device;
  return { ...device, controls: await setControls(device.path, values) };
}
