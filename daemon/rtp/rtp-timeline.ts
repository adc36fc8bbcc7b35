import { randomBytes } from 'node:crypto';
import { timestampDistance } from './packet.ts';

/** An RTP time, and the monotonic time that it stands for, in milliseconds. */
export interface RtpInstant {
  readonly timestamp: number;
  readonly captureTime: number;
}

/** What another RTP time of the same clock stands for, in monotonic milliseconds; `clockRate` in Hz. */
export const captureTimeOf = (timestamp: number, known: RtpInstant, clockRate: number): number =>
  known.captureTime + (timestampDistance(timestamp, known.timestamp) * 1000) / clockRate;

/**
 * The RTP times of a stream (RFC 3550, 5.1) for monotonic times: extrapolated from its newest frame, so that they follow
 * the source's clock. They begin anywhere, with the first time that is asked for.
 */
export class RtpTimeline {
  /** In Hz. */
  readonly clockRate: number;
  /** The newest frame, or the line's beginning. */
  #known: RtpInstant | undefined;
  #lastCaptureTime: number | undefined;

  constructor(clockRate: number) {
    this.clockRate = clockRate;
  }

  /** When the newest frame was captured; undefined before the first. */
  get lastCaptureTime(): number | undefined {
    return this.#lastCaptureTime;
  }

  /** The RTP time of this monotonic time. */
  at(monotonic: number): number {
    this.#known ??= { timestamp: randomBytes(4).readUInt32BE(), captureTime: monotonic };
    const { timestamp, captureTime } = this.#known;
    return (timestamp + Math.round(((monotonic - captureTime) * this.clockRate) / 1000)) >>> 0;
  }

  /**
   * The same for a frame that is to go out, though clocks may have it otherwise: strictly later than what went out.
   * @param room RTP time to leave free before it.
   */
  next(captureTime: number, room = 0): number {
    const least = (this.#lastCaptureTime ?? -Infinity) + (1000 * room) / this.clockRate + 1;
    return this.at(Math.max(captureTime, least));
  }

  /** How much later than the newest frame an RTP time is. */
  ahead(timestamp: number): number {
    if (this.#lastCaptureTime === undefined || this.#known === undefined) return Infinity;
    return timestampDistance(timestamp, this.#known.timestamp);
  }

  /** A frame goes out. */
  advance({ timestamp, captureTime }: RtpInstant): void {
    this.#known = { timestamp, captureTime };
    this.#lastCaptureTime = captureTime;
  }
}
