/** What is known of a frame that a source has delivered. */
export interface DeliveredFrame {
  readonly keyFrame: boolean;
  /** The source says that it has lost something before a part of it, or of it. */
  readonly afterLoss: boolean;
  /** How many slices begin in it; 0 where its codec has none. */
  readonly slices: number;
  /** One of them is the first of a picture. */
  readonly begins: boolean;
}

/**
 * Judges the frames of a source that loses packets on its own way to us and repacks what it got: its sequence numbers
 * have no hole then. It marks what comes after a loss. A key frame may be marked because of what is missing before it, or
 * be missing a slice itself: it is whole if it has its first slice, and as many as key frames of this source have.
 */
export class SourceLosses {
  #slices: number | undefined;

  /** Whether decoding cannot go on, or begin, with this frame. */
  damage({ keyFrame, afterLoss, slices, begins }: DeliveredFrame): boolean {
    const whole = slices === 0 || (begins && (this.#slices === undefined || slices === this.#slices));
    if (afterLoss && !(keyFrame && whole)) return true;
    if (keyFrame) this.#slices = slices;
    return false;
  }
}
