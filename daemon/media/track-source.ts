import type { RtpStream } from '../rtp/rtp-stream.ts';

/** MediaTrackSettings (W3C Media Capture and Streams, 4.3.4), the members that our sources know. */
export interface MediaTrackSettings {
  width?: number;
  height?: number;
  frameRate?: number;
  aspectRatio?: number;
  sampleRate?: number;
  sampleSize?: number;
  channelCount?: number;
  latency?: number;
  deviceId?: string;
  groupId?: string;
}

/** What a source tells the tracks that stand on it. */
export interface TrackSourceObserver {
  /** `muted` has changed: the device went silent, or is back. */
  mutedChanged(): void;
  /** The source is gone for good; no packet will come any more. */
  ended(): void;
}

/**
 * What a MediaStreamTrack stands on: a device (or a test picture) that makes RTP. One source serves any number of
 * tracks (Media Capture and Streams, 3: "source"). Implemented by the capture room.
 */
export interface TrackSource {
  readonly kind: 'audio' | 'video';
  /** Stable over replug and reboot. */
  readonly deviceId: string;
  readonly groupId: string;
  /** What a person calls the device. */
  readonly label: string;
  /** The source cannot deliver for the moment: unplugged, stalled, restarting. */
  readonly muted: boolean;
  /** Why it is muted, in words for a person; undefined while it is not. */
  readonly mutedReason: string | undefined;
  readonly rtp: RtpStream;
  settings(): MediaTrackSettings;
  observe(observer: TrackSourceObserver): () => void;
  /** A live track begins to stand on the source. */
  attach(): void;
  /** A track stopped; when the last one has, the source closes its device and may be forgotten. */
  detach(): void;
  /** Somebody consumes the media: the first call starts device and encoder; after the last release they stop, once the idle time is over. */
  retain(): () => void;
  /** Asks for a key frame; may be called by every joining viewer, the source coalesces. No effect on audio. */
  requestKeyFrame(): void;
}
