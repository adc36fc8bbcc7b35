/**
 * The settings dictionaries that a source can have (W3C Media Capture and Streams, 11.3), in a form that stays small: per
 * mode of the camera a product of axes whose values do not depend on each other. Of a range an axis has only the values
 * that a constraint speaks of, and those next to them: the best one is always among them.
 */
import { appliesTo, PROPERTY_NAMES, type PropertyName, propertyOf } from './constrainable-properties.ts';
import type { MediaTrackCapabilities, MediaTrackSettings, ValueRange } from './track-dictionaries.ts';
import type { VideoMode } from './track-source.ts';

/** What is known of a source before it is opened. */
export interface SelectableSource {
  readonly kind: 'audio' | 'video';
  readonly capabilities: MediaTrackCapabilities;
  /** Sizes and rates that need no scaling; none: everything within the capabilities. */
  readonly modes: readonly VideoMode[];
  /** What it has now; controls keep their values while nobody asks for others. */
  readonly current: MediaTrackSettings;
}

/** Values that can be chosen for one property, or for those that belong together: width, height and aspect ratio. */
export type Axis = readonly MediaTrackSettings[];

export interface Configuration {
  readonly resizeMode: 'none' | 'crop-and-scale' | undefined;
  /** What is scaled without cropping has the same: that of the mode; of the defaults where the source has any size. */
  readonly aspectRatio: number | undefined;
  readonly axes: readonly Axis[];
}

/** The values that some constraint has for a property. */
export type Mentioned = (name: PropertyName) => readonly unknown[];

/** No camera is slower; zero is no rate. */
const SLOWEST_FRAME_RATE = 0.1;
const COUPLED: readonly string[] = ['width', 'height', 'aspectRatio', 'frameRate', 'resizeMode'];

export function possibleConfigurations(
  source: SelectableSource,
  mentioned: Mentioned,
  defaults: MediaTrackSettings,
): Configuration[] {
  const independent = PROPERTY_NAMES.filter((name) => appliesTo(name, source.kind) && !COUPLED.includes(name))
    .map((name) => propertyAxis(source, name, mentioned))
    .filter((axis) => axis.length > 0);
  if (source.kind === 'audio') return [{ resizeMode: undefined, aspectRatio: undefined, axes: independent }];
  const values: Mentioned = (name) => [...mentioned(name), ...present((defaults as Record<string, unknown>)[name])];
  const modes = source.modes.length > 0 ? source.modes : [anyMode(source.capabilities)];
  return modes.flatMap((mode) => {
    const { width, height } = source.modes.length > 0 ? mode : defaults;
    const aspectRatio = width === undefined || height === undefined ? undefined : width / height;
    const scaled = {
      sizes: scaledSizes(mode, aspectRatio, values),
      rates: scaledRates(mode, source.capabilities, values),
    };
    const native =
      source.modes.length === 0
        ? scaled
        : { sizes: [size(mode.width, mode.height)], rates: mode.frameRates.map((frameRate) => ({ frameRate })) };
    return [{ resizeMode: 'none', ...native } as const, { resizeMode: 'crop-and-scale', ...scaled } as const].map(
      ({ resizeMode, sizes, rates }) => ({
        resizeMode,
        aspectRatio,
        axes: [[{ resizeMode }], sizes, rates, ...independent].filter((axis) => axis.length > 0),
      }),
    );
  });
}

/** Width divided by height "rounded to the tenth decimal place". */
export const aspectRatioOf = (width: number, height: number): number => Math.round((width / height) * 1e10) / 1e10;

const size = (width: number, height: number): MediaTrackSettings => ({
  width,
  height,
  aspectRatio: aspectRatioOf(width, height),
});

/** A source that has any size: its largest one. */
function anyMode({ width, height, frameRate }: MediaTrackCapabilities): VideoMode {
  const frameRates = frameRate === undefined ? [] : [frameRate.max];
  return { width: width?.max ?? 0, height: height?.max ?? 0, frameRates };
}

/**
 * Everything that can be cut out of a mode and made smaller, never larger. Width and height do not depend on each other
 * unless a constraint speaks of the aspect ratio: then every width counts, with the heights next to what the ratios make,
 * since whole numbers meet a ratio only here and there.
 */
function scaledSizes({ width, height }: VideoMode, aspectRatio: number | undefined, mentioned: Mentioned): Axis {
  if (width === 0 || height === 0) return [];
  const ratios = [...new Set(mentioned('aspectRatio'))].filter(
    (value) => typeof value === 'number' && value > 0,
  ) as number[];
  const widths = within({ min: 1, max: width }, [...mentioned('width'), width], WHOLE);
  const heights = within({ min: 1, max: height }, [...mentioned('height'), height], WHOLE);
  const native = aspectRatio ?? width / height;
  const known = new Set<number>();
  const sizes: MediaTrackSettings[] = [];
  const add = (w: number, h: number): void => {
    const key = w * (height + 1) + h;
    if (w < 1 || h < 1 || w > width || h > height || known.has(key)) return;
    known.add(key);
    sizes.push(size(w, h));
  };
  for (const w of widths) for (const h of [...heights, ...around(w / native)]) add(w, h);
  for (const h of heights) for (const ratio of [...ratios, native]) for (const w of around(h * ratio)) add(w, h);
  for (const ratio of ratios) for (let w = 1; w <= width; w++) for (const h of around(w / ratio)) add(w, h);
  return sizes;
}

/** The whole numbers next to a number, and the even ones. */
const around = (value: number): number[] => [
  Math.floor(value),
  Math.ceil(value),
  2 * Math.floor(value / 2),
  2 * Math.ceil(value / 2),
];

/** A lower rate comes of leaving out frames. */
function scaledRates({ frameRates }: VideoMode, { frameRate }: MediaTrackCapabilities, mentioned: Mentioned): Axis {
  const max = frameRates.length > 0 ? Math.max(...frameRates) : frameRate?.max;
  if (max === undefined) return [];
  return within({ min: Math.min(SLOWEST_FRAME_RATE, max), max }, [...mentioned('frameRate'), ...frameRates, max]).map(
    (value) => ({ frameRate: value }),
  );
}

function propertyAxis({ capabilities, current }: SelectableSource, name: PropertyName, mentioned: Mentioned): Axis {
  const capability = (capabilities as Record<string, unknown>)[name];
  const now = (current as Record<string, unknown>)[name];
  const axis = (values: readonly unknown[]): Axis => values.map((value) => ({ [name]: value }));
  if (propertyOf(name).type === 'points') return now === undefined ? [] : axis([now, ...mentioned(name)]);
  if (Array.isArray(capability)) return axis(capability);
  if (typeof capability === 'object' && capability !== null) {
    // Between two steps of a control the device takes the nearer one, as it does in browsers.
    const { min, max } = capability as ValueRange;
    return axis(within({ min, max }, [...mentioned(name), min, max, ...present(now)]));
  }
  return axis(present(capability));
}

const present = (value: unknown): unknown[] => (value === undefined ? [] : [value]);

const WHOLE = [Math.floor, Math.ceil];
const ANY = [(value: number): number => value];

/** The numbers that a range has nearest to these, on both sides. */
function within({ min, max }: ValueRange, values: readonly unknown[], roundings = ANY): number[] {
  const inside = values
    .filter((value) => typeof value === 'number')
    .map((value) => Math.min(max, Math.max(min, value)));
  return [...new Set(inside.flatMap((value) => roundings.map((round) => round(value))))];
}
