import { randomBytes } from 'node:crypto';
import type { MediaClock } from '../lib/clock.ts';
import type { RtpCodec } from './codec.ts';
import { h264FormatParameters, type NalSummary, summarizeH264 } from './h264.ts';
import {
  isRtp,
  marker,
  onvifWallClock,
  payloadOffset,
  RTP_HEADER_BYTES,
  sequenceDistance,
  sequenceNumber,
  timestamp,
  timestampDistance,
} from './packet.ts';
import { writeSenderReport } from './rtcp.ts';
import { RtpFrame } from './rtp-frame.ts';

export interface RtpStreamOptions {
  codec: RtpCodec;
  clock: MediaClock;
  /** RTCP canonical name; the same for all tracks of the process. */
  cname: string;
  /** Frames older than this on arrival are stale and are dropped, in milliseconds. */
  maximumAge?: number;
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
/** A stamp this far from the time of arrival comes from a clock that cannot be believed. */
const IMPLAUSIBLE_AGE_MS = 10_000;

interface SourceLife {
  timestampOffset: number;
  wallToMonotonic: number;
  nextSequence: number;
}

/**
 * A track's RTP stream (RFC 7656, 2.1.10): one SSRC, one line of sequence numbers and timestamps from the first
 * packet to the last, whatever becomes of the process that makes the packets. {@link sourceChanged} marks where a new
 * life of the source begins; a picture then resumes on a key frame, never in the middle of an access unit.
 */
export class RtpStream {
  readonly codec: RtpCodec;
  readonly ssrc: number;
  readonly stats: RtpStreamStats = { frames: 0, keyFrames: 0, packets: 0, octets: 0, dropped: 0, sources: 0 };
  readonly #clock: MediaClock;
  readonly #cname: string;
  readonly #maximumAge: number;
  readonly #requestKeyFrame: () => void;
  readonly #listeners = new Set<(frame: RtpFrame) => void>();
  readonly #video: boolean;

  /** The line: RTP time is #baseTimestamp at monotonic #baseTime. */
  #baseTime: number | undefined;
  readonly #baseTimestamp: number;
  #nextSequence: number;
  #last: { timestamp: number; captureTime: number } | undefined;

  /** This life of the source: what to add to its timestamps, and to its wall clock to make monotonic time of it. */
  #source: SourceLife | undefined;
  #waitForKeyFrame: boolean;
  /** Packets of the access unit that is not complete yet; undefined entries of a broken one are never sent. */
  #unit: { packets: Buffer[]; timestamp: number; idr: boolean; broken: boolean } | undefined;

  #sps: Buffer | undefined;
  #pps: Buffer | undefined;
  #formatParameters: string | undefined;
  readonly #formatWaiters = new Set<() => void>();

