import { randomBytes } from 'node:crypto';
import type { MediaStreamTrack } from '../../media/media-stream-track.ts';
import { type RtpTap, tapRtp } from '../../media/rtp-tap.ts';
import { FrameGate } from '../../rtp/frame-gate.ts';
import { LossMeter } from '../../rtp/loss-meter.ts';
import { readFeedback, writeBye } from '../../rtp/rtcp.ts';
import type { RtpFrame } from '../../rtp/rtp-frame.ts';
import type { ViewerTraffic } from '../viewer.ts';
import type { Delivery } from './delivery.ts';
import type { SessionState } from './session-states.ts';

/** Bytes that may wait in this process for one viewer before frames are dropped: more than any single frame. */
const HIGH_WATER_BYTES = 2 ** 20;
/** RTCP sender reports (RFC 3550, 6.2: five seconds). */
const REPORT_INTERVAL_MS = 5000;
/** How long sound waits to begin together with the picture, which may be away. */
const SOUND_WAIT_MS = 3000;
/** How often a viewer that still waits for its first picture asks for a key frame again. */
const KEY_FRAME_RETRY_MS = 1000;
/** How far back the instant of RTP-Info may lie. */
const OLDEST_START_MS = 1000;

export interface SessionOptions {
  stream: string;
  rid: string | undefined;
  user: string | undefined;
  lower: 'udp' | 'tcp';
  /** Seconds without a sign of life that it may last, as its viewer was told. */
  timeout: number;
  /** Monotonic milliseconds. */
  now: () => number;
  /** All tracks have ended for good. */
  ended: () => void;
}

/** Why a session ended, for the log and for who watches viewers. */
export type EndReason = 'teardown' | 'disconnected' | 'timeout' | 'slow' | 'ended' | 'protocol' | 'closed' | 'shutdown';

interface SessionTrack {
  readonly index: number;
  readonly kind: 'audio' | 'video';
  readonly tap: RtpTap;
  readonly delivery: Delivery;
  gate: FrameGate;
  /** Whether a sender report went out since PLAY. */
  reported: boolean;
  live: boolean;
  readonly loss: LossMeter;
}

