import { randomBytes } from 'node:crypto';
import type { MediaClock } from '../lib/clock.ts';
import { RecentValues } from '../lib/recent-values.ts';
import { type AccessUnit, AccessUnits } from './access-units.ts';
import type { RtpCodec } from './codec.ts';
import { GroupOfPictures, squeezed, squeezedTimes } from './group-of-pictures.ts';
import { isRtp, RTP_HEADER_BYTES } from './packet.ts';
import { writeSenderReport } from './rtcp.ts';
import { RtpFrame } from './rtp-frame.ts';
import { RtpTimeline } from './rtp-timeline.ts';
import { SourceLife } from './source-life.ts';
import { type ParameterSets, StreamFormat } from './stream-format.ts';

export interface RtpStreamOptions {
  codec: RtpCodec;
  /** Of a sound: the codec is what it will be unless {@link RtpStream.settle} says another before the first packet. */
  unsettled?: boolean;
  clock: MediaClock;
  /** RTCP canonical name; the same for all tracks of the process. */
  cname: string;
  /** A frame that took this much longer than the source's freshest is stale and is dropped, in milliseconds. */
  maximumAge?: number;
  /** The D bit of the ONVIF extension tells of losses between the source and what packs its packets. */
  lossy?: boolean;
  /** Called when nothing can go out before a key frame comes. The owner coalesces. */
  requestKeyFrame?: () => void;
}

/** Counters since the stream was made. */
export interface RtpStreamStats {
  frames: number;
  keyFrames: number;
  packets: number;
  /** Payload bytes as RTCP counts them: without RTP headers. */
  octets: number;
  /** Frames that a source delivered and no viewer got: cut off, stale, or before a key frame. */
  dropped: number;
  /** Lives of the source, the current one included. */
  sources: number;
}

const DEFAULT_MAXIMUM_AGE_MS = 1000;
/** From a description to the viewer who comes for it, at most. */
const TOLD_MS = 10_000;

/**
 * A track's RTP stream (RFC 7656, 2.1.10): one SSRC, one line of sequence numbers and timestamps from the first
 * packet to the last, whatever becomes of the process that makes the packets. {@link sourceChanged} marks where a new
 * life of the source begins; a picture then resumes on a key frame, never in the middle of an access unit.
 */
export class RtpStream {
  readonly ssrc: number;
  readonly stats: RtpStreamStats = { frames: 0, keyFrames: 0, packets: 0, octets: 0, dropped: 0, sources: 0 };
  /** From the capture of a frame until it was handed to all who read it, in milliseconds. */
  readonly latency = new RecentValues();
  readonly #clock: MediaClock;
  /** RTCP canonical name, as in `a=ssrc` lines of SDP. */
  readonly cname: string;
  readonly #maximumAge: number;
  readonly #requestKeyFrame: () => void;
  readonly #listeners = new Set<(frame: RtpFrame) => void>();
  readonly #video: boolean;
  /** Of pictures; a packet of sound is a frame. */
  readonly #units: AccessUnits | undefined;

  #nextSequence: number;
  #timeline: RtpTimeline;
  /** When somebody asked for its format last, in monotonic milliseconds. */
  #toldAt = -Infinity;
  #source: SourceLife | undefined;
  #waitForKeyFrame: boolean;

  /** Kept where the source cannot be asked for key frames. */
  #group: GroupOfPictures<RtpFrame> | undefined;

  readonly #format: StreamFormat;

