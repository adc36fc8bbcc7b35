/** The SelectSettings algorithm (W3C Media Capture and Streams, 11.3). */
import { appliesTo, PROPERTY_NAMES, type PropertyName, propertyOf } from './constrainable-properties.ts';
import {
  fitnessDistance,
  type NormalizedConstraint,
  type NormalizedSet,
  normalizeConstraint,
  numericDistance,
  requiredNames,
} from './fitness-distance.ts';
import {
  type Axis,
  aspectRatioOf,
  type Configuration,
  possibleConfigurations,
  type SelectableSource,
} from './settings-candidates.ts';
import type { MediaTrackConstraintSet, MediaTrackConstraints } from './track-constraints.ts';
import type { MediaTrackSettings } from './track-dictionaries.ts';
import type { ContentHint } from './track-source.ts';

/** What is chosen where no constraint says otherwise, and the device can. */
const DEFAULT_SETTINGS: MediaTrackSettings = {
  width: 640,
  height: 480,
  frameRate: 30,
  echoCancellation: true,
  sampleRate: 48_000,
  channelCount: 2,
};

/** What a hint makes of sound where the constraints leave a choice (MediaStreamTrack Content Hints, 4.1). */
const HINT_DEFAULTS: Readonly<Partial<Record<ContentHint, MediaTrackSettings>>> = {
  music: { echoCancellation: false, autoGainControl: false, noiseSuppression: false },
  speech: { echoCancellation: true, autoGainControl: true },
  'speech-recognition': { echoCancellation: false, autoGainControl: false, noiseSuppression: false },
};

export const defaultsFor = (hint: ContentHint): MediaTrackSettings => ({ ...DEFAULT_SETTINGS, ...HINT_DEFAULTS[hint] });

export interface Selection {
  /** Every property that the source has, with its value. */
  readonly settings: MediaTrackSettings;
  /** From the basic set; devices are compared by it. */
  readonly distance: number;
}

/** Nothing satisfies the required constraints. */
export interface Overconstrained {
  /** One that nothing satisfies by itself; empty when only several together are too much. */
  readonly failedConstraint: PropertyName | '';
}

/**
 * Chooses the settings of a track. Among those that fit equally well the ones win that need no scaling, then no
 * cropping, then those near to the defaults; controls of the device keep their values.
 */
export function selectSettings(
  source: SelectableSource,
  constraints: MediaTrackConstraints,
  defaults: MediaTrackSettings = DEFAULT_SETTINGS,
): Selection | Overconstrained {
  const { advanced = [], ...rest } = constraints;
  const basic = normalizeSet(rest, 'ideal', source.kind);
  const others = advanced.map((set) => normalizeSet(set, 'exact', source.kind));
  const all = possibleConfigurations(source, mentionedIn([basic, ...others]), defaults);
  let candidates = satisfying(all, basic, 'ideal');
  if (candidates.length === 0) return { failedConstraint: failedConstraint(all, basic) };
  for (const set of others) {
    const fitting = satisfying(candidates, set, 'exact');
    if (fitting.length > 0) candidates = fitting;
  }
  return best(candidates, basic, source, defaults);
}

export const isOverconstrained = (result: Selection | Overconstrained): result is Overconstrained =>
  'failedConstraint' in result;

/** The constraints of a set that mean something for tracks of this kind. */
export function normalizeSet(
  set: MediaTrackConstraintSet,
  bare: 'ideal' | 'exact',
  kind: 'audio' | 'video',
): NormalizedSet {
  const normalized = new Map();
  for (const name of PROPERTY_NAMES) {
    if (set[name] === undefined || !appliesTo(name, kind)) continue;
    const constraint = normalizeConstraint(set[name], bare, propertyOf(name).type === 'booleanOrDouble');
    if (constraint !== undefined) normalized.set(name, name === 'aspectRatio' ? rounded(constraint) : constraint);
  }
  return normalized;
}

/** An aspect ratio has ten decimal places on both sides of a comparison. */
const rounded = (constraint: NormalizedConstraint): NormalizedConstraint =>
  Object.fromEntries(
    Object.entries(constraint).map(([key, value]) => [
      key,
      typeof value === 'number' ? aspectRatioOf(value, 1) : value,
    ]),
  );

const mentionedIn = (sets: readonly NormalizedSet[]) => (name: PropertyName) =>
  sets.flatMap((set) => Object.values(set.get(name) ?? {}));

const settingOf = (settings: MediaTrackSettings, name: PropertyName): never => settings[name] as never;

/** Sum over the members of a set that this axis decides. */
function axisDistance(settings: MediaTrackSettings, set: NormalizedSet, bare: 'ideal' | 'exact'): number {
  let sum = 0;
  for (const [name, constraint] of set)
    if (name in settings) sum += fitnessDistance(settingOf(settings, name), constraint, bare);
  return sum;
}

