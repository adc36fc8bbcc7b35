import { CaptureError } from './capture-error.ts';
import type { DeviceControl } from './device.ts';

/**
 * The control of this name, where it takes this value; whether it is active is seen once the modes are set.
 * @throws CaptureError `invalid-value` naming the control, the value and what is allowed.
 */
export function checkControl(controls: ReadonlyMap<string, DeviceControl>, name: string, value: number): DeviceControl {
  const control = controls.get(name);
  if (control === undefined)
    throw new CaptureError(
      'invalid-value',
      `the device has no control '${name}': it has ${listed([...controls.keys()])}`,
      name,
    );
  if (control.readOnly) throw new CaptureError('invalid-value', `${name} is read-only`, name);
  const allowed = refusal(control, value);
  if (allowed !== undefined) throw new CaptureError('invalid-value', `${name} ${value}: ${allowed}`, name);
  return control;
}

/** What is allowed, where the value is not. Integers have 32 bits. */
function refusal(control: DeviceControl, value: number): string | undefined {
  const { type, min = -(2 ** 31), max = 2 ** 31 - 1, step = 1, menu = [] } = control;
  switch (type) {
    case 'button':
      return value === 1 ? undefined : 'a button takes 1';
    case 'boolean':
      return value === 0 || value === 1 ? undefined : 'allowed are 0 (off) and 1 (on)';
    case 'menu':
      if (menu.some((item) => item.value === value)) return undefined;
      return `allowed are ${listed(menu.map((item) => `${item.value} (${item.label})`))}`;
    case 'number':
      return value >= min && value <= max ? undefined : `allowed are numbers from ${min} to ${max}`;
    case 'integer':
      if (Number.isInteger(value) && value >= min && value <= max && (value - min) % Math.max(1, step) === 0)
        return undefined;
      return `allowed are whole numbers from ${min} to ${max}${step > 1 ? ` in steps of ${step}` : ''}`;
  }
}

function listed(items: readonly string[]): string {
  return items.length === 0 ? 'none' : items.join(', ');
}
