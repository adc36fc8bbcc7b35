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
 * be missing a slice itself: it is whole if it has its first slice, and as many as key frames of this source have. Where a
 * loss reaches from one frame into the next only the first of them is marked.
 */
export class SourceLosses {
  #slices: number | undefined;

  /** Whether decoding cannot go on, or begin, with this frame. */
  damage({ keyFrame, afterLoss, slices, begins }: DeliveredFrame): boolean {
    if (keyFrame && slices > 0 && !begins) return true;
    const whole = slices === 0 || this.#slices === undefined || slices === this.#slices;
    if (afterLoss && !(keyFrame && whole)) return true;
    if (keyFrame) this.#slices = slices;
    return false;
  }
}
