import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { openConfig, recoverConfig } from '../../config/open-config.ts';
import { type CaptureDevice, TEST_PICTURE, TEST_TONE } from '../../daemon/capture/device.ts';
import type { WorkerCommand } from '../../daemon/capture/worker-messages.ts';
import type { CaptureWorker, CaptureWorkerOptions } from '../../daemon/capture/worker-process.ts';
import { GatewayConfig } from '../../daemon/gateway-config.ts';
import { GatewayControl } from '../../daemon/gateway-control.ts';
import { GatewaySources } from '../../daemon/gateway-sources.ts';
import { GatewayTracks } from '../../daemon/gateway-tracks.ts';
import { Hooks } from '../../daemon/hooks/hooks.ts';
import { type Clock, MediaClock } from '../../daemon/lib/clock.ts';
import type { Log } from '../../daemon/lib/log.ts';
import { PrivacyStore } from '../../daemon/privacy-store.ts';
import { StreamRegistry } from '../../daemon/stream-registry.ts';
import { ViewerRegistry } from '../../daemon/viewer-registry.ts';
import { encodersFrom } from './capture-test-source.ts';
import { FakeGateway } from './fake-gateway.ts';
import { FakeWorker } from './fake-workers.ts';
import { ManualClock } from './manual-clock.ts';

/** Cameras and microphones as boards have them: each is taken in another way. */
export const DEVICES: readonly CaptureDevice[] = [
  TEST_PICTURE,
  TEST_TONE,
  {
    kind: 'videoinput',
    deviceId: 'a1b2',
    groupId: 'g1',
    label: 'Webcam',
    bus: 'usb-0000:01:00.0-1.2',
    path: '/dev/video0',
    formats: [
      { pixelFormat: 'MJPG', width: 1280, height: 720, frameRates: [30, 15] },
      { pixelFormat: 'YUYV', width: 640, height: 480, frameRates: [30] },
    ],
    controls: [],
  },
  {
    kind: 'videoinput',
    deviceId: 'c3d4',
    groupId: 'g2',
    label: 'Coder',
    bus: 'usb-0000:01:00.0-1.3',
    path: '/dev/video2',
    formats: [
      { pixelFormat: 'H264', width: 1280, height: 720, frameRates: [30] },
      { pixelFormat: 'YUYV', width: 640, height: 480, frameRates: [30] },
    ],
    controls: [],
  },
  {
    kind: 'audioinput',
    deviceId: 'e5f6',
    groupId: 'g1',
    label: 'Webcam',
    bus: 'usb-0000:01:00.0-1.2',
    path: 'plughw:CARD=Webcam,DEV=0',
  },
];

export interface PlannedGatewayOptions {
  /** For its state, and for nothing else. */
  folder: string;
  /** The wishes of the stream `camera`. */
  video: string;
  audio: string;
  clock: Clock;
  log: Log;
}

/**
 * The real configuration, streams, tracks and capture behind the control surface, up to what a worker would be told: the
 * workers themselves are not there. What this machine would need a device, a viewer or a process for, is a
 * {@link FakeGateway}'s.
 */
export class PlannedGateway {
  readonly control: GatewayControl;
  /** What was asked of what is not real. */
  readonly fake = new FakeGateway();
  /** What workers were told to begin with. */
  readonly started: Extract<WorkerCommand, { type: 'start' }>[] = [];
  readonly #streams: StreamRegistry;
  readonly #configuration: GatewayConfig;

  private constructor(options: PlannedGatewayOptions, config: Awaited<ReturnType<typeof recoverConfig>>) {
    const { clock, log } = options;
    const { fake } = this;
    const { settings } = config.config;
    const sources = new GatewaySources({
      settings: () => this.#configuration.current.settings,
      encoders: encodersFrom(),
      environment: {},
      clock: new MediaClock(new ManualClock()),
      log,
      devicesChanged: () => undefined,
      event: (event) => this.control.event(event),
      startWorker: this.#startWorker,
    });
    sources.devicesChanged(DEVICES);
    this.#streams = new StreamRegistry({
      streams: settings.streams,
      openSource: (stream, kind, streamSettings) => sources.open(stream, kind, streamSettings),
      privacy: () => false,
      reduction: () => undefined,
      clock,
      log,
      changed: (name) => this.control.streamChanged(name),
      event: (type, stream, data) => this.control.event({ type, stream, data }),
    });
    this.#configuration = new GatewayConfig({
      ...config,
      gateway: {
        check: async () => undefined,
        follow: async (plan) => {
          await this.#streams.follow(plan, this.#configuration.current.settings.streams);
          sources.keepOnly(new Set(this.#streams.all().flatMap(({ sources }) => sources)));
        },
        restart: () => fake.restart(),
        configChanged: () => this.control.configChanged(),
        event: (event) => this.control.event(event),
      },
      clock,
      log,
    });
    this.control = new GatewayControl({
      streams: this.#streams,
      privacy: new PrivacyStore(join(options.folder, 'privacy.json'), log),
      viewers: new ViewerRegistry({ clock, log, changed: () => undefined }),
      devices: () => DEVICES,
      configuration: this.#configuration,
      log: fake.log,
      deviceControls: fake.deviceControls,
      tracks: new GatewayTracks({ streams: this.#streams, changed: (name) => this.control.streamChanged(name) }),
      sessions: fake.sessions,
      signalling: fake.signalling,
      health: () => fake.health(),
      metrics: () => fake.metrics(),
      info: () => fake.info(),
      urls: () => ({}),
      telemetry: () => fake.telemetry(),
      restart: () => fake.restart(),
      hooks: new Hooks({ settings: {}, gatewayId: 'porch', directory: options.folder, log }),
      clock,
    });
  }

  static async start(options: PlannedGatewayOptions): Promise<PlannedGateway> {
    const { folder, video, audio, clock } = options;
    const file = join(folder, 'vedette.yaml');
    await writeFile(
      file,
      `gateway: {id: porch}
stateDirectory: ${folder}
streams:
  camera:
    start: always
    idleTimeout: 0
    video: {device: ${video}}
    audio: {device: ${audio}}
    encodings: [{rid: main}, {rid: sub, scaleResolutionDownBy: 2}]
`,
    );
    const gateway = new PlannedGateway(options, await recoverConfig(await openConfig({ file, env: {} }, clock)));
    gateway.#streams.start();
    return gateway;
  }

  async stop(): Promise<void> {
    await this.#configuration.stop();
    await this.#streams.stop();
  }

  /** A worker that has a picture as soon as it is told what of, and says yes to everything. */
  readonly #startWorker = (options: CaptureWorkerOptions): CaptureWorker => {
    const { started } = this;
    const pipes = Array.from({ length: options.tracks.length + 2 }, () => new PassThrough().resume());
    class Worker extends FakeWorker {
      override readonly pipes = pipes;
      override send(command: WorkerCommand): boolean {
        setImmediate(() => {
          if (command.type === 'start') this.report({ type: 'flowing' });
          else if (command.type === 'tune') this.report({ ...command, type: 'tuned', accepted: true });
          else if (command.type === 'picture') this.report({ ...PICTURE, type: 'picture', id: command.id });
          else if (command.type === 'level') this.report({ type: 'level', id: command.id, peak: 0.5, rms: 0.1 });
        });
        if (command.type === 'start') started.push(command);
        return super.send(command);
      }
    }
    return new Worker(1, options) as unknown as CaptureWorker;
  };
}

const PICTURE = { data: Buffer.from([0xff, 0xd8, 0xff, 0xd9]), width: 640, height: 480 };
