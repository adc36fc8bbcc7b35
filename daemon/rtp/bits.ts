import { withoutEmulationPrevention } from './nal.ts';

/** A NAL unit, bit by bit. */
export class Bits {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(nal: Buffer) {
    this.#bytes = withoutEmulationPrevention(nal);
  }

  skip(count: number): void {
    this.#at += count;
  }

  /** @throws RangeError at the end. */
  take(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i++, this.#at++) {
      const byte = this.#bytes[this.#at >> 3];
      if (byte === undefined) throw new RangeError('the set ends too early');
      value = value * 2 + ((byte >> (7 - (this.#at & 7))) & 1);
    }
    return value;
  }

  /** An unsigned Exp-Golomb code (H.264, 9.1; H.265, 9.2). @throws RangeError. */
  exponential(): number {
    let zeros = 0;
    while (this.take(1) === 0) if (++zeros > 31) throw new RangeError('the code is too long');
    return 2 ** zeros - 1 + this.take(zeros);
  }
}