/** A viewer's session: the tracks it has set up, and what of them goes out while it plays. */
export class Session {
  /** The secret that the viewer's requests carry: 128 random bits. */
  readonly id = randomBytes(16).toString('hex');
  readonly stream: string;
  readonly rid: string | undefined;
  readonly user: string | undefined;
  readonly lower: 'udp' | 'tcp';
  readonly timeout: number;
  state: Exclude<SessionState, 'init'> = 'ready';
  readonly #options: SessionOptions;
  readonly #tracks = new Map<number, SessionTrack>();
  #lastAlive: number;
  #playingSince = 0;
  #lastReport = 0;
  #lastKeyFrameRequest = 0;
  #pictureBegan = false;
  #sentBytes = 0;
  #droppedFrames = 0;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.stream = options.stream;
    this.rid = options.rid;
    this.user = options.user;
    this.lower = options.lower;
    this.timeout = options.timeout;
    this.#lastAlive = options.now();
  }

  /** Indices and kinds of the tracks that are set up. */
  get tracks(): readonly { readonly index: number; readonly kind: 'audio' | 'video' }[] {
    return [...this.#tracks.values()];
  }

  /** What has gone to the viewer. */
  get traffic(): ViewerTraffic {
    const lost = [...this.#tracks.values()].flatMap(({ loss }) => loss.fraction ?? []);
    return {
      sentBytes: this.#sentBytes,
      droppedFrames: this.#droppedFrames,
      fractionLost: lost.length === 0 ? undefined : Math.max(...lost),
    };
  }

  /** When the viewer last gave a sign of life, in monotonic milliseconds. */
  get lastAlive(): number {
    return this.#lastAlive;
  }

  alive(): void {
    this.#lastAlive = this.#options.now();
  }

  has(index: number): boolean {
    return this.#tracks.has(index);
  }

  /**
   * Adds a track, whose device runs from now on so that PLAY finds it warm.
   * @returns the SSRC of its packets.
   */
  setUp(index: number, track: MediaStreamTrack, delivery: Delivery): number {
    const tap = tapRtp(track, {
      frame: (frame) => this.#frame(entry, frame),
      ended: () => this.#trackEnded(entry),
    });
    const entry: SessionTrack = {
      index,
      kind: track.kind,
      tap,
      delivery,
      gate: gateFor(track.kind),
      reported: false,
      live: track.readyState === 'live',
      loss: new LossMeter(),
    };
    this.#tracks.set(index, entry);
    return tap.rtp.ssrc;
  }

  /**
   * Begins to play. Until {@link begin} nothing goes out, because the answer to PLAY has to be ahead of it.
   * @returns for each track the first sequence number, and the RTP time of one instant for all tracks: not later than
   * anything that will be sent, since players throw away what is older than the beginning.
   */
  play(): { index: number; seq: number; rtptime: number }[] {
    const now = this.#options.now();
    const tracks = [...this.#tracks.values()];
    const oldest = now - OLDEST_START_MS;
    const first = tracks.map(({ tap: { rtp } }) =>
      Math.max(oldest, rtp.joinsAt?.captureTime ?? rtp.lastCaptureTime ?? oldest),
    );
    const start = Math.min(now, ...first);
    return tracks.map(({ index, tap: { rtp } }) => ({
      index,
      seq: rtp.joinsAt?.sequence ?? rtp.nextSequence,
      rtptime: rtp.reportedTimeAt(start),
    }));
  }

  /** The answer to PLAY is on its way: packets may follow. */
  begin(): void {
    if (this.state === 'playing') return;
    this.state = 'playing';
    this.#playingSince = this.#options.now();
    this.#pictureBegan = ![...this.#tracks.values()].some((entry) => entry.kind === 'video' && entry.live);
    for (const entry of this.#tracks.values()) {
      entry.gate = gateFor(entry.kind);
      entry.reported = false;
    }
    this.#sendReports();
    this.#lastKeyFrameRequest = this.#options.now();
    for (const { kind, tap } of this.#tracks.values()) if (kind === 'video') tap.join();
  }

  pause(): void {
    this.state = 'ready';
  }

  /** Takes an RTCP packet that the viewer sent for a track. */
  receiveRtcp(index: number, packet: Buffer): void {
    const entry = this.#tracks.get(index);
    if (entry === undefined) return;
    this.alive();
    // Which track is meant is known by the way it came: many players write a wrong SSRC into feedback.
    const feedback = readFeedback(packet);
    for (const block of feedback) if (block.type === 'report') entry.loss.report(block, this.#options.now());
    if (feedback.some(({ type }) => type === 'key-frame')) entry.tap.requestKeyFrame();
  }

  /** To be called about once a second. */
  tick(now: number): void {
    if (this.state !== 'playing') return;
    if (now - this.#lastReport >= REPORT_INTERVAL_MS) this.#sendReports();
    const waits = [...this.#tracks.values()].some(
      ({ kind, gate, live }) => kind === 'video' && live && gate.needsKeyFrame,
    );
    if (waits && now - this.#lastKeyFrameRequest >= KEY_FRAME_RETRY_MS) this.#requestKeyFrame();
  }

  /** Lets go of all tracks; with a goodbye (RTCP BYE) to a viewer who does not expect it. Idempotent. */
  close(goodbye: boolean): void {
    this.state = 'ready';
    for (const entry of this.#tracks.values()) {
      if (goodbye && entry.live && entry.reported) entry.delivery.sendRtcp(writeBye(entry.tap.rtp.ssrc));
      entry.tap.close();
    }
    this.#tracks.clear();
  }

  #frame(entry: SessionTrack, frame: RtpFrame): void {
    if (this.state !== 'playing' || (entry.kind === 'audio' && !this.#soundMayBegin())) return;
    const { dropped } = entry.gate;
    if (!entry.gate.admits(frame, entry.delivery.queuedBytes)) {
      this.#droppedFrames += entry.gate.dropped - dropped;
      return;
    }
    if (entry.kind === 'video') this.#pictureBegan = true;
    if (!entry.reported) this.#sendReport(entry);
    this.#sentBytes += frame.byteLength;
    entry.delivery.sendFrame(frame);
  }

  #soundMayBegin(): boolean {
    return this.#pictureBegan || this.#options.now() - this.#playingSince >= SOUND_WAIT_MS;
  }

  #requestKeyFrame(): void {
    this.#lastKeyFrameRequest = this.#options.now();
    for (const { kind, tap } of this.#tracks.values()) if (kind === 'video') tap.requestKeyFrame();
  }

  #sendReports(): void {
    this.#lastReport = this.#options.now();
    for (const entry of this.#tracks.values()) if (entry.live) this.#sendReport(entry);
  }

  #sendReport(entry: SessionTrack): void {
    const report = entry.tap.rtp.senderReport();
    if (report === undefined) return;
    entry.reported = true;
    entry.delivery.sendRtcp(report);
  }

  #trackEnded(entry: SessionTrack): void {
    if (this.state === 'playing' && entry.reported) entry.delivery.sendRtcp(writeBye(entry.tap.rtp.ssrc));
    entry.live = false;
    if (entry.kind === 'video') this.#pictureBegan = true;
    if (![...this.#tracks.values()].some(({ live }) => live)) this.#options.ended();
  }
}

const gateFor = (kind: 'audio' | 'video'): FrameGate =>
  new FrameGate({ highWater: HIGH_WATER_BYTES, needsKeyFrame: kind === 'video' });
