import { checkControl } from '../../daemon/capture/control-check.ts';
import type { ConfigChangeReport, ConfigPort } from '../../daemon/control/config-port.ts';
import { EventStamper } from '../../daemon/control/events.ts';
import {
  ControlError,
  type DeviceControlReport,
  type DeviceControlsPort,
  type DeviceReport,
  type EncodingChange,
  type GatewayEvent,
  type GatewayInfo,
  type GatewayObserver,
  type GatewayPort,
  type HealthReport,
  type MetricFamily,
  type SessionReport,
  type SessionsPort,
  type SignallingPort,
  type StreamReport,
  type StreamStateName,
  type TracksPort,
} from '../../daemon/control/gateway-port.ts';
import { asControlError } from '../../daemon/gateway-control.ts';
import { systemClock } from '../../daemon/lib/clock.ts';
import type { LogLevel } from '../../daemon/lib/log.ts';

/** What stands behind the control room, with every member of its reports present, and a list of what was asked of it. */
export class FakeGateway implements GatewayPort {
  readonly calls: string[] = [];
  readonly streams = new Map<string, StreamReport>();
  readonly observers = new Set<GatewayObserver>();
  /** What startStream() waits for. */
  startDelay: Promise<void> = Promise.resolve();
  jpeg = Buffer.from([0xff, 0xd8, 0xff, 0xd9]);
  /** What the camera's controls are set to. */
  readonly controlValues: Record<string, number> = { brightness: 128, power_line_frequency: 1 };
  readonly logListeners = new Map<(line: string) => void, LogLevel>();
  readonly viewers = new Map<string, SessionReport>([['s1', sessionReport('s1')]]);
  readonly log = {
    level: 'info' as LogLevel,
    tail: (level: LogLevel, listener: (line: string) => void) => {
      this.logListeners.set(listener, level);
      return () => this.logListeners.delete(listener);
    },
  };
  readonly deviceControls: DeviceControlsPort = {
    rescan: async () => {
      this.calls.push('rescan');
    },
    read: async (id) => this.#controls(id),
    write: async (id, values) => {
      const controls = new Map(
        this.#controls(id).map(({ readOnly: _, inactive: __, ...control }) => [control.name, control]),
      );
      try {
        for (const [name, value] of Object.entries(values)) checkControl(controls, name, value);
      } catch (error) {
        throw asControlError(error, '/controls');
      }
      this.calls.push(`controls ${JSON.stringify(values)}`);
      Object.assign(this.controlValues, values);
      for (const observer of this.observers) observer.devicesChanged();
      return this.#controls(id);
    },
  };
  readonly tracks: TracksPort = {
    get: ({ stream, id = 't1', kind = 'video' }) => {
      this.stream(stream);
      return {
        stream,
        id,
        kind,
        constraints: {},
        settings: { width: 1280 },
        capabilities: { width: { min: 1, max: 1280 } },
      };
    },
    applyConstraints: async ({ stream, id }, constraints) => {
      this.calls.push(`constrain ${stream} ${JSON.stringify(constraints)}`);
      return { ...this.tracks.get({ stream, id }), constraints: { ...constraints } };
    },
  };
  readonly sessions: SessionsPort = {
    list: () => [...this.viewers.values()],
    close: (id) => {
      const session = this.viewers.get(id);
      if (session === undefined) throw new ControlError('not_found', `there is no session '${id}'`, '/id');
      this.viewers.delete(id);
      return session;
    },
  };
  readonly signalling: SignallingPort = {
    offer: async ({ stream, kinds }) => {
      this.calls.push(`offer ${stream} ${kinds}`);
      return { session: 'w1', sdp: 'v=0' };
    },
    addCandidate: (session, mid, candidate) => this.calls.push(`candidate ${session} ${mid} ${candidate}`),
    close: (session) => this.calls.push(`close ${session}`),
  };