  constructor(options: RtpStreamOptions) {
    this.#clock = options.clock;
    this.cname = options.cname;
    this.#maximumAge = options.maximumAge ?? DEFAULT_MAXIMUM_AGE_MS;
    this.#requestKeyFrame = options.requestKeyFrame ?? (() => undefined);
    this.#video = options.codec.kind === 'video';
    this.#waitForKeyFrame = this.#video;
    const random = randomBytes(6);
    this.ssrc = random.readUInt32BE(0) || 1;
    this.#nextSequence = random.readUInt16BE(4) >> 1;
    this.#timeline = new RtpTimeline(options.codec.clockRate);
    this.#format = new StreamFormat(options.codec, options.unsettled !== true);
    if (this.#video)
      this.#units = new AccessUnits({
        codec: options.codec,
        lossy: options.lossy === true,
        learn: (summary) => this.#format.learn(summary),
        complete: (unit, damaged) => this.#completed(unit, damaged),
        dropped: () => {
          this.stats.dropped += 1;
        },
      });
  }

  get codec(): RtpCodec {
    return this.#format.codec;
  }

  /** The codec is what readers have been told, or will be. */
  get settled(): boolean {
    return this.#format.settled;
  }

  /** Somebody takes its frames, or has just been told what they will be and may come. */
  get promised(): boolean {
    return this.#listeners.size > 0 || this.#clock.now() - this.#toldAt < TOLD_MS;
  }

  /** A sound is of this codec from now on. It must not be {@link promised} with another. */
  settle(codec = this.codec): void {
    if (codec === this.codec && this.settled) return;
    this.sourceChanged();
    // Its times are counted by another clock.
    this.#timeline = new RtpTimeline(codec.clockRate);
    this.#format.settle(codec);
  }

  /** The `a=fmtp` parameters, empty where the codec has none; of H.264 and H.265 known with the first key frame. */
  get formatParameters(): string | undefined {
    return this.#format.parameters;
  }

  /** The parameter sets that came last. */
  get parameterSets(): ParameterSets | undefined {
    return this.#format.sets;
  }

  /** From now on the frames since the last key frame are kept for those who join, or no longer. Pictures only. */
  set keepsGroup(keeps: boolean) {
    if (!this.#video || keeps === (this.#group !== undefined)) return;
    this.#group = keeps ? new GroupOfPictures() : undefined;
  }

  get keepsGroup(): boolean {
    return this.#group !== undefined;
  }

  /** The frames since the last key frame, where they are kept. */
  get group(): readonly RtpFrame[] {
    return this.#group?.frames ?? [];
  }

  /** The same frames for one who joins now: their times are close before that of the newest; see {@link squeezedTimes}. */
  joiningFrames(): RtpFrame[] {
    return squeezed(this.group);
  }

  /** What {@link joiningFrames} would begin with. */
  get joinsAt(): { sequence: number; captureTime: number } | undefined {
    const [first] = this.group;
    const [time] = squeezedTimes(this.group);
    return first && time && { sequence: first.firstSequence, captureTime: time.captureTime };
  }

  /** The sequence number that the next packet will have. */
  get nextSequence(): number {
    return this.#nextSequence;
  }

  /** When the newest frame was captured, in monotonic milliseconds. */
  get lastCaptureTime(): number | undefined {
    return this.#timeline.lastCaptureTime;
  }

  /** Resolves once the format parameters are known; rejects with the signal's reason. */
  async formatKnown(signal?: AbortSignal): Promise<string> {
    const parameters = await this.#format.known(signal);
    this.#toldAt = this.#clock.now();
    return parameters;
  }

  /** Adds a listener for every frame from now on; returns what removes it. */
  onFrame(listener: (frame: RtpFrame) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * RTP time that an RTCP report or RTP-Info pairs with `monotonic`: extrapolated from the newest frame, so that it
   * follows the source's clock. Before the first frame the line begins with the first time that is asked for.
   */
  reportedTimeAt(monotonic: number): number {
    return this.#timeline.at(monotonic);
  }

  /** A compound sender report for now; undefined before the first frame. */
  senderReport(): Buffer | undefined {
    if (this.stats.frames === 0) return undefined;
    this.#clock.resync();
    const now = this.#clock.now();
    return writeSenderReport({
      ssrc: this.ssrc,
      wallClock: this.#clock.wallOf(now),
      rtpTime: this.reportedTimeAt(now),
      packetCount: this.stats.packets,
      octetCount: this.stats.octets,
      cname: this.cname,
    });
  }

  /** The next packet comes from another source, or from another life of the same one. */
  sourceChanged(): void {
    this.#source = undefined;
    this.#units?.drop();
    this.#group?.clear();
    this.#waitForKeyFrame = this.#video;
  }

  /**
   * Goes on with the frames of another stream instead of a source's packets, until the returned function is called or
   * {@link sourceChanged}: at once where that keeps its group, else with its next key frame.
   */
  follow(leader: RtpStream): () => void {
    this.sourceChanged();
    this.stats.sources += 1;
    const { group } = leader;
    /** What to add to the leader's times. */
    let offset: number | undefined;
    const offsetAt = (frame: RtpFrame, room: number): number =>
      this.#timeline.next(frame.captureTime, room) - frame.timestamp;
    const take = (frame: RtpFrame): void => {
      if (this.#waitForKeyFrame && !frame.keyFrame) return;
      this.#waitForKeyFrame = false;
      offset ??= offsetAt(frame, 0);
      this.#format.follow(leader.#format);
      this.#send(
        frame.rewritten({
          timestamp: (frame.timestamp + offset) >>> 0,
          captureTime: frame.captureTime,
          ssrc: this.ssrc,
          firstSequence: this.#nextSequence,
        }),
      );
    };
    const newest = group.at(-1);
    if (newest !== undefined) {
      offset = offsetAt(newest, group.length);
      const room = this.#timeline.ahead((newest.timestamp + offset) >>> 0);
      for (const frame of squeezed(group, room)) take(frame);
    }
    return leader.onFrame(take);
  }

  /**
   * When something of the source was captured, in monotonic milliseconds, as is known only now: it was at `running`
   * milliseconds of its timestamps. What comes from now on is told to be of when it was; where that is noticeably
   * other than was thought it also moves: ahead, or closer together, sound that is over being left out.
   */
  align(running: number, captureTime: number): void {
    this.#source?.align(running, captureTime);
  }

  /** Takes a packet of the source: its own SSRC, sequence and timestamps, wall clock in the ONVIF extension where it has one. */
  push(packet: Buffer): void {
    if (!isRtp(packet) || this.#units?.tells(packet)) return;
    this.#source ??= this.#begin(packet);
    const lost = this.#source.lost(packet);
    if (this.#units === undefined) {
      this.#emit([packet], true);
      return;
    }
    if (lost) this.#awaitKeyFrame();
    this.#units.push(packet, lost);
  }

  #begin(packet: Buffer): SourceLife {
    this.stats.sources += 1;
    return new SourceLife(packet, {
      kind: this.codec.kind,
      timeline: this.#timeline,
      clock: this.#clock,
      maximumAge: this.#maximumAge,
    });
  }

  /** A picture is missing: what comes before the next key frame cannot be decoded. */
  #awaitKeyFrame(): void {
    this.#waitForKeyFrame = true;
    this.#requestKeyFrame();
  }

  #completed({ packets, keyFrame }: AccessUnit, damaged: boolean): void {
    if (damaged) this.#waitForKeyFrame = true;
    if (damaged || (this.#waitForKeyFrame && !keyFrame)) {
      this.stats.dropped += 1;
      this.#requestKeyFrame();
    } else if (this.#emit(packets, keyFrame)) this.#waitForKeyFrame = false;
    else this.#awaitKeyFrame();
  }

  /** Sends a frame on its way; false when it must not go out any more. */
  #emit(packets: readonly Buffer[], keyFrame: boolean): boolean {
    const place = this.#source?.place(packets[0] as Buffer);
    if (place === undefined) {
      this.stats.dropped += 1;
      return false;
    }
    const { ssrc, codec } = this;
    const { payloadType } = codec;
    const line = { ssrc, payloadType, firstSequence: this.#nextSequence, marks: this.#video, keyFrame };
    this.#send(RtpFrame.of(packets, { ...line, ...place }));
    return true;
  }

  #send(frame: RtpFrame): void {
    const { stats } = this;
    if (!this.#video) this.#format.settle(this.codec);
    this.#timeline.advance(frame);
    this.#nextSequence = (frame.firstSequence + frame.packetCount) & 0xffff;
    stats.frames += 1;
    if (frame.keyFrame) stats.keyFrames += 1;
    stats.packets += frame.packetCount;
    stats.octets += frame.byteLength - RTP_HEADER_BYTES * frame.packetCount;
    this.#group?.add(frame);
    for (const listener of this.#listeners) listener(frame);
    this.latency.add(this.#clock.now() - frame.captureTime);
  }
}
