import type { MediaClock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { MediaTrackSettings } from '../media/track-dictionaries.ts';
import type { TrackConfiguration } from '../media/track-source.ts';
import { H264, OPUS, RTP_VIDEO_CODECS, type RtpCodec } from '../rtp/codec.ts';
import { readSequenceParameters } from '../rtp/h264-sps.ts';
import { readH265Size } from '../rtp/h265-sps.ts';
import { timestampDistance } from '../rtp/packet.ts';
import type { RtpFrame } from '../rtp/rtp-frame.ts';
import type { CaptureLife } from './capture-life.ts';
import type { CaptureFailure, LossStage } from './capture-owner.ts';
import type { CapturePlan } from './capture-plan.ts';
import { networkCodec, passesThrough, uncodedOnly, unplayable } from './coded-formats.ts';
import { planCoded } from './coded-plan.ts';
import { Decoder } from './decoder.ts';
import type { CaptureDevice } from './device.ts';
import type { DeviceCaptureOptions } from './device-capture.ts';
import { EncodedTrack } from './encoded-track.ts';
import type { EncoderChoice } from './encoders.ts';
import { encodable } from './source-demand.ts';
import type { PictureFormat } from './worker-messages.ts';
import type { Picture } from './worker-questions.ts';

export interface CodedCaptureOptions {
  kind: 'video' | 'audio';
  clock: MediaClock;
  cname: string;
  encoders: EncoderChoice;
  log: Log;
  environment: Readonly<Record<string, string>>;
  startWorker?: DeviceCaptureOptions['startWorker'];
  /** The tracks of the source. */
  tracks: () => readonly EncodedTrack[];
  device: () => CaptureDevice | undefined;
  /** The device is captured, and not silent. */
  flowing: () => boolean;
  /** Viewers could not play what the device encodes. */
  unsuitable: (reason: string) => void;
  /** Frames were lost before a track that is encoded could have them. */
  lost: (stage: LossStage, frames: number) => void;
  /** A decoder's life has ended against our will. */
  decoderDied: () => void;
  /** Nothing passes, and nothing comes of decoding it. */
  failed: (failure: CaptureFailure) => void;
}

/**
 * What a device encodes itself, passed on untouched to the tracks that it suits: captured as one stream, which they
 * follow. For what needs pixels of it a decoder runs in a process of its own, and begins with the current group of
 * pictures: neither disturbs the tracks that it passes to. The pictures of a camera on the network come this way though
 * all are decoded: what is lost between it and us is seen here, and no decoder gets what is not whole.
 */
export class CodedCapture {
  readonly #options: CodedCaptureOptions;
  readonly #followers = new Map<EncodedTrack, { leader: EncodedTrack; stop: () => void }>();
  readonly #decoder: Decoder;
  /** The device whose encoding cannot pass, and whether it is decoded from here all the same. */
  #flaw: { deviceId: string; decodable: boolean } | undefined;
  #active: RtpCodec | undefined;
  /** Of the life that runs, or is about to. */
  #codec: RtpCodec;
  readonly #natives = new Map<RtpCodec, EncodedTrack>();
  #sps: Buffer | undefined;
  #size: { width: number; height: number } | undefined;
  #lastTimestamp: number | undefined;

  constructor(options: CodedCaptureOptions) {
    this.#options = options;
    this.#codec = options.kind === 'video' ? H264 : OPUS;
    this.#decoder = new Decoder({
      ...options,
      stream: () => this.native.rtp,
      tracks: () => encodable(options.tracks().filter((track) => !this.passes(track))),
      serves: (track) => isServed(track) && !this.passes(track),
      size: () => this.settings,
      died: options.decoderDied,
      failed: (failure) => {
        if (this.#passing.length === 0) options.failed(failure);
      },
    });
  }

  /** Stands for the device's own stream. */
  get native(): EncodedTrack {
    const codec = this.#codec;
    let native = this.#natives.get(codec);
    if (native === undefined) {
      const { kind, clock, cname } = this.#options;
      const configuration = { settings: {}, contentHint: '', enabled: true } as const;
      native = new EncodedTrack(silentOwner, { kind, codec, clock, cname, lossy: true, configuration });
      native.rtp.keepsGroup = true;
      if (kind === 'video') native.rtp.onFrame((frame) => this.#check(frame));
      this.#natives.set(codec, native);
    }
    return native;
  }

  /** Frames of the device's own stream that nobody could have. */
  get dropped(): number {
    return [...this.#natives.values()].reduce((sum, { rtp }) => sum + rtp.stats.dropped, 0);
  }

  /** What the life that runs, or is about to, takes of the device's own encoding; undefined: nothing. */
  get active(): RtpCodec | undefined {
    return this.#active;
  }

  /** The same of the next life: there is a track that it suits, or it comes over the network. */
  get suits(): RtpCodec | undefined {
    const device = this.#options.device();
    if (device === undefined || (this.#flawed(device) && !this.#flaw?.decodable)) return undefined;
    const own = networkCodec(device);
    return this.#passing[0]?.rtp.codec ?? (own && RTP_VIDEO_CODECS[own]);
  }

  /** A device as the next life, or this one, takes it. */
  takenFrom(device: CaptureDevice): CaptureDevice {
    return this.suits ? device : uncodedOnly(device);
  }

  /** Decides on the next life. */
  decide(): RtpCodec | undefined {
    const was = this.#active;
    this.#active = undefined;
    this.#active = this.suits;
    if (this.#active !== undefined) this.#codec = this.#active;
    if (was !== this.#active) this.update();
    return this.#active;
  }

  /** Of the device's own stream, as far as they are known. */
  get settings(): MediaTrackSettings {
    const device = this.#options.device();
    try {
      const planned = device === undefined ? {} : planCoded(device, this.#configurations).settings[0];
      return { ...planned, ...this.#size, ...(this.#size && { aspectRatio: this.#size.width / this.#size.height }) };
    } catch {
      return {};
    }
  }

  /** The plan for a life with these tracks, where they are the device's own stream. @throws CaptureError `invalid-value`. */
  plan(device: CaptureDevice, tracks: readonly EncodedTrack[]): CapturePlan | undefined {
    return tracks[0] === this.native ? planCoded(device, this.#configurations) : undefined;
  }

  /** What a track has of the device; undefined where it is not from here. */
  settingsOf(track: EncodedTrack): MediaTrackSettings | undefined {
    if (this.#active === undefined) return undefined;
    return this.passes(track) ? this.settings : this.#decoder.settingsOf(track);
  }

  /** The life that decodes, and encodes for tracks that what the device encodes does not suit. */
  get decoding(): CaptureLife | undefined {
    return this.#decoder.capture.life;
  }

  /** The life that encodes for a track. */
  lifeOf(track: EncodedTrack): CaptureLife | undefined {
    return this.decoding?.has(track) && !this.passes(track) ? this.decoding : undefined;
  }

  /** Whether a track that is not enabled shows something dark instead of the device: what passes cannot be darkened. */
  darkens({ configuration }: EncodedTrack): boolean {
    return this.#active !== undefined && !configuration.enabled;
  }

  /** @throws CaptureError `not-live`, `timeout`, `failed`. */
  takePicture(format: PictureFormat): Promise<Picture> {
    return this.#decoder.takePicture(format);
  }

  /** Every picture as a JPEG, until the returned function is called. */
  watchJpegs(reader: (jpeg: Buffer) => void): () => void {
    return this.#decoder.watchJpegs(reader);
  }

  /** The device's state, a track or what it wants has changed. */
  update(): void {
    const flowing = this.#active !== undefined && this.#options.flowing();
    const { native } = this;
    for (const each of this.#natives.values()) if (!flowing || each !== native) each.rtp.sourceChanged();
    const following = new Set(flowing ? this.#passing.filter((track) => isServed(track)) : []);
    for (const [track, { leader, stop }] of this.#followers)
      if (!following.has(track) || leader !== native) {
        stop();
        this.#followers.delete(track);
      }
    // Before it follows: who joins once it does begins with what it followed with.
    for (const track of this.#options.tracks())
      track.rtp.keepsGroup = this.#active !== undefined && this.passes(track) && isServed(track);
    for (const track of following)
      if (!this.#followers.has(track)) this.#followers.set(track, { leader: native, stop: track.follow(native) });
    // How large its pictures are the first one tells.
    this.#decoder.update(flowing && native.rtp.stats.frames > 0);
  }

  async stop(): Promise<void> {
    this.#active = undefined;
    this.update();
    await this.#decoder.stop();
  }

  get #passing(): EncodedTrack[] {
    return this.#options.tracks().filter((track) => !track.private && this.passes(track));
  }

  get #configurations(): TrackConfiguration[] {
    return this.#passing.map(({ configuration }) => configuration);
  }

  /** Whether the device's own encoding suits a track. */
  passes({ configuration, rtp }: EncodedTrack): boolean {
    const device = this.#options.device();
    if (device === undefined || this.#flawed(device) || !passesThrough(device, configuration, rtp.codec)) return false;
    // One life takes one encoding of the device.
    return this.#active === undefined || rtp.codec === this.#active;
  }

  #flawed({ deviceId }: CaptureDevice): boolean {
    return this.#flaw?.deviceId === deviceId;
  }

  /** Before anybody else gets the frame. */
  #check(frame: RtpFrame): void {
    const { parameterSets } = this.native.rtp;
    const before = this.#lastTimestamp;
    this.#lastTimestamp = frame.timestamp;
    if (parameterSets === undefined) return;
    if (!this.#sps?.equals(parameterSets.sps)) {
      this.#sps = parameterSets.sps;
      const { width, height } = (this.#codec === H264 ? readSequenceParameters : readH265Size)(parameterSets.sps) ?? {};
      if (width !== undefined && height !== undefined) {
        if (this.#size !== undefined && (this.#size.width !== width || this.#size.height !== height))
          this.#decoder.restart();
        this.#size = { width, height };
      }
      const reason = this.#codec === H264 ? unplayable(parameterSets.sps) : undefined;
      if (reason !== undefined) this.#refuse(reason, true);
    }
    // Their times do not tell a decoder how they follow each other.
    if (before !== undefined && !frame.keyFrame && timestampDistance(frame.timestamp, before) < 0)
      this.#refuse('it has B-frames', false);
  }

  #refuse(reason: string, decodable: boolean): void {
    const passed = this.#passing.length > 0;
    this.#flaw = { deviceId: this.#options.device()?.deviceId ?? '', decodable };
    if (decodable && !passed) return;
    // Nobody gets this frame.
    this.#active = undefined;
    this.update();
    this.#options.unsuitable(reason);
  }
}

const isServed = ({ wanted, hidden }: EncodedTrack): boolean => wanted && hidden === undefined;

/** The device's own stream has no wishes. */
const silentOwner: ConstructorParameters<typeof EncodedTrack>[0] = {
  encode: () => {
    throw new Error('it is nothing but itself');
  },
  trackSettings: () => ({}),
  trackProblem: () => undefined,
  configureTrack: async () => undefined,
  trackJoined: () => undefined,
  trackWanted: () => undefined,
  trackClosed: () => undefined,
  trackPhoto: () => Promise.reject(new Error('nobody looks at it')),
  sendKeyFrameRequest: () => undefined,
  watchJpegs: () => () => undefined,
};
