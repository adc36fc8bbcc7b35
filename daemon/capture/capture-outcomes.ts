import type { Log } from '../lib/log.ts';
import { CaptureFailures, type UsbResetPolicy } from './capture-failures.ts';
import type { CaptureFailure, LossStage } from './capture-owner.ts';
import type { CaptureStatus, CaptureTransition } from './capture-state.ts';
import type { CaptureDevice } from './device.ts';
import type { SourceDevice } from './source-device.ts';

export interface CaptureOutcomesOptions {
  /** What else is captured: it may be in the way. */
  captured?: (() => readonly CaptureDevice[]) | undefined;
  usbReset?: UsbResetPolicy | undefined;
  log: Log;
}

/** Counters since the source was made. */
export interface CaptureSourceStats {
  /**
   * Lives that ended against our will, by reason: `crash`, `stall`, `device`, `stream`, `ended`, `pipeline`; `decoder`: of
   * what decodes beside.
   */
  readonly restarts: Readonly<Record<string, number>>;
  readonly transitions: Iterable<Readonly<CaptureTransition>>;
  readonly lost: LostFrames;
}

/**
 * Frames that no track could have: left out by the device, or dropped because their conversion was busy; `source`: of what
 * comes encoded from it those that are not whole, or refer to one that is not.
 */
export type LostFrames = Readonly<Record<LossStage | 'source', number>>;

/** What comes of the attempts to capture a device: told to its status and the log, explained and counted. */
export class CaptureOutcomes {
  readonly #device: SourceDevice;
  readonly #status: CaptureStatus;
  readonly #failures: CaptureFailures;
  readonly #log: Log;
  readonly #restarts: Record<string, number> = {};
  readonly #lost: Record<LossStage, number> = { capture: 0, conversion: 0 };

  constructor(options: CaptureOutcomesOptions, device: SourceDevice, status: CaptureStatus) {
    this.#device = device;
    this.#status = status;
    this.#log = options.log;
    this.#failures = new CaptureFailures({
      device: () => device.current,
      captured: options.captured,
      usbReset: options.usbReset,
      explained: (reason) => status.explain(reason),
      log: options.log,
    });
  }

  /** @param source see {@link LostFrames}. */
  statsWith(source: number): CaptureSourceStats {
    return { restarts: this.#restarts, transitions: this.#status.transitions, lost: { ...this.#lost, source } };
  }

  /** What is behind the last failure, for a person; undefined where that speaks for itself. */
  get explanation(): Promise<string | undefined> {
    return this.#failures.explanation;
  }

  /** A life ended against our will; the next one begins in so many milliseconds. */
  died(failure: CaptureFailure, delay: number): void {
    this.#count(failure.reason);
    this.failed(failure, delay);
  }

  /** The decoder was interrupted, which tells for itself why. */
  decoderDied(): void {
    this.#count('decoder');
  }

  failed(failure: CaptureFailure, delay: number): void {
    const { reason, known } = this.#failures.failed(failure);
    // A device that somebody else has is tried for days: it is told once.
    const level = known ? 'debug' : 'warn';
    this.#log[level]({ ...failure, delay: Math.round(delay) }, `capture interrupted: ${failure.message}`);
    if (failure.reason === 'stall') this.#status.on('stalled', reason);
    this.#status.on(failure.reason === 'pipeline' ? 'refused' : 'died', reason);
  }

  lost(stage: LossStage, frames: number): void {
    this.#lost[stage] += frames;
  }

  /** Media flows. @param encoders what encodes it. */
  flows(encoders: readonly string[]): void {
    if (this.#status.name === 'live') return;
    this.#failures.over();
    const { label } = this.#device;
    this.#log.info({ device: label, encoders }, `capturing from ${label}`);
    this.#status.on('packet');
  }

  #count(reason: string): void {
    this.#restarts[reason] = (this.#restarts[reason] ?? 0) + 1;
  }
}