  /** Says what it was asked for, in {@link calls}. */
  readonly configuration: ConfigPort = {
    report: () => ({
      config: { mqtt: { password: '***' } },
      origins: { 'mqtt.password': 'file' },
      schemaVersion: 1,
      revision: 1,
      history: [{ revision: 0, time: '2026-01-01T00:00:00.000Z', action: 'patch', by: 'mqtt', paths: ['/rtsp/port'] }],
      confirmation: { within: 60 },
    }),
    patch: (patch, options) => this.#configure(['patch', patch, options]),
    createStream: (...args) => this.#configure(['create', ...args]),
    updateStream: (...args) => this.#configure(['update', ...args]),
    deleteStream: (...args) => this.#configure(['delete', ...args]),
    rollback: (...args) => this.#configure(['rollback', ...args]),
    confirm: async (revision, by) => {
      this.calls.push(`confirm ${revision} ${by}`);
      return { revision: 1 };
    },
    finish: () => this.calls.push('finish'),
  };

  readonly #stamper = new EventStamper(systemClock);

  constructor(...names: string[]) {
    for (const name of names) this.streams.set(name, streamReport(name));
  }

  observe(observer: GatewayObserver): () => void {
    this.observers.add(observer);
    return () => this.observers.delete(observer);
  }

  event(event: GatewayEvent): void {
    const stamped = this.#stamper.stamp(event);
    for (const observer of this.observers) observer.event(stamped);
  }

  /** Changes a stream's state, or adds the stream. */
  set(name: string, state: StreamStateName): void {
    this.streams.set(name, { ...(this.streams.get(name) ?? streamReport(name)), state });
    for (const observer of this.observers) observer.streamChanged(name);
  }

  remove(name: string): void {
    this.streams.delete(name);
    for (const observer of this.observers) observer.streamChanged(name);
  }

  info(): GatewayInfo {
    return {
      id: 'porch',
      apiVersion: '1.0',
      versions: { gateway: '0.1.0', node: '20.20.2', gstreamer: '1.22.0', os: 'Debian GNU/Linux 12 (bookworm)' },
      board: 'Raspberry Pi 4 Model B Rev 1.4',
      bootId: '3f0c3c2e-7d1f-4a52-8f9f-0d8f5a4b6c7d',
      startedAt: '2026-01-01T00:00:00.000Z',
      clockTrusted: true,
      listeners: [{ protocol: 'rtsp', url: 'rtsp://127.0.0.1:8554/' }],
      features: ['webrtc'],
      encoders: [{ name: 'x264enc', codec: 'h264', hardware: false, chosen: true }],
      codecs: [{ codec: 'h264', encodes: true }],
      brokerTrusted: true,
    };
  }

  devices(): DeviceReport[] {
    return [
      {
        deviceId: 'a1b2',
        kind: 'videoinput',
        label: 'USB Camera',
        groupId: 'g1',
        path: '/dev/video0',
        bus: 'usb-0000:01:00.0-1.2',
        formats: [{ pixelFormat: 'MJPG', width: 1280, height: 720, frameRates: [30, 15] }],
        controls: this.#controls('a1b2'),
        inUseBy: ['camera'],
      },
    ];
  }

  streamNames(): string[] {
    return [...this.streams.keys()];
  }

  stream(name: string): StreamReport {
    const report = this.streams.get(name);
    if (report === undefined) throw new ControlError('not_found', `there is no stream ${name}`, '/name');
    return report;
  }

  async startStream(name: string): Promise<StreamReport> {
    this.stream(name);
    this.calls.push(`start ${name}`);
    await this.startDelay;
    this.set(name, 'live');
    return this.stream(name);
  }

  async setStreamEnabled(name: string, enabled: boolean): Promise<StreamReport> {
    this.calls.push(`enabled ${name} ${enabled}`);
    this.streams.set(name, { ...this.stream(name), enabled });
    for (const observer of this.observers) observer.streamChanged(name);
    return this.stream(name);
  }

