import type { MediaStream } from '../media/media-stream.ts';

/** The protocols a viewer can come by. */
export type ViewerProtocol = 'rtsp' | 'webrtc' | 'rtmp' | 'http-flv' | 'mjpeg';

/** One who receives a stream from us. */
export interface Viewer {
  /** 128 bits of randomness, so that knowing one tells nothing of another. */
  readonly id: string;
  readonly protocol: ViewerProtocol;
  /** Name of the stream. */
  readonly stream: string;
  readonly remoteAddress: string;
  /** Who signed in, undefined where nobody has to. */
  readonly user: string | undefined;
  /** Unix milliseconds. */
  readonly since: number;
  /** What has gone to this viewer so far; not there where its publisher does not count it. */
  readonly traffic?: () => ViewerTraffic;
}

/** Counted since the viewer came. */
export interface ViewerTraffic {
  /** Of RTP packets, of media messages of RTMP and FLV, of JPEGs. */
  readonly sentBytes: number;
  /** Frames that were left out for want of room in its queue. */
  readonly droppedFrames: number;
  /** Share of packets that were lost over about the last second, by its reports (RFC 3550, 6.4.4), 0 to 1, on its worst track. */
  readonly fractionLost: number | undefined;
}

/** What a publisher tells the gateway about its viewers. */
export interface ViewerObserver {
  joined(viewer: Viewer): void;
  /** @param reason one of a few words for the log: `teardown`, `timeout`, `slow`, ... */
  left(viewer: Viewer, reason: string): void;
}

/** Where publishers find what they serve. */
export interface StreamDirectory {
  /**
   * The stream of this name, or undefined; a disabled stream is not found.
   * @param rid which of its encodings; without it the first. One that the stream does not have is not found.
   */
  find(name: string, rid?: string): MediaStream | undefined;
  /** The stream in each of its encodings, the first one first; empty where it is not found. */
  renditions(name: string): readonly MediaStream[];
}
