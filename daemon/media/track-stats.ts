import type { RtpStream } from '../rtp/rtp-stream.ts';
import type { EncodedStream } from './track-source.ts';
import { defineInterface, illegalConstructor, internal } from './web-idl.ts';

/** Frames of a camera's track (Media Capture and Streams Extensions, 7); counted while somebody consumes them. */
export class MediaStreamTrackVideoStats {
  readonly #encoded: EncodedStream;

  static {
    defineInterface(MediaStreamTrackVideoStats, { brand: (value) => #encoded in value });
  }

  /** @internal @throws TypeError always, for scripts: "Illegal constructor". */
  constructor(...[token, encoded]: [token?: unknown, encoded?: EncodedStream]) {
    if (token !== internal || encoded === undefined) throw illegalConstructor();
    this.#encoded = encoded;
  }

  get deliveredFrames(): number {
    return this.#encoded.rtp.stats.frames;
  }

  /** Those that were left out for a lower frame rate never leave the capture process: none is seen here. */
  get discardedFrames(): number {
    void this.#encoded;
    return 0;
  }

  /** With those that came damaged, or were dropped because the encoder was busy. */
  get totalFrames(): number {
    const { rtp, droppedFrames = 0 } = this.#encoded;
    return rtp.stats.frames + rtp.stats.dropped + droppedFrames;
  }

  toJSON(): { deliveredFrames: number; discardedFrames: number; totalFrames: number } {
    // Nothing but one of these has a JSON of this shape.
    void this.#encoded;
    const { deliveredFrames, discardedFrames, totalFrames } = this;
    return { deliveredFrames, discardedFrames, totalFrames };
  }
}

/** From the sound to its packet in milliseconds (Media Capture and Streams Extensions, 7); measured while somebody consumes it. */
export class MediaStreamTrackAudioStats {
  #latest = 0;
  #sum = 0;
  #count = 0;
  #minimum = 0;
  #maximum = 0;

  static {
    defineInterface(MediaStreamTrackAudioStats, { brand: (value) => #latest in value });
  }

  /** @internal @throws TypeError always, for scripts: "Illegal constructor". */
  constructor(...[token, rtp, now]: [token?: unknown, rtp?: RtpStream, now?: () => number]) {
    if (token !== internal || rtp === undefined || now === undefined) throw illegalConstructor();
    rtp.onFrame((frame) => this.#measured(Math.max(0, now() - frame.captureTime)));
  }

  get latency(): number {
    return this.#latest;
  }

  get averageLatency(): number {
    return this.#count === 0 ? this.#latest : this.#sum / this.#count;
  }

  get minimumLatency(): number {
    return this.#minimum;
  }

  get maximumLatency(): number {
    return this.#maximum;
  }

  /** Average, minimum and maximum begin anew, with the latest measurement. */
  resetLatency(): void {
    const latest = this.#latest;
    this.#sum = 0;
    this.#count = 0;
    this.#minimum = latest;
    this.#maximum = latest;
  }

  toJSON(): { latency: number; averageLatency: number; minimumLatency: number; maximumLatency: number } {
    const latency = this.#latest;
    const { averageLatency, minimumLatency, maximumLatency } = this;
    return { latency, averageLatency, minimumLatency, maximumLatency };
  }

  #measured(latency: number): void {
    this.#minimum = this.#latest === 0 ? latency : Math.min(this.#minimum, latency);
    this.#maximum = Math.max(this.#maximum, latency);
    this.#latest = latency;
    this.#sum += latency;
    this.#count += 1;
  }
}

export type MediaStreamTrackStats = MediaStreamTrackAudioStats | MediaStreamTrackVideoStats;

export const createTrackStats = (
  kind: 'audio' | 'video',
  encoded: EncodedStream,
  now: () => number,
): MediaStreamTrackStats =>
  kind === 'video'
    ? new MediaStreamTrackVideoStats(internal, encoded)
    : new MediaStreamTrackAudioStats(internal, encoded.rtp, now);
