import type { RtpFrame } from './rtp-frame.ts';

export interface FrameGateOptions {
  /** Queued bytes above which whole frames are dropped, up to the next key frame. */
  highWater: number;
  /** Whether delivery begins (and resumes) only with a key frame: video yes, audio no. */
  needsKeyFrame: boolean;
}

/** Nothing sent yet; everything passes; the queue is full; the queue is short again, a key frame is due. */
type GateState = 'joining' | 'open' | 'draining' | 'resuming';

/**
 * Decides frame by frame what a slow reader gets: nothing before a key frame, everything while its queue is short, and
 * after an overflow nothing until the queue has all but emptied and a key frame comes. It never lets half a frame through.
 */
export class FrameGate {
  readonly #options: FrameGateOptions;
  #state: GateState;
  /** Frames that the reader lost because its queue was full, those until the next key frame included. */
  dropped = 0;

  constructor(options: FrameGateOptions) {
    this.#options = options;
    this.#state = options.needsKeyFrame ? 'joining' : 'open';
  }

  /** True when nothing passes until a key frame comes; the owner asks the source for one. */
  get needsKeyFrame(): boolean {
    return this.#state === 'joining' || this.#state === 'resuming';
  }

  /** Whether this frame goes out, given how many bytes already wait in the reader's queue. */
  admits(frame: Pick<RtpFrame, 'keyFrame'>, queuedBytes: number): boolean {
    const { highWater, needsKeyFrame } = this.#options;
    if (queuedBytes > highWater) this.#state = 'draining';
    else if (this.#state === 'draining' && queuedBytes <= highWater / 8)
      this.#state = needsKeyFrame ? 'resuming' : 'open';
    if (this.needsKeyFrame && frame.keyFrame) this.#state = 'open';
    if (this.#state === 'draining' || this.#state === 'resuming') this.dropped += 1;
    return this.#state === 'open';
  }
}
