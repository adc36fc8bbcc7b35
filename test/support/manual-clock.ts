import type { Clock } from '../../daemon/lib/clock.ts';

/** Time that stands still until the test moves it. Timers never fire. */
export class ManualClock implements Clock {
  #now = 0;
  /** Unix milliseconds at `now() === 0`. */
  epoch = Date.UTC(2026, 0, 1);

  now(): number {
    return this.#now;
  }

  wall(): number {
    return this.epoch + this.#now;
  }

  advance(milliseconds: number): void {
    this.#now += milliseconds;
  }

  setTimeout(): object {
    return {};
  }

  clearTimeout(): void {}
}
