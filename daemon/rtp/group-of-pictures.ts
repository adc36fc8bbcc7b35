import type { RtpFrame } from './rtp-frame.ts';
import { captureTimeOf, type RtpInstant } from './rtp-timeline.ts';

/** A frame as a group keeps it. */
export interface GroupFrame {
  /** Whether decoding can begin here. */
  readonly keyFrame: boolean;
  /** Bytes of all its packets. */
  readonly byteLength: number;
  /** RTP time. */
  readonly timestamp: number;
}

/** What a group may hold: more than ten seconds of what a camera of 6 Mbit/s sends. */
const MAXIMUM_BYTES = 8 * 2 ** 20;
const MAXIMUM_FRAMES = 1200;

/** Of every picture, in Hz. */
const CLOCK_RATE = 90_000;
/** A millisecond: players and containers that count in milliseconds still tell the frames apart. */
const STEP = CLOCK_RATE / 1000;

/**
 * The frames since the last key frame of a source that cannot be asked for one: who joins begins with them. A group that
 * grows too large is given up, and the next key frame begins another.
 */
export class GroupOfPictures<F extends GroupFrame> {
  #frames: F[] = [];
  #bytes = 0;

  get frames(): readonly F[] {
    return this.#frames;
  }

  add(frame: F): void {
    if (frame.keyFrame) this.clear();
    else if (this.#frames.length === 0) return;
    this.#frames.push(frame);
    this.#bytes += frame.byteLength;
    if (this.#bytes > MAXIMUM_BYTES || this.#frames.length > MAXIMUM_FRAMES) this.clear();
  }

  /** What comes now does not go on from what was. Those who were given the frames keep them. */
  clear(): void {
    this.#frames = [];
    this.#bytes = 0;
  }
}

/**
 * RTP times for the frames of a group that is caught up with: the newest frame keeps its own, those before it come so
 * close ahead of it that a player runs through them at once instead of staying behind by the length of the group.
 * @param room RTP time that there is between the newest frame and what the reader got before.
 */
export function squeezedTimestamps(frames: readonly GroupFrame[], room = Infinity): number[] {
  const last = frames.length - 1;
  const step = Math.max(1, Math.min(STEP, Math.floor(room / frames.length)));
  const newest = frames[last]?.timestamp ?? 0;
  return frames.map((_, index) => (newest - (last - index) * step) >>> 0);
}

/** The same with the times of capture that go with them. */
export function squeezedTimes(frames: readonly RtpFrame[], room?: number): RtpInstant[] {
  const newest = frames.at(-1) as RtpFrame;
  return squeezedTimestamps(frames, room).map((timestamp) => {
    return { timestamp, captureTime: captureTimeOf(timestamp, newest, CLOCK_RATE) };
  });
}

/** The frames with these times. */
export const squeezed = (frames: readonly RtpFrame[], room?: number): RtpFrame[] =>
  squeezedTimes(frames, room).map((time, index) => (frames[index] as RtpFrame).rewritten(time));
