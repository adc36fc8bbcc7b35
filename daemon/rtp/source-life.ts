import type { MediaClock } from '../lib/clock.ts';
import { onvifWallClock, sequenceNumber, timestamp, timestampDistance } from './packet.ts';
import { captureTimeOf, type RtpInstant, type RtpTimeline } from './rtp-timeline.ts';

export interface SourceLifeOptions {
  kind: 'audio' | 'video';
  /** Of the stream that its frames go out on. */
  timeline: RtpTimeline;
  clock: MediaClock;
  /** A frame that took this much longer than its freshest is stale, in milliseconds. */
  maximumAge: number;
}

/** What a frame of a source becomes in its stream. */
export interface FramePlace {
  /** What to add to its timestamps. */
  readonly timestampOffset: number;
  /** When it was captured, in monotonic milliseconds. */
  readonly captureTime: number;
}

/** The stamp of a source's first packet is believed from this long before its arrival ... */
const PLAUSIBLE_AGE_MS = 10_000;
/** ... to this long after it: beyond, the wall clock was set between the source's reading of it and ours. */
const PLAUSIBLE_LEAD_MS = 100;
/** Capture times that turn out to be this far off move the timestamps, too; those that are less only what is said of them. */
const NOTICEABLE_MS = 20;
/** A picture for whose time another one went out already follows that at this distance, in milliseconds. */
const LEAST_STEP_MS = 1;

/** One life of a source: what its sequence numbers and its clock are to ours, and where its frames go in their stream. */
export class SourceLife {
  readonly #options: SourceLifeOptions;
  /** What to add to its wall clock to make monotonic time of it. */
  readonly #wallToMonotonic: number;
  /** What to add to its timestamps to make the stream's of them. */
  #timestampOffset: number;
  /** What it gives may be of a time that went out already. */
  #overlaps = false;
  /** A timestamp of it, the newest frame's, and when that was. */
  #instant: RtpInstant;
  /** The newest frame's timestamp, and how far it is from the one before: of a sound, how long a frame is. */
  #newest: number;
  #step = 0;
  /** Its frames' times follow from {@link align}, not from its wall clock. */
  #aligned = false;
  #nextSequence: number;
  /** Age on arrival of its freshest frame, in milliseconds: what its pipeline takes, and what its clock is off. */
  #leastAge = Infinity;
  /** Since when all its frames have been stale, in monotonic milliseconds. */
  #staleSince: number | undefined;

  /** @param packet its first one. */
  constructor(packet: Buffer, options: SourceLifeOptions) {
    this.#options = options;
    this.#nextSequence = sequenceNumber(packet);
    const { clock, timeline } = options;
    const now = clock.now();
    const wall = onvifWallClock(packet);
    const wallToMonotonic = now - clock.clock.wall();
    const age = wall === undefined ? 0 : now - (wall + wallToMonotonic);
    const plausible = wall === undefined || (age <= PLAUSIBLE_AGE_MS && age >= -PLAUSIBLE_LEAD_MS);
    this.#wallToMonotonic = plausible ? wallToMonotonic : now - wall;
    this.#newest = timestamp(packet);
    const captureTime = this.#stampOf(packet, now);
    this.#instant = { timestamp: this.#newest, captureTime };
    this.#timestampOffset = timeline.next(captureTime) - this.#newest;
  }

  /** Takes the next packet's number. @returns whether packets before it are missing. */
  lost(packet: Buffer): boolean {
    const sequence = sequenceNumber(packet);
    const lost = sequence !== this.#nextSequence;
    this.#nextSequence = (sequence + 1) & 0xffff;
    return lost;
  }

  /**
   * Where its next frame goes.
   * @param packet one of the frame.
   * @returns undefined for one that must not go out: it is stale, or a sound of a time that went out.
   */
  place(packet: Buffer): FramePlace | undefined {
    const { kind, clock, timeline } = this.#options;
    const now = clock.now();
    const captureTime = this.#captured(packet, now);
    const ahead = this.#overlaps ? timeline.ahead((timestamp(packet) + this.#timestampOffset) >>> 0) : Infinity;
    if (this.#isStale(captureTime, now)) return undefined;
    // Where a part of a sound is over the rest is of a time that went out, too: what encodes it would repeat that.
    if (kind === 'audio' && ahead < Math.max(1, this.#step)) return undefined;
    if (ahead > 0) {
      this.#overlaps = false;
      return { timestampOffset: this.#timestampOffset, captureTime };
    }
    const late = LEAST_STEP_MS - (ahead * 1000) / timeline.clockRate;
    return { timestampOffset: this.#timestampOffset + this.#ticks(late), captureTime: captureTime + late };
  }

  /** It was at `running` milliseconds of its timestamps at this monotonic time; see {@link RtpStream.align}. */
  align(running: number, captureTime: number): void {
    const time = this.#ticks(running) >>> 0;
    const error = captureTime - this.#timeOf(time);
    this.#instant = { timestamp: time, captureTime };
    this.#aligned = true;
    this.#leastAge -= error;
    if (Math.abs(error) < NOTICEABLE_MS) return;
    this.#timestampOffset += this.#ticks(error);
    this.#overlaps = true;
  }

  /** When the frame of a packet was captured: by its timestamp, once that has been aligned, else by its ONVIF extension; without one it is `now`. */
  #captured(packet: Buffer, now: number): number {
    const time = timestamp(packet);
    const captureTime = this.#aligned ? this.#timeOf(time) : this.#stampOf(packet, now);
    this.#step = timestampDistance(time, this.#newest);
    this.#newest = time;
    this.#instant = { timestamp: time, captureTime };
    return captureTime;
  }

  /** Old frames in a row are a queue that drains; when they do not end, the source has become slower, or its clock was set. */
  #isStale(captureTime: number, now: number): boolean {
    const { maximumAge } = this.#options;
    const age = now - captureTime;
    this.#leastAge = Math.min(this.#leastAge, age);
    if (age - this.#leastAge <= maximumAge) {
      this.#staleSince = undefined;
      return false;
    }
    this.#staleSince ??= now;
    if (now - this.#staleSince <= maximumAge) return true;
    this.#leastAge = age;
    this.#staleSince = undefined;
    return false;
  }

  #timeOf(time: number): number {
    return captureTimeOf(time, this.#instant, this.#options.timeline.clockRate);
  }

  #ticks(milliseconds: number): number {
    return Math.round((milliseconds * this.#options.timeline.clockRate) / 1000);
  }

  #stampOf(packet: Buffer, now: number): number {
    const wall = onvifWallClock(packet);
    return wall === undefined ? now : wall + this.#wallToMonotonic;
  }
}
