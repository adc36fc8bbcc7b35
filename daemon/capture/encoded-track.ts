import type { MediaClock } from '../lib/clock.ts';
import type { MediaTrackSettings } from '../media/track-dictionaries.ts';
import type { EncodedStream, TrackConfiguration } from '../media/track-source.ts';
import { H264, OPUS } from '../rtp/codec.ts';
import type { RtpFrame } from '../rtp/rtp-frame.ts';
import { RtpStream } from '../rtp/rtp-stream.ts';
import { KeyFrameRequests } from './key-frame-requests.ts';

const KEY_FRAME_INTERVAL_MS = 300;

export interface EncodedTrackOptions {
  kind: 'video' | 'audio';
  configuration: TrackConfiguration;
  clock: MediaClock;
  /** RTCP canonical name. */
  cname: string;
}

/** What an encoded track needs of its source. */
export interface EncodedTrackOwner {
  trackSettings(track: EncodedTrack): MediaTrackSettings;
  configureTrack(track: EncodedTrack, configuration: TrackConfiguration): Promise<void>;
  /** The track is consumed from now on, or no longer. */
  trackWanted(track: EncodedTrack): void;
  trackClosed(track: EncodedTrack): void;
  /** A whole frame of the track has gone out. */
  trackFrame(track: EncodedTrack): void;
  /** Whether the encoder can be asked for anything now. */
  readonly flowing: boolean;
  sendKeyFrameRequest(track: EncodedTrack): void;
}

/** One track over a capture source: its RTP stream, which outlives every worker, and who consumes it. */
export class EncodedTrack implements EncodedStream {
  readonly rtp: RtpStream;
  configuration: TrackConfiguration;
  readonly #owner: EncodedTrackOwner;
  readonly #keyFrames: KeyFrameRequests;
  readonly #video: boolean;
  #retained = 0;
  #open = true;

  constructor(owner: EncodedTrackOwner, options: EncodedTrackOptions) {
    const { kind, clock, cname } = options;
    this.#owner = owner;
    this.configuration = options.configuration;
    this.#video = kind === 'video';
    this.#keyFrames = new KeyFrameRequests({
      clock: clock.clock,
      interval: KEY_FRAME_INTERVAL_MS,
      send: () => owner.sendKeyFrameRequest(this),
    });
    this.rtp = new RtpStream({
      codec: this.#video ? H264 : OPUS,
      clock,
      cname,
      requestKeyFrame: () => this.requestKeyFrame(),
    });
    this.rtp.onFrame((frame) => this.#onFrame(frame));
  }

  /** Somebody consumes it. */
  get wanted(): boolean {
    return this.#retained > 0;
  }

  settings(): MediaTrackSettings {
    return this.#owner.trackSettings(this);
  }

  configure(configuration: TrackConfiguration): Promise<void> {
    return this.#owner.configureTrack(this, configuration);
  }

  retain(): () => void {
    this.#retained += 1;
    if (this.#retained === 1) this.#owner.trackWanted(this);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#retained -= 1;
      if (this.#retained === 0) this.#owner.trackWanted(this);
    };
  }

  requestKeyFrame(): void {
    // A life that has not delivered yet begins with a key frame.
    if (this.#video && this.#owner.flowing) this.#keyFrames.request();
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#keyFrames.cancel();
    this.#owner.trackClosed(this);
  }

  /** Another life of the worker begins, or none. */
  sourceChanged(): void {
    this.#keyFrames.cancel();
    this.rtp.sourceChanged();
  }

  #onFrame(frame: RtpFrame): void {
    if (frame.keyFrame) this.#keyFrames.satisfied(frame.captureTime);
    this.#owner.trackFrame(this);
  }
}
