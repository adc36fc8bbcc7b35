import type { NegotiatedMedia } from './offer.ts';

/** What daemon and WebRTC worker say to each other over IPC. Media goes over the pipe: channel 2n carries RTP of slot n, 2n+1 its RTCP. */

/** A medium of a viewer, with the track that feeds it. */
export interface PeerMedia extends NegotiatedMedia {
  /** 0 to 127: which channels of the pipe carry the track. */
  slot: number;
  ssrc: number;
  /** The source cannot be asked for a key frame: a viewer begins with the frames since the last one. */
  keepsGroup: boolean;
  cname: string;
  /** `a=msid` (RFC 8830): ids of stream and track. */
  msid: { stream: string; track: string };
}

export interface WorkerConfiguration {
  /** The one UDP port. */
  port: number;
  /** Undefined: all addresses of the machine. */
  bindAddress: string | undefined;
  /** As libdatachannel reads them: `stun:host:port`, `turn:user:password@host:port`. */
  iceServers: string[];
}

export type ToWorker =
  | { type: 'configure'; configuration: WorkerConfiguration }
  | { type: 'offer'; peer: string; sdp: string; media: PeerMedia[] }
  | { type: 'candidates'; peer: string; mid: string; candidates: string[] }
  | { type: 'close'; peer: string }
  | { type: 'stop' };

/** Counters since the worker's start. */
export interface WorkerStatistics {
  packetsSent: number;
  packetsRetransmitted: number;
  nacks: number;
  keyFrameRequests: number;
}

/** What has gone to a viewer since it came, and what it last said of its loss. */
export interface PeerReport {
  peer: string;
  sentBytes: number;
  /** Share of packets over about the last second, on its worst track. */
  fractionLost?: number;
}

export type FromWorker =
  | { type: 'ready' }
  | { type: 'heartbeat'; statistics: WorkerStatistics; peers: PeerReport[] }
  | { type: 'answer'; peer: string; sdp: string }
  | { type: 'refused'; peer: string; message: string }
  | { type: 'connected'; peer: string }
  | { type: 'closed'; peer: string; reason: string }
  | { type: 'key-frame'; slot: number }
  /** A thread of the native library spins: only SIGKILL ends it. */
  | { type: 'spinning'; seconds: number };
