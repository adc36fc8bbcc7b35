import type { EncodingSettings } from '../config/settings.ts';
import type { CaptureSource } from './capture/capture-source.ts';
import type { CaptureDevice } from './capture/device.ts';
import type { StreamReport, StreamStateName } from './control/gateway-port.ts';
import type { Clock } from './lib/clock.ts';
import { Rate } from './lib/rate.ts';
import type { MediaStream } from './media/media-stream.ts';
import { encodedOf, type MediaStreamTrack } from './media/media-stream-track.ts';
import type { EncodingReduction } from './media/track-source.ts';
import { encodingName } from './rtp/codec.ts';

/** What has gone out of a stream's picture (without one: its sound), and of all its tracks. */
export interface StreamTraffic {
  frames: number;
  /** Payload bytes of all tracks and encodings. */
  octets: number;
  /** When the newest frame was captured, in monotonic milliseconds. */
  lastCaptureTime: number | undefined;
  /** From capture until the newest frames were handed to their readers, in milliseconds; undefined while none flow. */
  latency: { p50: number; p99: number } | undefined;
}

/** A stream as far as a report tells of it. */
export interface ReportedStream {
  readonly name: string;
  readonly opened: boolean;
  readonly state: StreamStateName;
  /** Unix milliseconds since when it has been so. */
  readonly since: number;
  readonly reason: string | undefined;
  /** In its first encoding. */
  readonly media: MediaStream;
  /** Of all its encodings, each once. */
  readonly tracks: readonly MediaStreamTrack[];
  readonly video: CaptureSource | undefined;
  readonly encodings: readonly EncodingSettings[];
  readonly reduction: EncodingReduction | undefined;
  rendition(rid: string): MediaStream | undefined;
}

/** What there is to be told of a stream, with its rates. */
export class StreamReporter {
  readonly #stream: ReportedStream;
  readonly #clock: Clock;
  readonly #bitrate = new Rate();
  readonly #frameRate = new Rate();

  constructor(stream: ReportedStream, clock: Clock) {
    this.#stream = stream;
    this.#clock = clock;
  }

  get traffic(): StreamTraffic {
    const { media, tracks, state } = this.#stream;
    const [first] = media.getTracks();
    const main = first && encodedOf(first).rtp;
    const latency = state === 'live' ? main?.latency.quantiles([0.5, 0.99]) : undefined;
    return {
      latency: latency && { p50: latency[0], p99: latency[1] },
      frames: main?.stats.frames ?? 0,
      octets: tracks.reduce((sum, track) => sum + encodedOf(track).rtp.stats.octets, 0),
      lastCaptureTime: main?.lastCaptureTime,
    };
  }

  report(viewers: Record<string, number>, urls: Record<string, string>): StreamReport {
    const now = this.#clock.now();
    const { octets, frames } = this.traffic;
    const { name, opened, state, since, reason, media, video, encodings, reduction } = this.#stream;
    return {
      name,
      enabled: opened,
      state,
      ...(reason === undefined ? {} : { reason }),
      since: new Date(since).toISOString(),
      tracks: media.getTracks().map((track) => ({
        kind: track.kind,
        id: track.id,
        label: track.label,
        muted: track.muted,
        codec: encodingName(encodedOf(track).rtp.codec),
        settings: { ...track.getSettings() },
        ...(isConstrained(track) && { constraints: { ...track.getConstraints() } }),
      })),
      encodings: encodings.map((encoding) => this.#reportEncoding(encoding)),
      ...(video && reduction && { reduction: { ...reduction } }),
      viewers,
      bitrate: Math.round(this.#bitrate.read(octets, now) * 8),
      frameRate: Math.round(this.#frameRate.read(frames, now) * 10) / 10,
      urls,
      controls: controlsOf(video?.device),
    };
  }

  #reportEncoding(encoding: EncodingSettings): Record<string, unknown> {
    const [track] = this.#stream.rendition(encoding.rid)?.getVideoTracks() ?? [];
    if (track === undefined) return { ...encoding };
    const encoded = encodedOf(track);
    const { problem } = encoded;
    return { ...encoding, ...this.#stream.video?.encodingOf(encoded), ...(problem !== undefined && { problem }) };
  }
}

export const isConstrained = (track: MediaStreamTrack): boolean => Object.keys(track.getConstraints()).length > 0;

/** What the controls of a camera are set to; a button is not set to anything. */
function controlsOf(device: CaptureDevice | undefined): Record<string, number> {
  const controls = device?.kind === 'videoinput' ? device.controls : [];
  return Object.fromEntries(controls.flatMap(({ name, value }) => (value === undefined ? [] : [[name, value]])));
}
