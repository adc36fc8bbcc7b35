import type { Clock, Timer } from '../lib/clock.ts';

export interface KeyFrameRequestsOptions {
  clock: Clock;
  /** The least time between two requests to the encoder, in milliseconds. */
  interval: number;
  /** Asks the encoder. */
  send: () => void;
}

/** Turns the wishes of many viewers into few requests: the first goes out at once, the last is never lost. */
export class KeyFrameRequests {
  readonly #options: KeyFrameRequestsOptions;
  #sentAt = -Infinity;
  #wishedAt = -Infinity;
  #timer: Timer | undefined;

  constructor(options: KeyFrameRequestsOptions) {
    this.#options = options;
  }

  request(): void {
    const { clock, interval } = this.#options;
    this.#wishedAt = clock.now();
    if (this.#timer !== undefined) return;
    const wait = this.#sentAt + interval - this.#wishedAt;
    if (wait <= 0) this.#send();
    else this.#timer = clock.setTimeout(() => this.#send(), wait);
  }

  /** A key frame has come: whoever asked before it was captured has it. */
  satisfied(captureTime: number): void {
    if (captureTime > this.#wishedAt) this.cancel();
  }

  /** Forgets a request that has not gone out. */
  cancel(): void {
    this.#options.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #send(): void {
    this.#timer = undefined;
    this.#sentAt = this.#options.clock.now();
    this.#options.send();
  }
}