/** Sum over the members of a set that the source has no property for. */
function absentDistance({ axes }: Configuration, set: NormalizedSet, bare: 'ideal' | 'exact'): number {
  let sum = 0;
  for (const [name, constraint] of set)
    if (!axes.some(([first]) => first !== undefined && name in first))
      sum += fitnessDistance(undefined, constraint, bare);
  return sum;
}

/** What is left of the configurations when every value that a set forbids is taken away. */
function satisfying(
  configurations: readonly Configuration[],
  set: NormalizedSet,
  bare: 'ideal' | 'exact',
): Configuration[] {
  return configurations
    .filter((configuration) => absentDistance(configuration, set, bare) < Infinity)
    .map((configuration) => ({
      ...configuration,
      axes: configuration.axes.map((axis) => axis.filter((value) => axisDistance(value, set, bare) < Infinity)),
    }))
    .filter(({ axes }) => axes.every((axis) => axis.length > 0));
}

function failedConstraint(all: readonly Configuration[], basic: NormalizedSet): PropertyName | '' {
  const hopeless = requiredNames(basic).find((name) => {
    const alone: NormalizedSet = new Map([...basic].filter(([other]) => other === name));
    return satisfying(all, alone, 'ideal').length === 0;
  });
  return hopeless ?? '';
}

function best(
  candidates: readonly Configuration[],
  basic: NormalizedSet,
  source: SelectableSource,
  defaults: MediaTrackSettings,
): Selection {
  let found: { selection: Selection; cost: number[] } | undefined;
  for (const configuration of candidates) {
    const chosen = configuration.axes.map((axis) =>
      cheapest(axis, [
        (value) => axisDistance(value, basic, 'ideal'),
        (value) => cropping(value, configuration.aspectRatio),
        oddness,
        (value) => preferenceDistance(value, source.current, defaults),
      ]),
    );
    const sum = (index: number): number => chosen.reduce((total, { cost }) => total + (cost[index] ?? 0), 0);
    const distance = sum(0) + absentDistance(configuration, basic, 'ideal');
    const cost = [distance, configuration.resizeMode === 'crop-and-scale' ? 1 : 0, sum(1), sum(2), sum(3)];
    if (found !== undefined && compare(cost, found.cost) >= 0) continue;
    found = { selection: { settings: Object.assign({}, ...chosen.map(({ value }) => value)), distance }, cost };
  }
  return (found as { selection: Selection }).selection;
}

/** The value that wins by the first of the costs, among equals by the next; later costs are only looked at for those. */
function cheapest(
  axis: Axis,
  costs: readonly ((value: MediaTrackSettings) => number)[],
): { value: MediaTrackSettings; cost: number[] } {
  let equals = axis;
  const cost = costs.map((costOf) => {
    const priced = equals.map(costOf);
    const least = priced.reduce((a, b) => Math.min(a, b));
    equals = equals.filter((_, index) => (priced[index] as number) - least <= ROUNDING_ERROR);
    return least;
  });
  return { value: equals[0] as MediaTrackSettings, cost };
}

/** So little of a picture is cut off when its size is rounded to even numbers. */
const ROUNDING = 0.02;

/** The share of the picture that another aspect ratio cuts off. */
function cropping({ width, height }: MediaTrackSettings, aspectRatio: number | undefined): number {
  if (width === undefined || height === undefined || aspectRatio === undefined) return 0;
  const ratio = width / height / aspectRatio;
  const cut = 1 - Math.min(ratio, 1 / ratio);
  return cut < ROUNDING ? 0 : cut;
}

/** Pictures have one colour for two by two pixels: odd sizes only where they are asked for. */
const oddness = ({ width = 0, height = 0 }: MediaTrackSettings): number => (width % 2) + (height % 2);

/** How far a value is from what nobody had to ask for: of a control its present value, else the default. */
function preferenceDistance(
  value: MediaTrackSettings,
  current: MediaTrackSettings,
  defaults: MediaTrackSettings,
): number {
  let sum = 0;
  for (const name of Object.keys(value) as PropertyName[]) {
    const actual = value[name];
    const preferred = (propertyOf(name).control ? current : defaults)[name];
    if (preferred === undefined) continue;
    if (typeof actual === 'number' && typeof preferred === 'number') sum += numericDistance(actual, preferred);
    else if (JSON.stringify(actual) !== JSON.stringify(preferred)) sum += 1;
  }
  return sum;
}

/** Sums of quotients that differ by no more are equal. */
const ROUNDING_ERROR = 1e-9;

/** Lexicographically. */
function compare(a: readonly number[], b: readonly number[]): number {
  for (const [index, value] of a.entries()) {
    const difference = value - (b[index] ?? 0);
    if (Math.abs(difference) > ROUNDING_ERROR) return difference;
  }
  return 0;
}

/** Whether a constraint of any set speaks of the property. */
export const isConstrained = ({ advanced = [], ...basic }: MediaTrackConstraints, name: string): boolean =>
  [basic, ...advanced].some((set) => name in set);
