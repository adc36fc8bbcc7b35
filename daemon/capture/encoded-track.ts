import type { H264Profile, VideoCodec } from '../../config/codecs.ts';
import type { MediaClock } from '../lib/clock.ts';
import type { MediaTrackSettings } from '../media/track-dictionaries.ts';
import type { EncodedStream, StillPicture, TrackConfiguration } from '../media/track-source.ts';
import { OPUS, type RtpCodec } from '../rtp/codec.ts';
import { RtpStream, type RtpStreamOptions } from '../rtp/rtp-stream.ts';
import { codecOf } from './coded-formats.ts';
import { KeyFrameRequests } from './key-frame-requests.ts';

const KEY_FRAME_INTERVAL_MS = 300;

export interface EncodedTrackOptions {
  kind: 'video' | 'audio';
  configuration: TrackConfiguration;
  /** Undefined: of a sound it is not known yet. */
  codec: RtpCodec | undefined;
  clock: MediaClock;
  /** RTCP canonical name. */
  cname: string;
  lossy?: RtpStreamOptions['lossy'];
}

/** What an encoded track needs of its source. */
export interface EncodedTrackOwner {
  encode(configuration: TrackConfiguration): EncodedTrack;
  trackSettings(track: EncodedTrack): MediaTrackSettings;
  trackProblem(track: EncodedTrack): string | undefined;
  configureTrack(track: EncodedTrack, configuration: TrackConfiguration): Promise<void>;
  /** One more is about to consume it. */
  trackJoined(track: EncodedTrack): void;
  /** The track is consumed from now on, or no longer. */
  trackWanted(track: EncodedTrack): void;
  trackClosed(track: EncodedTrack): void;
  trackPhoto(track: EncodedTrack): Promise<StillPicture>;
  sendKeyFrameRequest(track: EncodedTrack): void;
  watchJpegs(track: EncodedTrack, reader: (jpeg: Buffer) => void): () => void;
}

/** One track over a capture source: its RTP stream, which outlives every worker, and who consumes it. */
export class EncodedTrack implements EncodedStream {
  readonly rtp: RtpStream;
  droppedFrames = 0;
  #configuration: TrackConfiguration;
  readonly #owner: EncodedTrackOwner;
  readonly #keyFrames: KeyFrameRequests;
  readonly #video: boolean;
  /** The life of a worker whose packets are on the wire. */
  #origin: object | undefined;
  #retained = 0;
  #open = true;
  #opus: EncodedTrack | undefined;

  constructor(owner: EncodedTrackOwner, options: EncodedTrackOptions) {
    const { kind, codec, clock, cname, lossy = false } = options;
    this.#owner = owner;
    this.#configuration = options.configuration;
    this.#video = kind === 'video';
    this.#keyFrames = new KeyFrameRequests({
      clock: clock.clock,
      interval: KEY_FRAME_INTERVAL_MS,
      send: () => owner.sendKeyFrameRequest(this),
    });
    this.rtp = new RtpStream({
      codec: codec ?? OPUS,
      unsettled: codec === undefined,
      clock,
      cname,
      lossy,
      requestKeyFrame: () => this.requestKeyFrame(),
    });
    if (this.#video)
      this.rtp.onFrame((frame) => {
        if (frame.keyFrame) this.#keyFrames.satisfied(frame.captureTime);
      });
  }

  get configuration(): TrackConfiguration {
    return this.#configuration;
  }

  set configuration(configuration: TrackConfiguration) {
    this.#configuration = configuration;
    if (this.#opus !== undefined) this.#opus.configuration = asOpus(configuration);
  }

  /** With what is the same in another codec. */
  get renditions(): EncodedTrack[] {
    return this.#opus === undefined ? [this] : [this, this.#opus];
  }

  inOpus(): EncodedTrack {
    if (this.rtp.settled && this.rtp.codec === OPUS) return this;
    this.#opus ??= this.#owner.encode(asOpus(this.#configuration));
    return this.#opus;
  }

  /** A sound is of this codec, unless readers have been told another. @returns whether that is news. */
  settle(codec: RtpCodec): boolean {
    const { rtp } = this;
    if ((rtp.settled && (rtp.promised || rtp.codec === codec)) || !this.#open) return false;
    rtp.settle(codec);
    return true;
  }

  /** Of a picture. */
  get codec(): VideoCodec {
    return codecOf(this.configuration);
  }

  get profile(): H264Profile | undefined {
    return this.configuration.encoding?.profile;
  }

  get problem(): string | undefined {
    return this.#owner.trackProblem(this);
  }

  /** Somebody consumes it. */
  get wanted(): boolean {
    return this.#retained > 0;
  }

  /** Nobody may get anything of the device through it. */
  get private(): boolean {
    return this.configuration.privacy === true;
  }

  /** Why its picture is not to be seen, whatever the device does. */
  get hidden(): 'privacy' | 'dark' | undefined {
    if (this.private) return 'privacy';
    return this.configuration.enabled ? undefined : 'dark';
  }

  settings(): MediaTrackSettings {
    return this.#owner.trackSettings(this);
  }

  configure(configuration: TrackConfiguration): Promise<void> {
    return this.#owner.configureTrack(this, configuration);
  }

  retain(): () => void {
    this.#owner.trackJoined(this);
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
    if (this.#video && this.#origin !== undefined) this.#keyFrames.request();
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#keyFrames.cancel();
    this.#opus?.close();
    this.#owner.trackClosed(this);
  }

  watchJpegs(reader: (jpeg: Buffer) => void): () => void {
    return this.#owner.watchJpegs(this, reader);
  }

  photo(): Promise<StillPicture> {
    return this.#owner.trackPhoto(this);
  }

  /** Goes on with the frames of another track, until the returned function is called. */
  follow(leader: EncodedTrack): () => void {
    this.#origin = undefined;
    this.#keyFrames.cancel();
    return this.rtp.follow(leader.rtp);
  }

  /** Takes a packet of a worker: the first one of another life takes over from the life before, at a key frame. */
  push(origin: object, packet: Buffer): void {
    if (origin !== this.#origin) {
      this.#origin = origin;
      this.#keyFrames.cancel();
      this.rtp.sourceChanged();
    }
    this.rtp.push(packet);
  }

  /** See {@link RtpStream.align}: of a life whose packets are on the wire. */
  align(origin: object, running: number, captureTime: number): void {
    if (origin === this.#origin) this.rtp.align(running, captureTime);
  }
}

const asOpus = (configuration: TrackConfiguration): TrackConfiguration => ({ ...configuration, audioCodec: 'opus' });
