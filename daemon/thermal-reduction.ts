import type { ThermalSettings } from '../config/settings.ts';
import type { Clock } from './lib/clock.ts';
import type { Log } from './lib/log.ts';
import type { EncodingReduction } from './media/track-source.ts';

/** How much is encoded: all that is configured, or less because the machine is hot. */
export type ThermalStep = 'full' | 'reduced' | 'least';

/** What a reading means, from the temperature T of the configuration on. */
export type Heat =
  /** Below T - 5 °C. */
  | 'cool'
  /** Below T. */
  | 'mild'
  /** From T on. */
  | 'warm'
  /** From T + 5 °C on, or the firmware slows the machine down. */
  | 'hot';

export interface HeatReading {
  /** Degrees Celsius; undefined where the machine does not tell. */
  temperature: number | undefined;
  /** The firmware slows the machine down. */
  throttled: boolean;
}

/** Where readings of one kind lead, once they have lasted: one step at a time. */
export const THERMAL_STEPS = {
  full: { cool: 'full', mild: 'full', warm: 'reduced', hot: 'reduced' },
  reduced: { cool: 'full', mild: 'reduced', warm: 'reduced', hot: 'least' },
  least: { cool: 'reduced', mild: 'reduced', warm: 'least', hot: 'least' },
} as const satisfies Record<ThermalStep, Record<Heat, ThermalStep>>;

/** What is left of the frames and bits that are configured, and why, for a person. */
const REDUCTIONS: Readonly<Record<ThermalStep, { share: EncodingReduction; reason: string } | undefined>> = {
  full: undefined,
  reduced: {
    share: { frameRate: 1 / 2, bitrate: 0.6 },
    reason: 'the machine is hot: half of the frames are encoded',
  },
  least: {
    share: { frameRate: 1 / 4, bitrate: 0.35 },
    reason: 'the machine is too hot: a quarter of the frames is encoded',
  },
};

const ORDER: readonly ThermalStep[] = ['least', 'reduced', 'full'];
/** Degrees between two kinds of readings. */
const BAND = 5;
/** How long it has to be too hot for a step down: one odd reading is none. */
const WORSE_MS = 10_000;

/** @param temperature from which less is encoded, degrees Celsius. */
export function heatOf({ temperature = -Infinity, throttled }: HeatReading, warm: number): Heat {
  if (throttled || temperature >= warm + BAND) return 'hot';
  if (temperature >= warm) return 'warm';
  return temperature >= warm - BAND ? 'mild' : 'cool';
}

/** Decides from readings of the temperature how much is encoded: down soon, up again only after it has been cool for long. */
export class ThermalReduction {
  readonly #options: { settings: () => ThermalSettings; clock: Clock; log: Log };
  #step: ThermalStep = 'full';
  /** The step that the readings ask for, and since when. */
  #asked: { step: ThermalStep; since: number } | undefined;

  constructor(options: { settings: () => ThermalSettings; clock: Clock; log: Log }) {
    this.#options = options;
  }

  get step(): ThermalStep {
    return this.#step;
  }

  /** What is left of the frames and bits that are configured; undefined: all. */
  get reduction(): EncodingReduction | undefined {
    return REDUCTIONS[this.#step]?.share;
  }

  /** Why it is not all, for a person. */
  get reason(): string | undefined {
    return REDUCTIONS[this.#step]?.reason;
  }

  /** Takes a reading. @returns whether {@link step} is another one than before. */
  read(reading: HeatReading): boolean {
    const { settings, log } = this.#options;
    const step = settings().reduce ? this.#next(reading) : 'full';
    if (step === this.#step) return false;
    this.#step = step;
    this.#asked = undefined;
    log.warn({ ...reading, encoding: step }, this.reason ?? 'everything is encoded again');
    return true;
  }

  #next(reading: HeatReading): ThermalStep {
    const { temperature, recovery } = this.#options.settings();
    const asked = THERMAL_STEPS[this.#step][heatOf(reading, temperature)];
    const now = this.#options.clock.now();
    if (this.#asked?.step !== asked) this.#asked = { step: asked, since: now };
    const better = ORDER.indexOf(asked) > ORDER.indexOf(this.#step);
    return now - this.#asked.since >= (better ? recovery * 1000 : WORSE_MS) ? asked : this.#step;
  }
}
