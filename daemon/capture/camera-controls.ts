/** The controls of a camera as constrainable properties of its tracks (W3C Image Capture, 10), and back. */
import type { MediaTrackCapabilities, MediaTrackSettings, ValueRange } from '../media/track-dictionaries.ts';
import {
  METERING_MODES,
  type MeteringMode,
  MODE_PROPERTIES,
  MODE_ROWS,
  type ModeProperty,
  type ModeRow,
  NUMBER_ROWS,
  type NumberRow,
  TORCH,
  type Unit,
} from './camera-control-table.ts';
import { CaptureError } from './capture-error.ts';
import type { DeviceControl } from './device.ts';

/** What the camera's controls can be set to, in the standard's units; a property that it has not is not there. */
export function controlCapabilities(controls: readonly DeviceControl[]): Partial<MediaTrackCapabilities> {
  const capabilities: Partial<MediaTrackCapabilities> = {};
  for (const { property, allowed } of modesOf(controls)) capabilities[property] = allowed;
  for (const { property, unit, control } of numbersOf(controls)) capabilities[property] = rangeOf(control, unit);
  if (torchOf(controls) !== undefined) capabilities.torch = [false, true];
  return capabilities;
}

/** What the controls are set to, in the standard's units. */
export function controlSettings(controls: readonly DeviceControl[]): Partial<MediaTrackSettings> {
  const settings: Partial<MediaTrackSettings> = {};
  for (const { property, current } of modesOf(controls)) if (current !== undefined) settings[property] = current;
  for (const { property, unit, control } of numbersOf(controls)) {
    const { value } = control;
    if (value !== undefined) settings[property] = tidy(unit.standard(numberOf(control, value), control));
  }
  const torch = torchOf(controls);
  if (torch?.value !== undefined) settings.torch = torch.value === TORCH.on;
  return settings;
}

/**
 * The raw values that make the camera be as the settings say, in the order to set them: modes before what depends on
 * them. A number becomes the nearest one that the control takes. An exposure time, exposure compensation, colour
 * temperature or focus distance without a word on its mode sets the mode in which it has a meaning; in another mode it
 * has none, and is left out.
 * @param settings What is no control (`width` ...) is ignored.
 * @param controls As they are now.
 * @throws CaptureError `invalid-value` for a property or a mode that the camera has not.
 */
export function controlValues(
  settings: MediaTrackSettings,
  controls: readonly DeviceControl[],
): Record<string, number> {
  refuseUnknown(settings, controls);
  const numbers = numbersOf(controls).filter(({ property }) => settings[property] !== undefined);
  const values: Record<string, number> = {};
  const modes = new Map<ModeProperty, string | undefined>();
  for (const mode of modesOf(controls)) {
    const { property, current } = mode;
    const meant = numbers.find((number) => number.mode?.[0] === property)?.mode?.[1];
    const wish = settings[property] ?? (isIn(current, meant) ? undefined : meant);
    if (wish !== undefined) Object.assign(values, rawMode(mode, wish));
    modes.set(property, wish ?? current);
  }
  for (const { property, unit, mode, automatic, control } of numbers) {
    if (mode !== undefined && !isIn(modes.get(mode[0]), mode[1])) continue;
    if (automatic !== undefined && find(controls, automatic[0])) values[automatic[0]] = automatic[1];
    values[control.name] = nearest(control, unit.raw(settings[property] as number, control));
  }
  // The standard has no word for the automatic choice of the sensitivity alone: automatic exposure is that too.
  for (const { property, automatic } of numbersOf(controls))
    if (automatic !== undefined && settings[property] === undefined && settings.exposureMode === 'continuous')
      if (find(controls, automatic[0])) values[automatic[0]] = automatic[2];
  if (settings.torch !== undefined) values[TORCH.control] = settings.torch ? TORCH.on : TORCH.off;
  return values;
}

function refuseUnknown(settings: MediaTrackSettings, controls: readonly DeviceControl[]): void {
  const has = controlCapabilities(controls);
  const known = [...MODE_PROPERTIES, ...NUMBER_ROWS.map(({ property }) => property), 'torch' as const];
  for (const property of known)
    if (settings[property] !== undefined && has[property] === undefined)
      throw new CaptureError('invalid-value', `${property}: the camera has no such control`);
  if (settings.pointsOfInterest !== undefined)
    throw new CaptureError('invalid-value', 'pointsOfInterest: the camera has no such control');
}

/** A mode of the camera. Without a control that sets it it is `manual`, where the camera has a value to set by hand. */
interface CameraMode {
  readonly property: ModeProperty;
  readonly allowed: MeteringMode[];
  readonly current: MeteringMode | undefined;
  readonly row?: ModeRow;
  readonly control?: DeviceControl;
}

