import { checkControl } from './control-check.ts';
import type { DeviceControl, VideoDevice } from './device.ts';
import { propertyOf } from './libcamera.ts';

/** Whether a camera is captured through libcamera: its controls are properties of its source, and nothing else can read or set them. */
export function isLibcamera(device: { readonly bus: string }): boolean {
  return device.bus === 'libcamera';
}

/**
 * The controls of a camera with other values, which it has with the next life of its capture.
 * @throws CaptureError `invalid-value` naming the control, the value and what is allowed.
 */
export function withControls(
  controls: readonly DeviceControl[],
  values: Readonly<Record<string, number>>,
): DeviceControl[] {
  const byName = new Map(controls.map((control) => [control.name, control]));
  for (const [name, value] of Object.entries(values)) checkControl(byName, name, value);
  return withValues(controls, values);
}

/** The same for values that were checked before; what the camera has no more is left out. */
export function withValues(
  controls: readonly DeviceControl[],
  values: Readonly<Record<string, number>>,
): DeviceControl[] {
  return controls.map((control) => {
    const value = values[control.name];
    return value === undefined ? control : { ...control, value };
  });
}

/**
 * The controls that are not as the camera begins with them, as properties of libcamerasrc. They are set before it opens
 * the camera: what is set while it runs (libcamera 0.4 to 0.7) it gives to the next request, and loses with it where no
 * buffer is free, which is nearly always.
 */
export function sourceProperties({ controls }: VideoDevice): Record<string, number> {
  const changed = controls.filter((control) => control.value !== undefined && control.value !== control.default);
  return Object.fromEntries(changed.map(({ name, value = 0 }) => [propertyOf(name), value]));
}
