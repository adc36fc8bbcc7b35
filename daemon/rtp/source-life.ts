import type { MediaClock } from '../lib/clock.ts';
import { onvifWallClock, sequenceNumber, timestamp, timestampDistance } from './packet.ts';

/** The stamp of a source's first packet is believed from this long before its arrival ... */
const PLAUSIBLE_AGE_MS = 10_000;
/** ... to this long after it: beyond, the wall clock was set between the source's reading of it and ours. */
const PLAUSIBLE_LEAD_MS = 100;

/** One life of a source: what its sequence numbers and its clock are to ours. */
export class SourceLife {
  /** What to add to its wall clock to make monotonic time of it. */
  readonly #wallToMonotonic: number;
  readonly #maximumAge: number;
  /** Of its timestamps, in Hz. */
  readonly #clockRate: number;
  /** A timestamp of it, the newest frame's, and when that was, in monotonic milliseconds. */
  #instant: { readonly timestamp: number; readonly captureTime: number };
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

  /**
   * @param packet its first one.
   * @param clockRate of its timestamps, in Hz.
   * @param maximumAge a frame that took this much longer than its freshest is stale, in milliseconds.
   */
  constructor(packet: Buffer, clock: MediaClock, clockRate: number, maximumAge: number) {
    this.#clockRate = clockRate;
    this.#maximumAge = maximumAge;
    this.#nextSequence = sequenceNumber(packet);
    const now = clock.now();
    const wall = onvifWallClock(packet);
    const wallToMonotonic = now - clock.clock.wall();
    const age = wall === undefined ? 0 : now - (wall + wallToMonotonic);
    const plausible = wall === undefined || (age <= PLAUSIBLE_AGE_MS && age >= -PLAUSIBLE_LEAD_MS);
    this.#wallToMonotonic = plausible ? wallToMonotonic : now - wall;
    this.#newest = timestamp(packet);
    this.#instant = { timestamp: this.#newest, captureTime: this.#stampOf(packet, now) };
  }

  /** From one frame to the next, as the newest one tells, in units of its timestamps. */
  get step(): number {
    return this.#step;
  }

  /** Takes the next packet's number. @returns whether packets before it are missing. */
  lost(packet: Buffer): boolean {
    const sequence = sequenceNumber(packet);
    const lost = sequence !== this.#nextSequence;
    this.#nextSequence = (sequence + 1) & 0xffff;
    return lost;
  }

  /**
   * When the frame of a packet was captured, in monotonic milliseconds: by its timestamp, once that has been aligned, else
   * by its ONVIF extension; without one it is `now`.
   */
  captureTimeOf(packet: Buffer, now: number): number {
    const time = timestamp(packet);
    const captureTime = this.#aligned ? this.#timeOf(time) : this.#stampOf(packet, now);
    this.#step = timestampDistance(time, this.#newest);
    this.#newest = time;
    this.#instant = { timestamp: time, captureTime };
    return captureTime;
  }

  /**
   * What has this timestamp was captured then, in monotonic milliseconds, and all else by its timestamp.
   * @returns how much later that is than was thought.
   */
  align(time: number, captureTime: number): number {
    const error = captureTime - this.#timeOf(time);
    this.#instant = { timestamp: time, captureTime };
    this.#aligned = true;
    this.#leastAge -= error;
    return error;
  }

  /** Old frames in a row are a queue that drains; when they do not end, the source has become slower, or its clock was set. */
  isStale(captureTime: number, now: number): boolean {
    const age = now - captureTime;
    this.#leastAge = Math.min(this.#leastAge, age);
    if (age - this.#leastAge <= this.#maximumAge) {
      this.#staleSince = undefined;
      return false;
    }
    this.#staleSince ??= now;
    if (now - this.#staleSince <= this.#maximumAge) return true;
    this.#leastAge = age;
    this.#staleSince = undefined;
    return false;
  }

  #timeOf(time: number): number {
    const { timestamp: known, captureTime } = this.#instant;
    return captureTime + (timestampDistance(time, known) * 1000) / this.#clockRate;
  }

  #stampOf(packet: Buffer, now: number): number {
    const wall = onvifWallClock(packet);
    return wall === undefined ? now : wall + this.#wallToMonotonic;
  }
}
