import type { Clock } from '../../daemon/lib/clock.ts';

interface Alarm {
  readonly due: number;
  readonly callback: () => void;
}

/** Time that stands still until the test moves it; timers fire on the way, each at its time. */
export class ManualClock implements Clock {
  #now = 0;
  readonly #alarms = new Set<Alarm>();
  /** Unix milliseconds at `now() === 0`; change it, and the wall clock has been set. */
  epoch = Date.UTC(2026, 0, 1);

  now(): number {
    return this.#now;
  }

  wall(): number {
    return this.epoch + this.#now;
  }

  advance(milliseconds: number): void {
    const end = this.#now + milliseconds;
    for (let alarm = this.#nextBefore(end); alarm !== undefined; alarm = this.#nextBefore(end)) {
      this.#alarms.delete(alarm);
      this.#now = Math.max(this.#now, alarm.due);
      alarm.callback();
    }
    this.#now = end;
  }

  /** Time passes and nobody comes to look at the timers meanwhile: a process that was stopped. */
  freeze(milliseconds: number): void {
    this.#now += milliseconds;
  }

  /** Timers that are set. */
  get pending(): number {
    return this.#alarms.size;
  }

  setTimeout(callback: () => void, milliseconds: number): object {
    const alarm = { due: this.#now + milliseconds, callback };
    this.#alarms.add(alarm);
    return alarm;
  }

  clearTimeout(timer: object | undefined): void {
    if (timer !== undefined) this.#alarms.delete(timer as Alarm);
  }

  #nextBefore(end: number): Alarm | undefined {
    let next: Alarm | undefined;
    for (const alarm of this.#alarms)
      if (alarm.due <= end && (next === undefined || alarm.due < next.due)) next = alarm;
    return next;
  }
}
