import type { MediaClock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { MediaTrackSettings } from '../media/track-dictionaries.ts';
import type { TrackConfiguration } from '../media/track-source.ts';
import { H264, OPUS, type RtpCodec } from '../rtp/codec.ts';
import { readSequenceParameters } from '../rtp/h264-sps.ts';
import { readH265Size } from '../rtp/h265-sps.ts';
import { timestampDistance } from '../rtp/packet.ts';
import type { RtpFrame } from '../rtp/rtp-frame.ts';
import type { CaptureLife } from './capture-life.ts';
import type { CapturePlan } from './capture-plan.ts';
import { passesThrough, unplayable } from './coded-formats.ts';
import { planCoded } from './coded-plan.ts';
import { Decoder } from './decoder.ts';
import type { CaptureDevice } from './device.ts';
import type { DeviceCaptureOptions } from './device-capture.ts';
import { EncodedTrack } from './encoded-track.ts';
import type { EncoderChoice } from './encoders.ts';
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
}

/**
 * What a device encodes itself, passed on untouched to the tracks that it suits: captured as one stream, which they
 * follow. For what needs pixels of it a decoder runs in a process of its own, and begins with the current group of
 * pictures: neither disturbs the tracks that it passes to.
 */
export class CodedCapture {
  readonly #options: CodedCaptureOptions;
  readonly #followers = new Map<EncodedTrack, { leader: EncodedTrack; stop: () => void }>();
  readonly #decoder: Decoder;
  /** The device whose encoding viewers could not play. */
  #refused: string | undefined;
  #active = false;
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
      tracks: () => this.#decoded,
      size: () => this.settings,
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

  /** The life that runs, or is about to, takes the device's own encoding. */
  get active(): boolean {
    return this.#active;
  }

  /** Whether the next life takes the device's own encoding: there is a track that it suits. */
  get suits(): boolean {
    const device = this.#options.device();
    if (device === undefined || device.deviceId === this.#refused) return false;
    return this.#passing.length > 0;
  }

  /** Decides on the next life. */
  decide(): boolean {
    const was = this.#active;
    const codec = this.#codec;
    this.#active = false;
    const [track] = this.#passing;
    if (track !== undefined) this.#codec = track.rtp.codec;
    this.#active = this.suits;
    if (was !== this.#active || codec !== this.#codec) this.update();
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
    if (!this.#active) return undefined;
    return this.passes(track) ? this.settings : this.#decoder.settingsOf(track);
  }

  /** The life that feeds a track which asks for key frames. */
  lifeOf(track: EncodedTrack): CaptureLife | undefined {
    const { life } = this.#decoder.capture;
    return life?.has(track) ? life : undefined;
  }

  /** Whether a track that is not enabled shows something dark instead of the device: what passes cannot be darkened. */
  darkens({ configuration }: EncodedTrack): boolean {
    return this.#active && !configuration.enabled;
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
    const flowing = this.#active && this.#options.flowing();
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
      track.rtp.keepsGroup = this.#active && this.passes(track) && isServed(track);
    for (const track of following)
      if (!this.#followers.has(track)) this.#followers.set(track, { leader: native, stop: track.follow(native) });
    this.#decoder.update(flowing);
  }

  async stop(): Promise<void> {
    this.#active = false;
    this.update();
    await this.#decoder.stop();
  }

  get #passing(): EncodedTrack[] {
    return this.#options.tracks().filter((track) => !track.private && this.passes(track));
  }

  get #decoded(): EncodedTrack[] {
    return this.#options.tracks().filter((track) => isServed(track) && !this.passes(track));
  }

  get #configurations(): TrackConfiguration[] {
    return this.#passing.map(({ configuration }) => configuration);
  }

  /** Whether the device's own encoding suits a track. */
  passes({ configuration, rtp }: EncodedTrack): boolean {
    const device = this.#options.device();
    if (device === undefined || !passesThrough(device, configuration, rtp.codec)) return false;
    // One life takes one encoding of the device.
    return !this.#active || rtp.codec === this.#codec;
  }

  /** Before anybody else gets the frame. */
  #check(frame: RtpFrame): void {
    const { parameterSets } = this.native.rtp;
    const before = this.#lastTimestamp;
    this.#lastTimestamp = frame.timestamp;
    if (parameterSets === undefined) return;
    if (!this.#sps?.equals(parameterSets.sps)) {
      this.#sps = parameterSets.sps;
      const reason = this.#codec === H264 ? unplayable(parameterSets.sps) : undefined;
      if (reason !== undefined) {
        this.#refuse(reason);
        return;
      }
      const { width, height } = (this.#codec === H264 ? readSequenceParameters : readH265Size)(parameterSets.sps) ?? {};
      if (width === undefined || height === undefined) return;
      if (this.#size !== undefined && (this.#size.width !== width || this.#size.height !== height))
        this.#decoder.restart();
      this.#size = { width, height };
    }
    if (before !== undefined && !frame.keyFrame && timestampDistance(frame.timestamp, before) < 0)
      this.#refuse('it has B-frames');
  }

  #refuse(reason: string): void {
    this.#refused = this.#options.device()?.deviceId;
    // Nobody gets this frame.
    this.#active = false;
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
