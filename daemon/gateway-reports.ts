import { isIPv6 } from 'node:net';
import { hostname } from 'node:os';
import type { LoadedConfig } from '../config/settings.ts';
import type { BannerFacts } from './banner.ts';
import type { CaptureSource } from './capture/capture-source.ts';
import type { CaptureDevice } from './capture/device.ts';
import type { CodecReport, EncoderReport } from './capture/encoder.ts';
import { runTool } from './capture/run-tool.ts';
import type { ConfiguredStream } from './configured-stream.ts';
import type { GatewayInfo, SessionReport } from './control/gateway-port.ts';
import type { MqttControl } from './control/mqtt/control.ts';
import { trustsEverybody } from './control/request-rights.ts';
import { type DroppedFrames, droppedByStage, droppedFramesOf } from './dropped-frames.ts';
import type { Clock } from './lib/clock.ts';
import type { StreamRegistry } from './stream-registry.ts';
import type { Health } from './telemetry/health.ts';
import { type MetricFamily, Metrics, type MetricsReport, type StreamMetrics } from './telemetry/metrics.ts';
import { System } from './telemetry/system.ts';
import type { HeatReading } from './thermal-reduction.ts';
import type { ViewerRegistry } from './viewer-registry.ts';

/** What listens, and where. */
interface Listening {
  readonly host: string;
  readonly port: number;
  /** The port of the configuration; another one means that this was taken. */
  readonly wanted: number;
}

export type ListenerName = 'rtsp' | 'webrtc' | 'rtmp' | 'http';

export interface GatewayReportsOptions {
  config: LoadedConfig;
  version: string;
  clock: Clock;
  streams: StreamRegistry;
  viewers: ViewerRegistry;
  health: Health;
  devices: () => readonly CaptureDevice[];
  /** Number by outcome. */
  usbResets: () => Readonly<Record<string, number>>;
  encoders: () => EncoderReport[];
  codecs: () => CodecReport[];
  access: { readonly open: boolean; readonly failures: Readonly<Record<string, number>> };
  mqtt: () => MqttControl | undefined;
  /** Who watches. */
  sessions: () => SessionReport[];
  /** Where /proc and /sys are; default: `/`. */
  root: string | undefined;
}

/** What the gateway says of itself: in `info`, in telemetry, in metrics, in the banner. Read from where it is known, when it is asked for. */
export class GatewayReports {
  readonly #options: GatewayReportsOptions;
  readonly #listening = new Map<ListenerName, Listening>();
  readonly #system: System;
  readonly #metrics: Metrics;
  readonly #startedAt: number;
  #gstreamer = 'unknown';

  constructor(options: GatewayReportsOptions) {
    this.#options = options;
    this.#startedAt = options.clock.wall();
    const { root, config } = options;
    this.#system = new System({ stateDirectory: config.settings.stateDirectory, ...(root && { root }) });
    this.#metrics = new Metrics({ collect: () => this.#metricsReport() });
  }