  constructor(options: RtpStreamOptions) {
    this.codec = options.codec;
    this.#clock = options.clock;
    this.#cname = options.cname;
    this.#maximumAge = options.maximumAge ?? DEFAULT_MAXIMUM_AGE_MS;
    this.#requestKeyFrame = options.requestKeyFrame ?? (() => undefined);
    this.#video = options.codec.kind === 'video';
    this.#waitForKeyFrame = this.#video;
    const random = randomBytes(10);
    this.ssrc = random.readUInt32BE(0) || 1;
    this.#baseTimestamp = random.readUInt32BE(4);
    this.#nextSequence = random.readUInt16BE(8) >> 1;
    if (!this.#video) this.#formatParameters = 'minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1';
  }

  /** The `a=fmtp` parameters; for H.264 known with the first key frame. */
  get formatParameters(): string | undefined {
    return this.#formatParameters;
  }

  /** The sequence number that the next packet will have. */
  get nextSequence(): number {
    return this.#nextSequence;
  }

  /** When the newest frame was captured, in monotonic milliseconds. */
  get lastCaptureTime(): number | undefined {
    return this.#last?.captureTime;
  }

  /** Resolves once the format parameters are known; rejects with the signal's reason. */
  async formatKnown(signal?: AbortSignal): Promise<string> {
    while (this.#formatParameters === undefined) {
      signal?.throwIfAborted();
      await new Promise<void>((resolve, reject) => {
        const done = (): void => {
          this.#formatWaiters.delete(done);
          signal?.removeEventListener('abort', abort);
          resolve();
        };
        const abort = (): void => {
          this.#formatWaiters.delete(done);
          reject(signal?.reason);
        };
        this.#formatWaiters.add(done);
        signal?.addEventListener('abort', abort, { once: true });
      });
    }
    return this.#formatParameters;
  }

  /** Adds a listener for every frame from now on; returns what removes it. */
  onFrame(listener: (frame: RtpFrame) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** RTP time at a monotonic time, on the stream's line. Before the first frame the line begins now. */
  rtpTimeAt(monotonic: number): number {
    this.#baseTime ??= monotonic;
    return (this.#baseTimestamp + Math.round(((monotonic - this.#baseTime) * this.codec.clockRate) / 1000)) >>> 0;
  }

  /** RTP time that an RTCP report or RTP-Info pairs with `monotonic`: extrapolated from the newest frame, so that it follows the source's clock. */
  reportedTimeAt(monotonic: number): number {
    if (this.#last === undefined) return this.rtpTimeAt(monotonic);
    const elapsed = ((monotonic - this.#last.captureTime) * this.codec.clockRate) / 1000;
    return (this.#last.timestamp + Math.round(elapsed)) >>> 0;
  }

  /** A compound sender report for now; undefined before the first frame. */
  senderReport(): Buffer | undefined {
    if (this.#last === undefined) return undefined;
    const now = this.#clock.now();
    return writeSenderReport({
      ssrc: this.ssrc,
      wallClock: this.#clock.wallOf(now),
      rtpTime: this.reportedTimeAt(now),
      packetCount: this.stats.packets,
      octetCount: this.stats.octets,
      cname: this.#cname,
    });
  }

  /** The next packet comes from another source, or from another life of the same one. */
  sourceChanged(): void {
    this.#source = undefined;
    this.#dropUnit();
    this.#waitForKeyFrame = this.#video;
  }

  /** Takes a packet of the source: its own SSRC, sequence and timestamps, wall clock in the ONVIF extension where it has one. */
  push(packet: Buffer): void {
    if (!isRtp(packet)) return;
    const source = this.#source ?? this.#begin(packet);
    const lost = sequenceDistance(sequenceNumber(packet), source.nextSequence);
    source.nextSequence = (sequenceNumber(packet) + 1) & 0xffff;
    if (lost !== 0) this.#interrupted();
    if (!this.#video) {
      this.#emit([packet], true);
      return;
    }
    const time = timestamp(packet);
    if (this.#unit !== undefined && this.#unit.timestamp !== time) this.#interrupted();
    this.#unit ??= { packets: [], timestamp: time, idr: false, broken: lost !== 0 };
    const unit = this.#unit;
    unit.packets.push(packet);
    const summary = summarizeH264(packet);
    if (summary.idr) unit.idr = true;
    this.#learnFormat(summary);
    if (!marker(packet)) return;
    this.#unit = undefined;
    if (unit.broken) this.stats.dropped += 1;
    else this.#complete(unit.packets, unit.idr);
  }

  #begin(packet: Buffer): SourceLife {
    const now = this.#clock.now();
    const wall = onvifWallClock(packet);
    let wallToMonotonic = now - this.#clock.clock.wall();
    if (wall !== undefined && Math.abs(now - (wall + wallToMonotonic)) > IMPLAUSIBLE_AGE_MS)
      wallToMonotonic = now - wall;
    const captured = wall === undefined ? now : wall + wallToMonotonic;
    let begin = this.rtpTimeAt(captured);
    const shortest = Math.round(this.codec.clockRate / 1000);
    if (this.#last !== undefined && timestampDistance(begin, this.#last.timestamp) < shortest)
      begin = (this.#last.timestamp + shortest) >>> 0;
    this.stats.sources += 1;
    this.#source = {
      timestampOffset: (begin - timestamp(packet)) >>> 0,
      wallToMonotonic,
      nextSequence: sequenceNumber(packet),
    };
    return this.#source;
  }

  #interrupted(): void {
    this.#dropUnit();
    if (!this.#video) return;
    this.#waitForKeyFrame = true;
    this.#requestKeyFrame();
  }

  #dropUnit(): void {
    if (this.#unit === undefined) return;
    this.#unit = undefined;
    this.stats.dropped += 1;
  }

  #complete(packets: Buffer[], idr: boolean): void {
    if (this.#waitForKeyFrame && !idr) {
      this.stats.dropped += 1;
      this.#requestKeyFrame();
      return;
    }
    if (this.#emit(packets, idr)) this.#waitForKeyFrame = false;
  }

  /** Sends a frame on its way; false when it was too old. */
  #emit(packets: Buffer[], keyFrame: boolean): boolean {
    const source = this.#source as SourceLife;
    const now = this.#clock.now();
    const wall = onvifWallClock(packets[0] as Buffer);
    const captureTime = wall === undefined ? now : wall + source.wallToMonotonic;
    if (now - captureTime > this.#maximumAge) {
      this.stats.dropped += 1;
      if (this.#video) {
        this.#waitForKeyFrame = true;
        this.#requestKeyFrame();
      }
      return false;
    }
    const frame = this.#rewrite(packets, source.timestampOffset, keyFrame, captureTime);
    this.#last = { timestamp: frame.timestamp, captureTime };
    this.stats.frames += 1;
    if (keyFrame) this.stats.keyFrames += 1;
    this.stats.packets += packets.length;
    this.stats.octets += frame.byteLength - RTP_HEADER_BYTES * packets.length;
    for (const listener of this.#listeners) listener(frame);
    return true;
  }

  #rewrite(packets: Buffer[], timestampOffset: number, keyFrame: boolean, captureTime: number): RtpFrame {
    let size = 0;
    for (const packet of packets) size += 4 + RTP_HEADER_BYTES + packet.length - payloadOffset(packet);
    const bytes = Buffer.allocUnsafe(size);
    const rewritten: Buffer[] = [];
    let at = 0;
    for (const packet of packets) {
      const payload = payloadOffset(packet);
      const length = RTP_HEADER_BYTES + packet.length - payload;
      bytes[at] = 0x24;
      bytes[at + 1] = 0;
      bytes.writeUInt16BE(length, at + 2);
      at += 4;
      bytes[at] = 0x80 | ((packet[0] as number) & 0x20);
      bytes[at + 1] = (marker(packet) ? 0x80 : 0) | this.codec.payloadType;
      bytes.writeUInt16BE(this.#nextSequence, at + 2);
      bytes.writeUInt32BE((timestamp(packet) + timestampOffset) >>> 0, at + 4);
      bytes.writeUInt32BE(this.ssrc, at + 8);
      packet.copy(bytes, at + RTP_HEADER_BYTES, payload);
      rewritten.push(bytes.subarray(at, at + length));
      this.#nextSequence = (this.#nextSequence + 1) & 0xffff;
      at += length;
    }
    return new RtpFrame(bytes, rewritten, keyFrame, captureTime);
  }

  #learnFormat({ sps, pps }: NalSummary): void {
    if (sps === undefined && pps === undefined) return;
    if (sps !== undefined && !this.#sps?.equals(sps)) this.#sps = Buffer.from(sps);
    else if (pps === undefined || this.#pps?.equals(pps)) return;
    if (pps !== undefined) this.#pps = Buffer.from(pps);
    if (this.#sps === undefined || this.#pps === undefined) return;
    this.#formatParameters = h264FormatParameters({ sps: this.#sps, pps: this.#pps });
    for (const waiter of this.#formatWaiters) waiter();
  }
}
