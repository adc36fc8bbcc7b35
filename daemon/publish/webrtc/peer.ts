import { Audio, PeerConnection, type Track, Video } from 'node-datachannel';
import { CatchUp } from '../../rtp/catch-up.ts';
import { encodingName, rtpmap } from '../../rtp/codec.ts';
import { LossMeter } from '../../rtp/loss-meter.ts';
import { type Feedback, readFeedback } from '../../rtp/rtcp.ts';
import type { PeerMedia, PeerReport, WorkerConfiguration, WorkerStatistics } from './messages.ts';
import type { SentFrame, SentTrack } from './sent-track.ts';

/** How long an answer waits for its candidates: a dead STUN server must not hold it, in milliseconds. */
const GATHERING_CAP_MS = 1500;
/** From answer to a DTLS connection, in milliseconds. */
const CONNECT_TIMEOUT_MS = 20_000;
/** How long we send without hearing any RTCP report, in milliseconds. Browsers report each second or more, on audio alone each five. */
const REPORT_TIMEOUT_MS = 15_000;
/** A pause in sending after which reports are awaited anew, in milliseconds. */
const SENDING_PAUSE_MS = 2000;
/** Retransmissions a viewer gets in a second: what a bad radio link needs, not what an attacker wants. */
const RETRANSMISSIONS_PER_SECOND = 400;

export interface PeerEvents {
  /** The answer with all candidates that were found in time. */
  answer(sdp: string): void;
  connected(): void;
  /** The connection is over; not called after {@link Peer.close}. */
  closed(reason: string): void;
  /** The viewer cannot go on without a key frame in this slot. */
  keyFrameNeeded(slot: number): void;
}

export interface PeerOptions {
  id: string;
  /** What it gets, with the tracks that it comes from. */
  sends: readonly { media: PeerMedia; track: SentTrack }[];
  configuration: WorkerConfiguration;
  statistics: WorkerStatistics;
  events: PeerEvents;
}

interface Sender {
  readonly media: PeerMedia;
  readonly track: SentTrack;
  /** Held here, for the native side holds it weakly. */
  readonly native: Track;
  open: boolean;
  readonly loss: LossMeter;
  /** Video begins with a key frame. */
  waiting: boolean;
  readonly frames: CatchUp<SentFrame>;
}

/** One viewer: a native peer connection that only sends. */
export class Peer {
  readonly #options: PeerOptions;
  readonly #connection: PeerConnection;
  readonly #senders = new Map<number, Sender>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #answered = false;
  #closed = false;
  #lastSent = 0;
  /** Since when we send without an answer. */
  #unheardSince = 0;
  #retransmissionsLeft = RETRANSMISSIONS_PER_SECOND;
  #sentBytes = 0;

