import type { ChildExit } from '../lib/child.ts';
import type { Clock } from '../lib/clock.ts';
import type { CaptureFailure } from './capture-owner.ts';
import type { DriverRefusal } from './driver-refusal.ts';
import type { WorkerReport } from './worker-messages.ts';

/** The first process after an installation looks through all plug-ins of GStreamer: many seconds on a small board. */
const LOAD_TIMEOUT_MS = 60_000;
/** A camera may take seconds to open and to deliver its first picture. */
const OPEN_TIMEOUT_MS = 10_000;

/** How far one life of a capture worker has come: how long it may be silent, and why it was of no use. */
export class LifeProgress {
  /** Why the driver does not begin. */
  refusal: DriverRefusal | undefined;
  /** Why this life is of no use, once it is known. */
  failure: CaptureFailure | undefined;
  readonly #clock: Clock;
  readonly #begunAt: number;
  /** When it was given its device. */
  #launchedAt: number | undefined;
  /** When it began to open the device. */
  #openingAt: number | undefined;
  #lastSignAt: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#begunAt = clock.now();
  }

  /** It has no device to begin with. */
  get standing(): boolean {
    return this.#launchedAt === undefined;
  }

  /** How long from its beginning it may go without a sign, in milliseconds. */
  get startTimeout(): number {
    if (this.#openingAt !== undefined) return this.#openingAt - this.#begunAt + OPEN_TIMEOUT_MS;
    return this.#launchedAt === undefined ? Infinity : this.#launchedAt - this.#begunAt + LOAD_TIMEOUT_MS;
  }

  launched(): void {
    this.#launchedAt = this.#clock.now();
  }

  standsBy(): void {
    this.#launchedAt = undefined;
  }

  opens(): void {
    this.#openingAt = this.#clock.now();
  }

  /** It gives a sign of life. */
  sign(): void {
    this.#lastSignAt = this.#clock.now();
  }

  /** What a failure is that the worker reports. */
  failureBy({ reason, message }: Extract<WorkerReport, { type: 'failed' }>): CaptureFailure {
    if (this.refusal === undefined) return { reason, message };
    const { text, errno } = this.refusal;
    return { reason: 'device', message: `the driver does not begin: ${text}`, errno };
  }

  /** Why its process ended. */
  endedBy(exit: ChildExit): CaptureFailure {
    if (this.failure !== undefined) return this.failure;
    // By the watchdog: what has come since does not count.
    if (exit.killed) {
      const silence = Math.round(this.#clock.now() - (this.#lastSignAt ?? this.#begunAt));
      const what = this.#openingAt === undefined ? 'GStreamer was not loaded' : 'the device delivered nothing';
      return { reason: 'stall', message: `${what} for ${silence} ms` };
    }
    const how = exit.signal ?? (exit.code === null ? 'did not start' : `exit code ${exit.code}`);
    return { reason: 'crash', message: `capture worker ended: ${how}` };
  }
}