  /** Asks once for what other programs must tell. */
  async start(): Promise<void> {
    const { health } = this.#options;
    health.register('power', () => this.#system.powerProblem());
    health.register('disk', () => this.#system.diskProblem());
    const { ok, stdout } = await runTool('gst-inspect-1.0', ['--version'], { timeout: 5000 });
    if (ok) this.#gstreamer = /GStreamer (\S+)/.exec(stdout)?.[1] ?? this.#gstreamer;
  }

  listening(name: ListenerName, host: string, port: number, wanted: number): void {
    this.#listening.set(name, { host, port, wanted });
  }

  notListening(name: ListenerName): void {
    this.#listening.delete(name);
  }

  /** What listens on a port of ours; undefined: nothing does. */
  listenerOn(port: number): ListenerName | undefined {
    return [...this.#listening].find(([, listening]) => listening.port === port)?.[0];
  }

  /** The addresses of a stream by protocol, as a viewer in the same network uses them. */
  urls(stream: string): Record<string, string> {
    const urls: Record<string, string> = {};
    const rtsp = this.#origin('rtsp', 'rtsp');
    if (rtsp !== undefined) urls.rtsp = `${rtsp}/${stream}`;
    const http = this.#origin('http', 'http');
    if (http !== undefined) {
      urls.page = `${http}/#${stream}`;
      if (this.#listening.has('webrtc')) urls.whep = `${http}/streams/${stream}/whep`;
      urls.snapshot = `${http}/streams/${stream}/snapshot.jpg`;
      urls.mjpeg = `${http}/streams/${stream}/mjpeg`;
      if (this.#listening.has('rtmp')) urls.flv = `${http}/streams/${stream}/live.flv`;
    }
    const rtmp = this.#origin('rtmp', 'rtmp');
    if (rtmp !== undefined) urls.rtmp = `${rtmp}/live/${stream}`;
    return urls;
  }

  info(): GatewayInfo {
    const { config, version } = this.#options;
    const { board, bootId, os } = this.#system.identity();
    return {
      id: config.settings.gateway.id,
      apiVersion: '1',
      versions: { gateway: version, node: process.version.slice(1), gstreamer: this.#gstreamer, os },
      board,
      bootId,
      startedAt: new Date(this.#startedAt).toISOString(),
      clockTrusted: this.#system.clockTrusted,
      listeners: [...this.#listening].map(([protocol, { host, port }]) => ({
        protocol,
        url: `${protocol === 'webrtc' ? 'udp' : protocol}://${authority(host, port)}`,
      })),
      features: ['rtsp', 'webrtc', 'rtmp', 'http'].filter((name) => this.#listening.has(name as ListenerName)),
      encoders: this.#options.encoders(),
      codecs: this.#options.codecs(),
      brokerTrusted: trustsEverybody(config.settings.mqtt.acl),
    };
  }

  async telemetry(): Promise<Record<string, unknown>> {
    const { streams, viewers, sessions } = this.#options;
    return {
      health: this.#options.health.verdict(),
      machine: await this.#system.report(),
      streams: Object.fromEntries(
        await Promise.all(
          streams.all().map(async (stream) => {
            const { state, bitrate, frameRate } = stream.report({}, {});
            const { latency } = stream.traffic;
            const sound = await stream.level();
            const dropped = this.#framesDropped(stream);
            const ofTracks = dropped.filter(({ kind, count }) => kind !== '' && count > 0);
            return [
              stream.name,
              {
                state,
                bitrate,
                frameRate,
                framesDropped: droppedByStage(dropped),
                ...(ofTracks.length > 0 && { framesDroppedByTrack: ofTracks }),
                ...(latency && { latency: { p50: round(latency.p50), p99: round(latency.p99) } }),
                ...(sound && { sound }),
                viewers: viewers.counts(stream.name),
              },
            ];
          }),
        ),
      ),
      sessions: sessions().map(({ id, stream, protocol, bitrate, droppedFrames, loss }) => ({
        id,
        stream,
        protocol,
        ...(bitrate === undefined ? {} : { bitrate }),
        ...(droppedFrames === undefined ? {} : { droppedFrames }),
        ...(loss === undefined ? {} : { loss }),
      })),
    };
  }

  /** Frames that did not get through, by where they were dropped. */
  #framesDropped(stream: ConfiguredStream): DroppedFrames[] {
    const viewers = Object.values(this.#options.viewers.traffic(stream.name));
    const count = viewers.reduce((sum, { droppedFrames }) => sum + droppedFrames, 0);
    return [...droppedFramesOf(stream), { reason: 'slow-viewer', kind: '', encoding: '', count }];
  }

  /** How hot the machine is, as far as it tells. */
  heat(): HeatReading {
    return this.#system.heat();
  }

  /** Prometheus text. */
  metrics(): Promise<string> {
    return this.#metrics.text();
  }

  metricFamilies(): Promise<MetricFamily[]> {
    return this.#metrics.families();
  }

  banner(command: string): BannerFacts {
    const { config, version, streams, access } = this.#options;
    const names = streams.names();
    const urls = names.map((name) => this.urls(name));
    return {
      version,
      gatewayId: config.settings.gateway.id,
      pageUrl: this.#origin('http', 'http'),
      rtspUrls: urls.flatMap(({ rtsp }) => rtsp ?? []),
      rtmpUrls: urls.flatMap(({ rtmp }) => rtmp ?? []),
      mqtt: this.#options.mqtt()?.address,
      sources: streams.all().map(({ name, sources }) => `${name}: ${sources.map(describeSource).join(' and ')}`),
      notes: [...this.#listening]
        .filter(([, { port, wanted }]) => port !== wanted && wanted !== 0)
        .map(([name, { port, wanted }]) => `${name} uses port ${port}, because ${wanted} is taken`),
      open: access.open,
      command,
    };
  }

  /** `rtsp://host:port` for a viewer; where we listen on every address, with the name of this machine. */
  #origin(name: ListenerName, scheme: string): string | undefined {
    const listening = this.#listening.get(name);
    if (listening === undefined) return undefined;
    const everywhere = listening.host === '0.0.0.0' || listening.host === '::';
    return `${scheme}://${authority(everywhere ? hostname() : listening.host, listening.port)}`;
  }

  async #metricsReport(): Promise<MetricsReport> {
    const { version, streams } = this.#options;
    const mqtt = this.#options.mqtt()?.status();
    return {
      versions: { gateway: version, node: process.version.slice(1), gstreamer: this.#gstreamer },
      streams: await Promise.all(streams.all().map((stream) => this.#streamMetrics(stream))),
      mqtt: mqtt ?? { connected: false, queued: 0, dropped: 0, reconnects: 0 },
      usbResets: this.#options.usbResets(),
      authFailures: this.#options.access.failures,
      machine: await this.#system.report(),
    };
  }

  async #streamMetrics(stream: ConfiguredStream): Promise<StreamMetrics> {
    const { viewers, clock, sessions } = this.#options;
    const { name } = stream;
    const sound = await stream.level();
    const { frames, lastCaptureTime, latency } = stream.traffic;
    const idle = (stream.video ?? stream.sources[0])?.state === 'idle';
    const restarts: Record<string, number> = {};
    for (const source of stream.sources)
      for (const [reason, count] of Object.entries(source.stats.restarts))
        restarts[reason] = (restarts[reason] ?? 0) + count;
    const last = idle ? undefined : lastCaptureTime;
    return {
      stream: name,
      up: !stream.failing,
      frames,
      framesDropped: this.#framesDropped(stream),
      lastFrameAge: last === undefined ? undefined : (clock.now() - last) / 1000,
      viewers: viewers.counts(name),
      sound: sound && { ...sound },
      latency: latency && { '0.5': latency.p50 / 1000, '0.99': latency.p99 / 1000 },
      sentBytes: Object.fromEntries(
        Object.entries(viewers.traffic(name)).map(([protocol, { sentBytes }]) => [protocol, sentBytes]),
      ),
      loss: worstLoss(sessions().filter((session) => session.stream === name)),
      captureRestarts: restarts,
      captureTransitions: stream.sources.flatMap(({ kind, stats }) =>
        [...stats.transitions].map((transition) => ({ ...transition, track: kind })),
      ),
    };
  }
}

const round = (milliseconds: number): number => Math.round(milliseconds * 10) / 10;

/** By protocol: of the viewer who loses most. */
function worstLoss(sessions: readonly SessionReport[]): Record<string, number> {
  const worst: Record<string, number> = {};
  for (const { protocol, loss } of sessions)
    if (loss !== undefined) worst[protocol] = Math.max(worst[protocol] ?? 0, loss);
  return worst;
}

const describeSource = ({ device, label, kind }: CaptureSource): string =>
  device === undefined ? `the ${kind === 'video' ? 'camera' : 'microphone'} '${label}', which is not connected` : label;

const authority = (host: string, port: number): string => `${isIPv6(host) ? `[${host}]` : host}:${port}`;
