import type { LoadedConfig } from '../config/settings.ts';
import { CaptureError, type CaptureErrorCode } from './capture/capture-error.ts';
import type { CaptureDevice } from './capture/device.ts';
import {
  ControlError,
  type ControlErrorCode,
  type DeviceReport,
  type EncodingChange,
  type GatewayEvent,
  type GatewayInfo,
  type GatewayObserver,
  type GatewayPort,
  type StreamReport,
} from './control/gateway-port.ts';
import type { StreamRegistry } from './stream-registry.ts';
import type { ViewerRegistry } from './viewer-registry.ts';

export interface GatewayControlOptions {
  streams: StreamRegistry;
  viewers: ViewerRegistry;
  devices: () => readonly CaptureDevice[];
  config: LoadedConfig;
  info: () => GatewayInfo;
  /** The addresses of a stream, by protocol. */
  urls: (stream: string) => Record<string, string>;
  telemetry: () => Promise<Record<string, unknown>>;
  restart: () => void;
}

/** The gateway as the control surface sees it: commands become calls, and what happens inside becomes notifications. */
export class GatewayControl implements GatewayPort {
  readonly #options: GatewayControlOptions;
  readonly #observers = new Set<GatewayObserver>();

  constructor(options: GatewayControlOptions) {
    this.#options = options;
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
          stream.sources.some((source) => source.state !== 'idle' && source.deviceId === device.deviceId),
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

  async stopStream(name: string): Promise<StreamReport> {
    await this.#options.streams.get(name).close('stopped by command');
    return this.stream(name);
  }

  requestKeyFrame(name: string): void {
    this.#options.streams.get(name).video?.requestKeyFrame();
  }

  async snapshot(name: string): Promise<{ jpeg: Buffer; width: number; height: number }> {
    const stream = this.#options.streams.get(name);
    const at = `/streams/${name}`;
    if (stream.video === undefined) throw new ControlError('unavailable', `stream '${name}' has no picture`, at);
    if (!stream.opened) throw new ControlError('unavailable', `stream '${name}' is stopped`, at);
    try {
      return await stream.video.snapshot();
    } catch (error) {
      throw asControlError(error, at);
    }
  }

  async setEncoding(name: string, change: EncodingChange): Promise<StreamReport> {
    try {
      this.#options.streams.get(name).setEncoding(change);
    } catch (error) {
      throw asControlError(error, `/streams/${name}/encodings`);
    }
    return this.stream(name);
  }

  config(): { config: Record<string, unknown>; origins: Record<string, string> } {
    const { redacted, origins } = this.#options.config;
    return { config: redacted, origins: Object.fromEntries(origins) };
  }

  restart(): void {
    this.#options.restart();
  }

  telemetry(): Promise<Record<string, unknown>> {
    return this.#options.telemetry();
  }

  infoChanged(): void {
    for (const observer of this.#observers) observer.infoChanged();
  }

  devicesChanged(): void {
    for (const observer of this.#observers) observer.devicesChanged();
  }

  streamChanged(name: string): void {
    for (const observer of this.#observers) observer.streamChanged(name);
  }

  event(event: GatewayEvent): void {
    for (const observer of this.#observers) observer.event(event);
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

function asControlError(error: unknown, path: string): unknown {
  return error instanceof CaptureError ? new ControlError(CODES[error.code], error.message, path) : error;
}
