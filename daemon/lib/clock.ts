/** A pending call of {@link Clock.setTimeout}. */
export interface Timer {
  unref?(): void;
}

/** Time as the rooms see it; tests pass one that they turn by hand. */
export interface Clock {
  /** Milliseconds of CLOCK_MONOTONIC, the clock that every process of this machine shares and nobody can set. */
  now(): number;
  /** Milliseconds since the Unix epoch, as the machine believes: may jump by years when a board without RTC gets its time. */
  wall(): number;
  setTimeout(callback: () => void, milliseconds: number): Timer;
  clearTimeout(timer: Timer | undefined): void;
}

export const systemClock: Clock = {
  now: () => Number(process.hrtime.bigint()) / 1e6,
  wall: () => Date.now(),
  setTimeout: (callback, milliseconds) => setTimeout(callback, milliseconds),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout | undefined),
};

/** A difference that a step of the wall clock makes and reading jitter does not, in milliseconds. */
const STEP_MS = 50;

/**
 * The one mapping from monotonic to wall clock time that all RTCP sender reports of the process use, so that tracks
 * which were captured by different processes stay in sync. It follows a step of the wall clock at the next
 * {@link resync}, which every report begins with, for all tracks at once; the reading jitter between two calls never reaches a report.
 */
export class MediaClock {
  readonly clock: Clock;
  #offset: number;

  constructor(clock: Clock = systemClock) {
    this.clock = clock;
    this.#offset = clock.wall() - clock.now();
  }

  now(): number {
    return this.clock.now();
  }

  /** Unix milliseconds at a monotonic time. */
  wallOf(monotonic: number): number {
    return monotonic + this.#offset;
  }

  /** Adopts a stepped wall clock; true when it had stepped. */
  resync(): boolean {
    const fresh = this.clock.wall() - this.clock.now();
    if (Math.abs(fresh - this.#offset) < STEP_MS) return false;
    this.#offset = fresh;
    return true;
  }
}
