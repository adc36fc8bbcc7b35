import { CaptureError, type CaptureErrorCode } from './capture/capture-error.ts';
import type { CaptureDevice } from './capture/device.ts';
import type { ConfigPort } from './control/config-port.ts';
import { EventStamper } from './control/events.ts';
import {
  ControlError,
  type ControlErrorCode,
  type DeviceControlsPort,
  type DeviceReport,
  type EncodingChange,
  type GatewayEvent,
  type GatewayInfo,
  type GatewayObserver,
  type GatewayPort,
  type HealthReport,
  type MetricFamily,
  type SessionsPort,
  type SignallingPort,
  type StreamReport,
  type TracksPort,
} from './control/gateway-port.ts';
import type { LogPort } from './control/log-tail.ts';
import type { Hooks } from './hooks/hooks.ts';
import type { Clock } from './lib/clock.ts';
import type { PrivacyStore } from './privacy-store.ts';
import type { StreamRegistry } from './stream-registry.ts';
import type { ViewerRegistry } from './viewer-registry.ts';

export interface GatewayControlOptions {
  streams: StreamRegistry;
  privacy: PrivacyStore;
  viewers: ViewerRegistry;
  devices: () => readonly CaptureDevice[];
  configuration: ConfigPort;
  log: LogPort;
  deviceControls: DeviceControlsPort;
  tracks: TracksPort;
  sessions: SessionsPort;
  signalling: SignallingPort;
  health: () => HealthReport;
  metrics: () => Promise<MetricFamily[]>;
  info: () => GatewayInfo;
  /** The addresses of a stream, by protocol. */
  urls: (stream: string) => Record<string, string>;
  telemetry: () => Promise<Record<string, unknown>>;
  restart: () => void;
  hooks: Hooks;
  clock: Clock;
}

/** The gateway as the control surface sees it: commands become calls, and what happens inside becomes notifications. */
export class GatewayControl implements GatewayPort {
  readonly #options: GatewayControlOptions;
  readonly #observers = new Set<GatewayObserver>();
  readonly #stamper: EventStamper;
  readonly log: LogPort;
  readonly deviceControls: DeviceControlsPort;
  readonly tracks: TracksPort;
  readonly sessions: SessionsPort;
  readonly signalling: SignallingPort;
  readonly configuration: ConfigPort;

  constructor(options: GatewayControlOptions) {
    this.#options = options;
    this.#stamper = new EventStamper(options.clock);
    this.log = options.log;
    this.deviceControls = options.deviceControls;
    this.tracks = options.tracks;
    this.sessions = options.sessions;
    this.signalling = options.signalling;
    this.configuration = options.configuration;
  }

  observe(observer: GatewayObserver): () => void {
    this.#observers.add(observer);
    return () => this.#observers.delete(observer);
  }

  info(): GatewayInfo {
    return this.#options.info();
  }

  devices(): DeviceReport[] {
    const streams = this.#options.streams.all();
    return this.#options.devices().map((device) => ({
      deviceId: device.deviceId,
      kind: device.kind,
      label: device.label,
      groupId: device.groupId,
      path: device.path,
      bus: device.bus,
      ...(device.links && { links: [...device.links] }),
      ...(device.serial !== undefined && { serial: device.serial }),
      formats:
        device.kind === 'videoinput'
          ? device.formats.map((format) => ({ ...format, frameRates: [...format.frameRates] }))
          : [],
      controls:
        device.kind === 'videoinput'
          ? device.controls.map(({ menu, ...control }) => ({ ...control, ...(menu && { menu: [...menu] }) }))
          : [],
      inUseBy: streams
        .filter((stream) =>
          stream.sources.some((source) => source.state !== 'idle' && source.lastDevice?.deviceId === device.deviceId),
        )
        .map((stream) => stream.name),
    }));
  }

  streamNames(): string[] {
    return this.#options.streams.names();
  }

  stream(name: string): StreamReport {
    const { streams, viewers, urls } = this.#options;
    return streams.get(name).report(viewers.counts(name), urls(name));
  }

  async startStream(name: string): Promise<StreamReport> {
    await this.#options.streams.get(name).startCapture();
    return this.stream(name);
  }

  async setStreamEnabled(name: string, enabled: boolean): Promise<StreamReport> {
    if (!enabled) return this.stopStream(name);
    this.#options.streams.get(name).open();
    return this.stream(name);
  }

  async restartStream(name: string): Promise<StreamReport> {
    await this.#options.streams.get(name).restart();
    return this.stream(name);
  }

  async stopStream(name: string): Promise<StreamReport> {
    await this.#options.streams.get(name).close('stopped by command');
    return this.stream(name);
  }

  requestKeyFrame(name: string): void {
    this.#options.streams.get(name).requestKeyFrame();
  }

  async snapshot(name: string): Promise<{ jpeg: Buffer; width: number; height: number }> {
    try {
      return await this.#options.streams.get(name).snapshot();
    } catch (error) {
      throw asControlError(error, `/streams/${name}`);
    }
  }

  /** What is to be hidden is hidden first, what is to be shown is written down first. */
  async setPrivacy(name: string, on: boolean): Promise<StreamReport> {
    const { streams, privacy } = this.#options;
    const stream = streams.get(name);
    if (on) await stream.setPrivacy(true);
    await privacy.set(name, on, streams.names());
    if (!on) await stream.setPrivacy(false);
    return this.stream(name);
  }

  async setEncoding(name: string, change: EncodingChange): Promise<StreamReport> {
    try {
      await this.#options.streams.get(name).setEncoding(change);
    } catch (error) {
      throw asControlError(error, `/streams/${name}/encodings`);
    }
    return this.stream(name);
  }

  restart(): void {
    this.#options.restart();
  }

  health(): HealthReport {
    return this.#options.health();
  }

  metrics(): Promise<MetricFamily[]> {
    return this.#options.metrics();
  }

  telemetry(): Promise<Record<string, unknown>> {
    return this.#options.telemetry();
  }

  infoChanged(): void {
    for (const observer of this.#observers) observer.infoChanged();
  }

  configChanged(): void {
    for (const observer of this.#observers) observer.configChanged();
  }

  devicesChanged(): void {
    for (const observer of this.#observers) observer.devicesChanged();
    // Their states tell the values of the cameras' controls.
    for (const name of this.streamNames()) this.streamChanged(name);
  }

  streamChanged(name: string): void {
    for (const observer of this.#observers) observer.streamChanged(name);
  }

  event(event: GatewayEvent): void {
    const stamped = this.#stamper.stamp(event);
    for (const observer of this.#observers) observer.event(stamped);
    this.#options.hooks.event(stamped);
  }
}

/** How a failure of capture shows to whoever gave the command. */
const CODES: Readonly<Record<CaptureErrorCode, ControlErrorCode>> = {
  'not-live': 'unavailable',
  timeout: 'timeout',
  'invalid-value': 'invalid_request',
  'device-not-found': 'not_found',
  'not-installed': 'unavailable',
  failed: 'internal',
};

/** Of a failure that capture foresaw; others are themselves. */
export function asControlError(error: unknown, path: string): unknown {
  if (!(error instanceof CaptureError)) return error;
  return new ControlError(
    CODES[error.code],
    error.message,
    error.member === undefined ? path : `${path}/${error.member}`,
  );
}
