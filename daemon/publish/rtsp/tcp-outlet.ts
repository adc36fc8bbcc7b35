import type { Writable } from 'node:stream';

/** A viewer this far behind gets no frames until it has caught up, in milliseconds. */
const LAG_LIMIT_MS = 2000;
/** Behind by less than this, it has caught up; more than the time between two marks. */
const CAUGHT_UP_MS = 1500;

/**
 * The way out to one viewer over its connection. It knows how far behind the viewer is: bytes are counted when they
 * are written and {@link mark}ed with the time, and the queues of Node and of the kernel tell at each {@link sample} how
 * many of them have arrived.
 */
export class TcpOutlet {
  readonly #socket: Writable;
  #written = 0;
  /** When how much had been written, oldest first, from the newest mark that has arrived in full. */
  #marks: { time: number; written: number }[] = [];
  #laggingSince: number | undefined;
  #arrived = 0;

  constructor(socket: Writable) {
    this.#socket = socket;
  }

  write(bytes: Buffer): void {
    if (!this.#socket.writable) return;
    this.#written += bytes.length;
    this.#socket.write(bytes);
  }

  /** What a FrameGate asks for: bytes that wait in this process, or everything for a viewer that has to catch up first. */
  get queuedBytes(): number {
    return this.#laggingSince === undefined ? this.#socket.writableLength : Number.POSITIVE_INFINITY;
  }

  /** Since when the viewer has been too far behind, in monotonic milliseconds. */
  get laggingSince(): number | undefined {
    return this.#laggingSince;
  }

  /** Notes how much has been written by now; about once a second, and before a sample. */
  mark(now: number): void {
    this.#marks.push({ time: now, written: this.#written });
  }

  /**
   * Measures, now and then: it is dear to ask the kernel.
   * @param kernelBytes what the kernel holds for this viewer; 0 where that cannot be known.
   * @returns whether more of what was written has arrived since the last sample: the viewer lives.
   */
  sample(now: number, kernelBytes: number): boolean {
    const arrived = this.#written - this.#socket.writableLength - kernelBytes;
    const progress = arrived > this.#arrived;
    if (progress) this.#arrived = arrived;
    while (this.#marks.length > 1 && (this.#marks[1]?.written ?? 0) <= arrived) this.#marks.shift();
    const oldest = this.#marks[0] ?? { time: now, written: 0 };
    const lag = arrived >= this.#written ? 0 : now - oldest.time;
    if (lag > LAG_LIMIT_MS) this.#laggingSince ??= now;
    else if (lag < CAUGHT_UP_MS) this.#laggingSince = undefined;
    return progress;
  }
}
