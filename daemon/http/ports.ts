import type { Readable } from 'node:stream';
import type { WhepRequest, WhepResponse } from '../publish/webrtc/whep.ts';

/** What the HTTP room needs of the gateway: declared here, passed in by the composition root. */

/** A stream as the page and other programs see it. */
export interface StreamSummary {
  name: string;
  /** `idle`, `starting`, `live`, `muted`, `privacy` or `error`. */
  state: string;
  /** Why it is so, in words for people. */
  reason?: string;
  tracks: { kind: 'audio' | 'video'; label: string; muted: boolean }[];
  /** Viewers by protocol. */
  viewers: Readonly<Record<string, number>>;
  /** By protocol, for example `rtsp`. Absolute, or a path on this server. */
  urls: Readonly<Record<string, string>>;
}

export interface StreamCatalog {
  list(): StreamSummary[];
}

export interface SnapshotSource {
  /** A JPEG of the picture as it is now. @throws HttpError `not_found` or `unavailable`, with the reason. */
  snapshot(stream: string): Promise<Buffer>;
}

export interface MetricsSource {
  /** The Prometheus text format 0.0.4. */
  metrics(): Promise<string>;
}

export interface HealthSource {
  /** Looks at every component now. */
  verdict(): { status: 'ok' | 'degraded' | 'failing'; components: readonly { component: string; ok: boolean }[] };
}

export interface FlvSource {
  /** The stream as FLV from a key frame on, for ever; destroying it is how the viewer leaves. @throws HttpError as {@link SnapshotSource} does. */
  open(stream: string, viewer: { remoteAddress: string; user: string | undefined }): Promise<Readable>;
}

export interface MjpegSource {
  /** The pictures of a stream, for ever, as a body of this type; destroying it is how the viewer leaves. @throws HttpError as {@link SnapshotSource} does. */
  mjpeg(
    stream: string,
    viewer: { remoteAddress: string; user: string | undefined },
  ): { contentType: string; body: Readable };
}

export interface WhepSource {
  /** Answers a request that has been authorized. @throws HttpError `not_found` where WebRTC is off. */
  handle(request: WhepRequest): Promise<WhepResponse>;
}
