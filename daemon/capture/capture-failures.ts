import type { Log } from '../lib/log.ts';
import type { CaptureFailure } from './capture-owner.ts';
import type { CaptureDevice, UsbPort } from './device.ts';
import { explainFailure } from './failure-explanation.ts';
import { resetUsbDevice } from './usb-reset.ts';

/** When a camera on the USB is reset, which other processes alone did not bring back. */
export interface UsbResetPolicy {
  /** After so many lives in a row without media; 0: never. */
  after(): number;
  /** It was reset, or could not be: then why not. */
  done(device: CaptureDevice, because: string, error: string | undefined): void;
}

export interface CaptureFailuresOptions {
  device: () => CaptureDevice | undefined;
  /** What is captured now, this device left out or not. */
  captured?: (() => readonly CaptureDevice[]) | undefined;
  usbReset?: UsbResetPolicy | undefined;
  /** More is known of why nothing flows. */
  explained: (reason: string) => void;
  log: Log;
  explain?: typeof explainFailure;
  reset?: (usb: UsbPort) => Promise<void>;
}

/** Failures for which a device may be to blame that has lost its way. */
const OF_THE_DEVICE: ReadonlySet<CaptureFailure['reason']> = new Set(['stall', 'crash', 'device', 'stream', 'ended']);

/** What is made of lives that fail: words for people, and, when new processes do not help, a reset of the device. */
export class CaptureFailures {
  readonly #options: CaptureFailuresOptions;
  readonly #explain: typeof explainFailure;
  readonly #reset: (usb: UsbPort) => Promise<void>;
  /** The driver's words of the last failure. */
  #last: string | undefined;
  #explanation: string | undefined;
  #behind: Promise<string | undefined> = Promise.resolve(undefined);
  /** Lives in a row without media. */
  #row = 0;
  /** The row at which the device is reset next: ever later. */
  #resetAt: number | undefined;
  #resetting = false;

  constructor(options: CaptureFailuresOptions) {
    this.#options = options;
    this.#explain = options.explain ?? explainFailure;
    this.#reset = options.reset ?? resetUsbDevice;
  }

  /** A life has failed. @returns why, for a person, as far as it is known now; `known`: as the last one did. */
  failed(failure: CaptureFailure): { reason: string; known: boolean } {
    const known = failure.message === this.#last;
    if (!known) this.#explanation = undefined;
    this.#last = failure.message;
    this.#behind = this.#lookBehind(failure);
    this.#escalate(failure);
    return { reason: this.#explanation ?? failure.message, known };
  }

  /** What is behind the last failure, for a person; undefined where that speaks for itself. */
  get explanation(): Promise<string | undefined> {
    return this.#behind;
  }

  /** Media flows. */
  over(): void {
    this.#last = undefined;
    this.#explanation = undefined;
    this.#behind = Promise.resolve(undefined);
    this.#row = 0;
    this.#resetAt = undefined;
  }

  async #lookBehind(failure: CaptureFailure): Promise<string | undefined> {
    const device = this.#options.device();
    if (device === undefined) return undefined;
    const text = await this.#explain(failure, device, this.#options.captured?.() ?? []);
    if (text !== undefined && text !== this.#explanation && this.#last === failure.message) {
      this.#explanation = text;
      this.#options.explained(text);
    }
    return text;
  }

  #escalate({ reason, errno, message }: CaptureFailure): void {
    const { usbReset } = this.#options;
    const device = this.#options.device();
    const after = usbReset?.after() ?? 0;
    if (after === 0 || device?.usb === undefined || !OF_THE_DEVICE.has(reason) || errno !== undefined) return;
    this.#row += 1;
    if (this.#resetting || this.#row < (this.#resetAt ?? after)) return;
    this.#resetAt = this.#row * 2;
    void this.#resetNow(device, device.usb, message);
  }

  async #resetNow(device: CaptureDevice, usb: UsbPort, because: string): Promise<void> {
    const { log, usbReset } = this.#options;
    this.#resetting = true;
    let failure: string | undefined;
    try {
      await this.#reset(usb);
      log.warn({ device: device.label, lives: this.#row }, `${device.label} was reset over the USB: ${because}`);
    } catch (error) {
      failure = error instanceof Error ? error.message : String(error);
      log.warn({ device: device.label, err: error }, `${device.label} cannot be reset over the USB: ${failure}`);
    }
    this.#resetting = false;
    usbReset?.done(device, because, failure);
  }
}
