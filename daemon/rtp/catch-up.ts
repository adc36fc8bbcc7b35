/** A slice each few milliseconds, about 80 Mbit/s: what the socket buffer of a viewer can take. */
const SLICE_BYTES = 40 * 1024;
const SLICE_INTERVAL_MS = 4;

/**
 * Brings one reader up to date: the frames that it begins with go out in slices, what comes meanwhile queues behind them,
 * and then everything passes at once.
 */
export class CatchUp<F extends { readonly byteLength: number }> {
  readonly #deliver: (frame: F) => void;
  #waiting: F[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(deliver: (frame: F) => void) {
    this.#deliver = deliver;
  }

  /** Begins, or begins again, with these frames; the first of them go out now. */
  begin(frames: readonly F[]): void {
    this.stop();
    this.#waiting = [...frames];
    this.#slice();
  }

  /** A frame that comes after those. */
  push(frame: F): void {
    if (this.#timer === undefined) this.#deliver(frame);
    else this.#waiting.push(frame);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#waiting = [];
  }

  #slice(): void {
    this.#timer = undefined;
    let sent = 0;
    let count = 0;
    while (sent < SLICE_BYTES && count < this.#waiting.length) sent += (this.#waiting[count++] as F).byteLength;
    const slice = this.#waiting.splice(0, count);
    if (this.#waiting.length > 0) this.#timer = setTimeout(() => this.#slice(), SLICE_INTERVAL_MS);
    for (const frame of slice) this.#deliver(frame);
  }
}