  constructor(options: PeerOptions) {
    this.#options = options;
    const { port, bindAddress, iceServers } = options.configuration;
    this.#connection = new PeerConnection(options.id, {
      iceServers,
      disableAutoNegotiation: true,
      enableIceUdpMux: true,
      portRangeBegin: port,
      portRangeEnd: port,
      ...(bindAddress !== undefined && { bindAddress }),
    });
  }

  get slots(): Iterable<number> {
    return this.#senders.keys();
  }

  get report(): PeerReport {
    const lost = [...this.#senders.values()].flatMap(({ loss }) => loss.fraction ?? []);
    return {
      peer: this.#options.id,
      sentBytes: this.#sentBytes,
      ...(lost.length > 0 && { fractionLost: Math.max(...lost) }),
    };
  }

  /** Takes the offer, which is of our own writing, and begins to gather candidates for the answer. @throws Error of the native library. */
  accept(sdp: string): void {
    const connection = this.#connection;
    for (const { media, track } of this.#options.sends) this.#senders.set(media.slot, this.#addSender(media, track));
    connection.onGatheringStateChange((state) => {
      if (state === 'complete') this.#answer();
    });
    connection.onStateChange((state) => this.#stateChanged(state));
    connection.setRemoteDescription(sdp, 'offer');
    connection.setLocalDescription('answer');
    this.#after(GATHERING_CAP_MS, () => this.#answer());
    this.#after(CONNECT_TIMEOUT_MS, () => {
      if (connection.state() !== 'connected') this.#end('no connection');
    });
  }

  addCandidate(candidate: string, mid: string): void {
    if (!this.#closed) this.#connection.addRemoteCandidate(`candidate:${candidate}`, mid);
  }

  /** True while the viewer waits for a key frame in this slot. */
  sendFrame(slot: number, frame: SentFrame): boolean {
    const sender = this.#senders.get(slot);
    if (sender === undefined || !sender.open) return false;
    if (sender.waiting && !frame.keyFrame) return true;
    sender.waiting = false;
    sender.frames.push(frame);
    return false;
  }

  sendReport(slot: number, report: Buffer): void {
    const sender = this.#senders.get(slot);
    if (sender?.open) this.#send(sender, report);
  }

  /** To be called each second. */
  tick(): void {
    this.#retransmissionsLeft = RETRANSMISSIONS_PER_SECOND;
    const now = performance.now();
    if (
      this.#unheardSince !== 0 &&
      now - this.#lastSent < SENDING_PAUSE_MS &&
      now - this.#unheardSince > REPORT_TIMEOUT_MS
    )
      this.#end('timeout');
  }

  /** Ends the connection, with a DTLS close to the viewer. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    for (const { frames } of this.#senders.values()) frames.stop();
    this.#connection.close();
  }

  #addSender(media: PeerMedia, track: SentTrack): Sender {
    const { kind, payloadType, ssrc, cname, msid } = media;
    const description = describe(media);
    description.addSSRC(ssrc, cname, msid.stream, msid.track);
    const sender: Sender = {
      media,
      track,
      native: this.#connection.addTrack(description),
      open: false,
      loss: new LossMeter(),
      waiting: kind === 'video',
      frames: new CatchUp((frame) => {
        for (const packet of frame.withPayloadType(payloadType)) this.#send(sender, packet);
      }),
    };
    sender.native.onOpen(() => {
      sender.open = true;
      if (sender.waiting) this.#begin(sender);
    });
    sender.native.onClosed(() => {
      sender.open = false;
      sender.frames.stop();
    });
    sender.native.onMessage((message) => this.#heard(sender, message));
    return sender;
  }

  #begin(sender: Sender): void {
    const { media, track, frames } = sender;
    const begin = media.keepsGroup ? track.joiningFrames() : [];
    if (begin.length === 0) this.#options.events.keyFrameNeeded(media.slot);
    else {
      sender.waiting = false;
      frames.begin(begin);
    }
  }

  #send(sender: Sender, packet: Buffer): void {
    if (!sender.open) return;
    try {
      sender.native.sendMessageBinary(packet);
    } catch {
      // The track closed under us; its event is on the way.
      sender.open = false;
      return;
    }
    const now = performance.now();
    if (this.#unheardSince === 0 || now - this.#lastSent > SENDING_PAUSE_MS) this.#unheardSince = now;
    this.#lastSent = now;
    this.#sentBytes += packet.length;
    this.#options.statistics.packetsSent += 1;
  }

  /** A compound RTCP packet; it comes once for each track that it names. */
  #heard(sender: Sender, message: Buffer): void {
    this.#unheardSince = 0;
    for (const feedback of readFeedback(message)) {
      if (feedback.ssrc === sender.media.ssrc) this.#handle(sender, feedback);
    }
  }

  #handle(sender: Sender, feedback: Feedback): void {
    const { statistics, events } = this.#options;
    switch (feedback.type) {
      case 'nack':
        statistics.nacks += 1;
        for (const sequence of feedback.sequenceNumbers) this.#retransmit(sender, sequence);
        break;
      case 'key-frame':
        statistics.keyFrameRequests += 1;
        events.keyFrameNeeded(sender.media.slot);
        break;
      case 'report':
        sender.loss.report(feedback, performance.now());
        break;
      case 'bye':
        break;
    }
  }

  #retransmit(sender: Sender, sequence: number): void {
    if (this.#retransmissionsLeft === 0) return;
    const packet = sender.track.recent(sequence, sender.media.payloadType);
    if (packet === undefined) return;
    this.#retransmissionsLeft -= 1;
    this.#options.statistics.packetsRetransmitted += 1;
    this.#send(sender, packet);
  }

  #answer(): void {
    if (this.#answered || this.#closed) return;
    const description = this.#connection.localDescription();
    if (description === null) {
      this.#end('no answer');
      return;
    }
    this.#answered = true;
    this.#options.events.answer(description.sdp);
  }

  #stateChanged(state: string): void {
    if (this.#closed) return;
    if (state === 'connected') this.#options.events.connected();
    // For libdatachannel "disconnected" is for good.
    else if (state === 'disconnected' || state === 'failed' || state === 'closed') this.#end(state);
  }

  #end(reason: string): void {
    if (this.#closed) return;
    this.close();
    this.#options.events.closed(reason);
  }

  #after(milliseconds: number, callback: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      callback();
    }, milliseconds);
    this.#timers.add(timer);
  }
}

/** The section of our answer; the native library adds what it gives and takes of RTCP feedback. */
function describe({ mid, codec, payloadType, formatParameters }: PeerMedia): Video | Audio {
  if (codec.kind === 'audio') {
    const audio = new Audio(mid, 'SendOnly');
    if (codec.mimeType === 'audio/opus') audio.addOpusCodec(payloadType, formatParameters);
    else audio.addAudioCodec(payloadType, rtpmap(codec));
    return audio;
  }
  const video = new Video(mid, 'SendOnly');
  video.addVideoCodec(payloadType, encodingName(codec), formatParameters);
  return video;
}
