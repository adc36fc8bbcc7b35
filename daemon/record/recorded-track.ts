import type { RtpInput } from '../convert/rtp-input.ts';
import type { MediaStreamTrack } from '../media/media-stream-track.ts';
import type { RtpTap } from '../media/rtp-tap.ts';
import type { RtpFrame } from '../rtp/rtp-frame.ts';
import type { RecordedTime } from './timeline.ts';

/** How far apart key frames may be, where somebody cares. */
export type KeyFrameInterval = { readonly milliseconds: number } | { readonly frames: number };

/** A track that says nothing for so long is silent. */
const SILENT_MS = 1000;

/** One track of a recording, between its tap and its input of the converter. All times in milliseconds. */
export class RecordedTrack {
  readonly track: MediaStreamTrack;
  /** Undefined once the track has ended. */
  tap: RtpTap | undefined;
  /** When its newest frame arrived, and when that was captured. */
  arrived = 0;
  captured = -Infinity;
  /** Frames that went in since the owner set it to 0. */
  taken = 0;
  #input: RtpInput | undefined;
  /** Called once, with the recorded time at which the track begins. */
  #begins: (time: number) => void = () => undefined;
  /** The span that its newest frame is in; a picture begins each one with a key frame. */
  #span = -1;
  /** Where its newest frame is in the recording, and how far from the one before. */
  #time = 0;
  #step = 0;
  #lastKeyFrame = -Infinity;
  #framesSinceKeyFrame = 0;

  constructor(track: MediaStreamTrack) {
    this.track = track;
  }

  get needsKeyFrame(): boolean {
    return this.#input?.needsKeyFrame ?? false;
  }

  /** Frames that were lost because the converter was too slow. */
  get dropped(): number {
    return this.#input?.dropped ?? 0;
  }

  feed(input: RtpInput, begins: (time: number) => void): void {
    this.#input = input;
    this.#begins = begins;
  }

  write(frame: RtpFrame, { time, span }: RecordedTime): void {
    if (this.#input === undefined) return;
    const video = this.track.kind === 'video';
    if (video && !frame.keyFrame && (span !== this.#span || this.needsKeyFrame)) return;
    if (this.#span < 0) this.#begins(time);
    if (span === this.#span) this.#step = time - this.#time;
    // Sound that was captured while a pause began still lasts.
    else if (!video && time < this.#time + this.#step) return;
    this.#time = time;
    this.#span = span;
    if (this.#input.write(frame, time)) this.taken += 1;
    this.#framesSinceKeyFrame = frame.keyFrame ? 0 : this.#framesSinceKeyFrame + 1;
    if (frame.keyFrame) this.#lastKeyFrame = frame.captureTime;
  }

  /** Whether the next frame should be a key frame. */
  isKeyFrameDue(interval: KeyFrameInterval): boolean {
    return 'frames' in interval
      ? this.#framesSinceKeyFrame >= interval.frames
      : this.captured - this.#lastKeyFrame >= interval.milliseconds;
  }

  /** Silence up to a recorded time, where sound should come and has not for a while. */
  fillSilence(now: number, until: number): void {
    const silent = this.track.kind === 'audio' && now - this.arrived > SILENT_MS;
    if (!silent || this.tap === undefined || until <= 0) return;
    this.#input?.silence(until);
    // Where it is the first that is heard of the track, that begins with the recording.
    this.#span = Math.max(this.#span, 0);
  }

  /** Whether all has come that was captured before. */
  hasCome(before: number): boolean {
    return this.tap === undefined || this.track.muted || this.captured >= before;
  }

  /** Nothing goes in any more. */
  end(): void {
    this.#input?.end();
  }
}
