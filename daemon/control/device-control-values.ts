import { ControlError, type DeviceControlReport } from './gateway-port.ts';

/** A value as people send it: a number, on and off, or the words of a menu. */
export type ControlValue = number | boolean | string;

/**
 * What the device is to get for what people sent; whether it takes it is for the device to say.
 * @param at JSON pointer to `wanted`.
 * @throws ControlError `invalid_request` for words that mean nothing to the control.
 */
export function controlValues(
  controls: readonly DeviceControlReport[],
  wanted: Readonly<Record<string, ControlValue>>,
  at: string,
): Record<string, number> {
  return Object.fromEntries(
    Object.entries(wanted).map(([name, value]) => {
      const control = controls.find((candidate) => candidate.name === name);
      const number = numberOf(control, value);
      if (number !== undefined) return [name, number];
      const path = `${at}/${name}`;
      const shown = `${name} is ${JSON.stringify(value)}`;
      throw new ControlError('invalid_request', `${shown}; must be ${allowed(control, controls)}`, path);
    }),
  );
}

function numberOf(control: DeviceControlReport | undefined, value: ControlValue): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return Number(value);
  const word = value.toLowerCase();
  return control?.menu?.find(({ label }) => label.toLowerCase() === word)?.value;
}

function allowed(control: DeviceControlReport | undefined, controls: readonly DeviceControlReport[]): string {
  if (control === undefined) return `a control of the device: ${controls.map(({ name }) => name).join(', ')}`;
  if (control.menu === undefined) return control.type === 'boolean' ? 'true or false' : 'a number';
  return `one of ${control.menu.map(({ value, label }) => `${value} (${label})`).join(', ')}`;
}