function modesOf(controls: readonly DeviceControl[]): CameraMode[] {
  const modes: CameraMode[] = [];
  for (const property of MODE_PROPERTIES) {
    const rows = MODE_ROWS.filter((row) => row.property === property);
    const found = firstOf(rows, controls);
    if (found !== undefined) {
      const [row, control] = found;
      const words = new Set(row.modes.filter(([raw]) => takes(control, raw)).map(([, mode]) => mode));
      if (words.has('manual') && row.shot !== undefined && find(controls, row.shot[0])) words.add('single-shot');
      const allowed = METERING_MODES.filter((mode) => words.has(mode));
      modes.push({ property, allowed, current: row.modes.find(([raw]) => raw === control.value)?.[1], row, control });
    } else if (numbersOf(controls).some(({ mode }) => mode?.[0] === property && mode[1] === 'manual')) {
      modes.push({ property, allowed: ['manual'], current: 'manual' });
    }
  }
  return modes;
}

/** The values that set a mode. A control that is in that mode already keeps its value: there may be two for one mode. */
function rawMode({ property, allowed, row, control }: CameraMode, wish: string): Record<string, number> {
  if (!allowed.some((mode) => mode === wish))
    throw new CaptureError('invalid-value', `${property} '${wish}': allowed are ${allowed.join(', ')}`);
  if (row === undefined || control === undefined) return {};
  const possible = row.modes.filter(([raw]) => takes(control, raw));
  const rawOf = (word: string): number | undefined =>
    possible.find(([raw, mode]) => mode === word && raw === control.value)?.[0] ??
    possible.find(([, mode]) => mode === word)?.[0];
  // One shot leaves the device where it found it: adjusted once, manual from then on.
  const raw = rawOf(wish) ?? rawOf('manual');
  return {
    ...(raw === undefined ? {} : { [control.name]: raw }),
    ...(wish === 'single-shot' && row.shot !== undefined ? { [row.shot[0]]: row.shot[1] } : {}),
  };
}

/** Whether a mode is the one in which a number has a meaning: `single-shot` is automatic too. */
function isIn(mode: string | undefined, wanted: 'manual' | 'continuous' | undefined): boolean {
  return wanted === undefined || (mode === 'manual') === (wanted === 'manual');
}

function numbersOf(controls: readonly DeviceControl[]): (NumberRow & { readonly control: DeviceControl })[] {
  const properties = [...new Set(NUMBER_ROWS.map(({ property }) => property))];
  return properties.flatMap((property) => {
    const found = firstOf(
      NUMBER_ROWS.filter((row) => row.property === property),
      controls,
    );
    return found === undefined ? [] : [{ ...found[0], control: found[1] }];
  });
}

function torchOf(controls: readonly DeviceControl[]): DeviceControl | undefined {
  const control = find(controls, TORCH.control);
  return control !== undefined && takes(control, TORCH.on) && takes(control, TORCH.off) ? control : undefined;
}

function firstOf<Row extends { controls: readonly string[] }>(
  rows: readonly Row[],
  controls: readonly DeviceControl[],
): [Row, DeviceControl] | undefined {
  for (const row of rows)
    for (const name of row.controls) {
      const control = find(controls, name);
      if (control !== undefined) return [row, control];
    }
  return undefined;
}

/** The control of this name, where it can be set. */
function find(controls: readonly DeviceControl[], name: string): DeviceControl | undefined {
  return controls.find((control) => control.name === name && control.readOnly !== true);
}

function takes({ menu }: DeviceControl, raw: number): boolean {
  return menu === undefined || menu.some(({ value }) => value === raw);
}

/** What a raw value says: of a menu of numbers, as ISO sensitivities are one, the number that the item is. */
function numberOf({ menu }: DeviceControl, raw: number): number {
  const label = menu?.find(({ value }) => value === raw)?.label;
  return label === undefined ? raw : Number.parseInt(label, 10);
}

function rangeOf(control: DeviceControl, unit: Unit): ValueRange {
  const { menu, type, step = 1 } = control;
  const numbers = (menu?.map(({ value }) => numberOf(control, value)) ?? [control.min ?? 0, control.max ?? 0]).sort(
    (a, b) => a - b,
  );
  const standard = numbers.map((number) => tidy(unit.standard(number, control)));
  const [first = 0, second = 0] = numbers;
  const gap = menu === undefined ? step : second - first;
  const even = menu === undefined ? type === 'integer' : numbers.every((number, i) => number === first + i * gap);
  return {
    min: Math.min(...standard),
    max: Math.max(...standard),
    ...(even && gap > 0 && { step: tidy(unit.standard(first + gap, control) - unit.standard(first, control)) }),
  };
}

/** The value nearest to a number that the control takes. */
function nearest(control: DeviceControl, number: number): number {
  const { type, menu, min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY, step = 1 } = control;
  if (menu !== undefined) {
    const distance = (raw: number): number => Math.abs(numberOf(control, raw) - number);
    return menu.map(({ value }) => value).reduce((best, raw) => (distance(raw) < distance(best) ? raw : best));
  }
  const within = Math.min(Math.max(number, min), max);
  if (type === 'number') return within;
  const grid = Math.max(step, 1);
  const origin = Number.isFinite(min) ? min : 0;
  const steps = Math.min(Math.round((within - origin) / grid), Math.floor((max - origin) / grid));
  return origin + steps * grid;
}

/** Without the noise of binary fractions: 1.1, not 1.1000000000000001. */
function tidy(value: number): number {
  return Number(value.toPrecision(12));
}
