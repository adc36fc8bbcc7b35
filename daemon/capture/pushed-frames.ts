/** Length-prefixed pictures on a pipe: what a program pushes, on its way to the worker. */

/** Bytes before each picture: its length, big endian. */
const PREFIX_BYTES = 4;

/** The prefix of a picture of this many bytes. */
export function framePrefix(length: number): Buffer {
  const prefix = Buffer.allocUnsafe(PREFIX_BYTES);
  prefix.writeUInt32BE(length);
  return prefix;
}

/** Puts the pictures together again: one copy for each. */
export class PushedFrameReader {
  readonly #frame: (frame: Buffer) => void;
  readonly #prefix = Buffer.alloc(PREFIX_BYTES);
  #current = this.#prefix;
  #filled = 0;

  /** @param frame called with each picture, which is its own from then on. */
  constructor(frame: (frame: Buffer) => void) {
    this.#frame = frame;
  }

  push(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      const copied = chunk.copy(this.#current, this.#filled, at);
      at += copied;
      this.#filled += copied;
      if (this.#filled < this.#current.length) return;
      const whole = this.#current;
      this.#filled = 0;
      if (whole === this.#prefix) this.#current = Buffer.allocUnsafe(whole.readUInt32BE());
      else {
        this.#current = this.#prefix;
        this.#frame(whole);
      }
    }
  }
}
