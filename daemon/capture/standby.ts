import { Backoff } from '../lib/backoff.ts';
import type { Clock, Timer } from '../lib/clock.ts';

/** Asking costs little: no process begins for it. */
const BACKOFF = { minimum: 100, maximum: 1500 };

/** The pauses of a worker that stands by for a device which is not to be had, from one attempt to the next. */
export class Standby {
  readonly #clock: Clock;
  readonly #backoff = new Backoff(BACKOFF);
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param again the next attempt. @returns in how many milliseconds that is. */
  wait(again: () => void): number {
    const delay = this.#backoff.next();
    this.#timer = this.#clock.setTimeout(again, delay);
    return delay;
  }

  /** The device is to be had. @returns whether it had been waited for. */
  over(): boolean {
    const waited = this.#timer !== undefined;
    this.end();
    this.#backoff.reset();
    return waited;
  }

  /** No more attempts. */
  end(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