  async restartStream(name: string): Promise<StreamReport> {
    const report = this.stream(name);
    this.calls.push(`restart ${name}`);
    return report;
  }

  async stopStream(name: string): Promise<StreamReport> {
    this.stream(name);
    this.calls.push(`stop ${name}`);
    this.set(name, 'idle');
    return this.stream(name);
  }

  requestKeyFrame(name: string): void {
    this.stream(name);
    this.calls.push(`keyframe ${name}`);
  }

  async snapshot(name: string): Promise<{ jpeg: Buffer; width: number; height: number }> {
    this.stream(name);
    return { jpeg: this.jpeg, width: 640, height: 480 };
  }

  async setPrivacy(name: string, on: boolean): Promise<StreamReport> {
    this.stream(name);
    this.set(name, on ? 'privacy' : 'live');
    return this.stream(name);
  }

  async setEncoding(name: string, change: EncodingChange): Promise<StreamReport> {
    this.stream(name);
    this.calls.push(`encoding ${name} ${JSON.stringify(change)}`);
    return this.stream(name);
  }

  async #configure(request: unknown[]): Promise<ConfigChangeReport> {
    this.calls.push(`config ${JSON.stringify(request)}`);
    return {
      revision: 2,
      applied: true,
      changes: [{ path: '/rtsp/port', from: 8554, to: 8555 }],
      effects: [{ part: 'rtsp', effect: 'restart' }],
      overridden: [{ path: '/http/port', by: 'env' }],
      confirmationNeededFor: '/mqtt/url',
      confirmWithin: 60,
    };
  }

  restart(): void {
    this.calls.push('restart');
  }

  health(): HealthReport {
    return { status: 'degraded', components: [{ component: 'mqtt', ok: false, reason: 'not connected' }] };
  }

  async metrics(): Promise<MetricFamily[]> {
    const samples = [{ labels: { camera: 'camera', protocol: 'rtsp' }, value: 1 }];
    return [{ name: 'vedette_viewers', type: 'gauge', help: 'Viewers now', samples }];
  }

  async telemetry(): Promise<Record<string, unknown>> {
    return { cpu: 0.25 };
  }

  #controls(deviceId: string): DeviceControlReport[] {
    if (deviceId !== 'a1b2') throw new ControlError('not_found', `there is no camera '${deviceId}'`, '/deviceId');
    const { brightness = 0, power_line_frequency = 0 } = this.controlValues;
    return [
      { name: 'brightness', type: 'integer', min: 0, max: 255, step: 1, default: 128, value: brightness },
      {
        name: 'power_line_frequency',
        type: 'menu',
        min: 0,
        max: 2,
        step: 1,
        default: 1,
        value: power_line_frequency,
        menu: [
          { value: 0, label: 'Disabled' },
          { value: 1, label: '50 Hz' },
        ],
      },
    ];
  }
}

function sessionReport(id: string): SessionReport {
  const since = '2026-01-01T00:00:00.000Z';
  return { id, protocol: 'rtsp', stream: 'camera', remoteAddress: '192.0.2.7', user: 'anna', since };
}

export function streamReport(name: string): StreamReport {
  return {
    name,
    enabled: true,
    state: 'live',
    reason: 'started',
    since: '2026-01-01T00:00:00.000Z',
    tracks: [
      {
        kind: 'video',
        id: '5d2a6a6c-9f3d-4b7f-8b57-0c8e5f5c8f4e',
        label: 'USB Camera',
        muted: false,
        settings: { width: 1280, deviceId: 'a1b2' },
        constraints: { width: 1280 },
      },
    ],
    encodings: [{ rid: 'main', maxBitrate: 2_000_000 }],
    controls: { brightness: 128, power_line_frequency: 1 },
    viewers: { rtsp: 1 },
    bitrate: 1_900_000,
    frameRate: 30,
    urls: { rtsp: `rtsp://127.0.0.1:8554/${name}` },
  };
}
