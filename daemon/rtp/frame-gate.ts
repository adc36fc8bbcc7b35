import type { RtpFrame } from './rtp-frame.ts';

export interface FrameGateOptions {
  /** Queued bytes above which whole frames are dropped, up to the next key frame. */
  highWater: number;
  /** Whether delivery begins (and resumes) only with a key frame: video yes, audio no. */
  needsKeyFrame: boolean;
}

/**
 * Decides frame by frame what a slow reader gets: nothing before a key frame, everything while its queue is short,
 * and after an overflow nothing until the queue is empty and a key frame comes. It never lets half a frame through.
 */
export class FrameGate {
  readonly #options: FrameGateOptions;
  #waiting: boolean;
  #draining = false;
  /** Frames that were withheld because the queue was full. */
  dropped = 0;

  constructor(options: FrameGateOptions) {
    this.#options = options;
    this.#waiting = options.needsKeyFrame;
  }

  /** True when nothing passes until a key frame comes; the owner asks the source for one. */
  get needsKeyFrame(): boolean {
    return this.#waiting && !this.#draining;
  }

  /** Whether this frame goes out, given how many bytes already wait in the reader's queue. */
  admits(frame: RtpFrame, queuedBytes: number): boolean {
    if (queuedBytes > this.#options.highWater) {
      this.#draining = true;
      this.#waiting = this.#options.needsKeyFrame;
    } else if (this.#draining && queuedBytes <= this.#options.highWater / 8) {
      this.#draining = false;
    }
    if (this.#draining) {
      this.dropped += 1;
      return false;
    }
    if (this.#waiting && !frame.keyFrame) return false;
    this.#waiting = false;
    return true;
  }
}
