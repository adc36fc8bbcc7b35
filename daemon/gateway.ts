import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ChangePlan } from '../config/changes.ts';
import type { RecoveredConfig } from '../config/open-config.ts';
import type { Settings, StreamSettings } from '../config/settings.ts';
import { FileAccess } from './access/file-access.ts';
import { CaptureSource } from './capture/capture-source.ts';
import { ControlsMemory } from './capture/controls-memory.ts';
import { DeviceMonitor } from './capture/device-monitor.ts';
import { EncoderSelector } from './capture/encoder.ts';
import { gstreamerEnvironment } from './capture/gstreamer-environment.ts';
import { NetworkCameras } from './capture/network-cameras.ts';
import type { LogPort } from './control/log-tail.ts';
import { DeviceAssignment } from './device-assignment.ts';
import { loadProbe } from './dropped-frames.ts';
import { GatewayConfig } from './gateway-config.ts';
import { GatewayControl } from './gateway-control.ts';
import { GatewayDeviceControls } from './gateway-device-controls.ts';
import { GatewayReports } from './gateway-reports.ts';
import { GatewaySessions } from './gateway-sessions.ts';
import { GatewaySignalling } from './gateway-signalling.ts';
import { GatewayTracks } from './gateway-tracks.ts';
import { GatewayWatch } from './gateway-watch.ts';
import { Hooks } from './hooks/hooks.ts';
import { MediaClock } from './lib/clock.ts';
import type { Log } from './lib/log.ts';
import { installationSecret } from './lib/secret-file.ts';
import { Listeners } from './listeners.ts';
import { PrivacyStore } from './privacy-store.ts';
import type { Viewer } from './publish/viewer.ts';
import { StreamRegistry } from './stream-registry.ts';
import { Health } from './telemetry/health.ts';
import { SystemdNotifier } from './telemetry/systemd-notifier.ts';
import { ThermalReduction } from './thermal-reduction.ts';
import { UsbResets } from './usb-resets.ts';
import { ViewerRegistry } from './viewer-registry.ts';

export interface GatewayOptions {
  config: RecoveredConfig;
  log: Log;
  /** The version of this program. */
  version: string;
  /** The level of the log, and lines for those who watch it. */
  logPort: LogPort;
  /** Somebody asked over the control surface for a restart; the answer has gone out. */
  restart: () => void;
  /** Where the /proc and /sys of the machine's own condition are; tests have their own. */
  root?: string;
}

/** How long the first look for cameras and microphones may hold up the start, in milliseconds. */
const FIRST_SCAN_MS = 1500;

/** How long the control surface may wait for the first pictures, in milliseconds. */
const FIRST_PICTURE_MS = 1000;

/**
 * The composition root: makes the rooms, passes each what it needs of the others, starts them so that capture comes
 * first, and stops them in reverse.
 */
export class Gateway {
  readonly reports: GatewayReports;
  readonly #options: GatewayOptions;
  readonly #configuration: GatewayConfig;
  readonly #clock = new MediaClock();
  readonly #access: FileAccess;
  /** Undefined until start(): device ids are salted with a secret that has to be read first. */
  #devices: DeviceMonitor | undefined;
  readonly #assignment = new DeviceAssignment();
  readonly #usbResets: UsbResets;
  readonly #cameraControls = new ControlsMemory();
  /** Undefined as long as {@link #devices} is. */
  #network: NetworkCameras | undefined;
  readonly #encoders: EncoderSelector;
  readonly #privacy: PrivacyStore;
  readonly #streams: StreamRegistry;
  readonly #viewers: ViewerRegistry;
  readonly #control: GatewayControl;
  readonly #health = new Health();
  readonly #notifier: SystemdNotifier;
  readonly #environment: Record<string, string>;
  readonly #listeners: Listeners;
  readonly #hooks: Hooks;
  readonly #watch: GatewayWatch;
  readonly #reduction: ThermalReduction;
  #streamHealth: (() => void)[] = [];

  constructor(options: GatewayOptions) {
    this.#options = options;
    const { config, local, store, incidents } = options.config;
    const { settings } = config;
    const clock = this.#clock.clock;
    this.#environment = gstreamerEnvironment(settings.stateDirectory);
    this.#configuration = new GatewayConfig({
      config,
      local,
      store,
      incidents,
      gateway: {
        check: (next, plan) => this.#listeners.check(next, plan),
        follow: (plan) => this.#follow(plan),
        restart: options.restart,
        configChanged: () => this.#control.configChanged(),
        event: (event) => this.#control.event(event),
      },
      clock,
      log: this.#room('config'),
    });
    this.#access = new FileAccess({ usersFile: settings.access.usersFile, log: this.#room('access') });
    this.#encoders = new EncoderSelector({
      stateDirectory: settings.stateDirectory,
      environment: this.#environment,
      log: this.#room('capture'),
      changed: () => this.#control.infoChanged(),
      failed: (data) => this.#control.event({ type: 'encoder_failed', data: { ...data } }),
    });
    this.#hooks = new Hooks({
      settings: settings.hooks,
      gatewayId: settings.gateway.id,
      directory: settings.stateDirectory,
      log: this.#room('hooks'),
    });
    this.#viewers = new ViewerRegistry({
      clock,
      log: this.#room('viewers'),
      changed: (type, viewer, reason) => this.#viewersChanged(type, viewer, reason),
    });
    this.#reduction = new ThermalReduction({
      settings: () => this.#settings.thermal,
      clock,
      log: this.#room('streams'),
    });
    this.#usbResets = new UsbResets({
      after: () => this.#settings.devices.usbResetAfter,
      event: (event) => this.#control.event(event),
    });
    this.#privacy = new PrivacyStore(join(settings.stateDirectory, 'privacy.json'), this.#room('streams'));
    this.#streams = new StreamRegistry({
      streams: settings.streams,
      openSource: (stream, kind, streamSettings) => this.#openSource(stream, kind, streamSettings),
      privacy: (name) => this.#privacy.has(name),
      reduction: () => this.#reduction.reduction,
      clock,
      log: this.#room('streams'),
      changed: (name) => this.#control.streamChanged(name),
      event: (type, stream, data) => this.#control.event({ type, stream, data }),
    });
    this.reports = new GatewayReports({
      config,
      version: options.version,
      clock,
      streams: this.#streams,
      viewers: this.#viewers,
      health: this.#health,
      devices: () => this.#devices?.devices ?? [],
      usbResets: () => this.#usbResets.counts,
      encoders: () => this.#encoders.report(),
      codecs: () => this.#encoders.codecs(),
      access: this.#access,
      mqtt: () => this.#listeners.mqtt,
      sessions: () => this.#control.sessions.list(),
      root: options.root,
    });
    this.#control = new GatewayControl({
      streams: this.#streams,
      privacy: this.#privacy,
      viewers: this.#viewers,
      devices: () => this.#devices?.devices ?? [],
      configuration: this.#configuration,
      log: options.logPort,
      deviceControls: new GatewayDeviceControls({ monitor: () => this.#devices, memory: this.#cameraControls }),
      tracks: new GatewayTracks({
        streams: this.#streams,
        changed: (name) => this.#control.streamChanged(name),
      }),
      sessions: new GatewaySessions({
        viewers: this.#viewers,
        disconnect: (viewer) => this.#listeners.disconnect(viewer),
      }),
      signalling: new GatewaySignalling({ publisher: () => this.#listeners.webrtc }),
      health: () => this.#health.verdict(),
      metrics: () => this.reports.metricFamilies(),
      info: () => this.reports.info(),
      urls: (stream) => this.reports.urls(stream),
      telemetry: () => this.reports.telemetry(),
      restart: options.restart,
      hooks: this.#hooks,
      clock,
    });
    this.#watch = new GatewayWatch({
      health: () => this.#health.verdict(),
      heat: () => this.reports.heat(),
      reduction: this.#reduction,
      reductionChanged: () => this.#streams.reductionChanged(),
      event: (event) => this.#control.event(event),
      clock,
    });
    this.#listeners = new Listeners({
      config: () => this.#configuration.current,
      streams: this.#streams,
      viewers: this.#viewers,
      access: this.#access,
      control: this.#control,
      reports: this.reports,
      health: this.#health,
      clock: this.#clock,
      log: options.log,
    });
    this.#notifier = new SystemdNotifier({
      log: this.#room('systemd'),
      healthy: () => this.#health.verdict().status !== 'failing',
    });
  }

  /** Starts everything. @throws the first error of a room that cannot start; what had started is stopped again. */
  async start(): Promise<void> {
    try {
      await this.#start();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Stops everything, in reverse order of the start, for another gateway to follow where it says so. Idempotent. */
  async stop(next: 'reload' | undefined = undefined): Promise<void> {
    // A service that says that it stops has to be gone soon.
    await (next === 'reload' ? this.#notifier.reloading() : this.#notifier.stopping());
    this.#watch.stop();
    await this.#configuration.stop();
    await this.#listeners.stop();
    await this.#streams.stop();
    await this.#devices?.stop();
    await this.#hooks.stop();
    await this.#access.stop();
    await this.#notifier.stop();
  }

  async #start(): Promise<void> {
    const settings = this.#settings;
    this.#options.logPort.level = settings.log.level;
    await mkdir(settings.stateDirectory, { recursive: true, mode: 0o700 });
    await this.#notifier.start();
    await this.#access.start();
    // Found out meanwhile, so that no picture waits for it; a failure shows in the stream that needs an encoder.
    void this.#encoders.choose('h264').catch(() => undefined);
    await Promise.all([this.#findDevices(), this.#privacy.load()]);
    this.#streams.start();
    const pictures = this.#firstPictures();
    await Promise.all([this.#listeners.start(pictures), pictures.then(() => this.reports.start())]);
    this.#registerHealth();
    this.#watch.start();
    this.#configuration.start();
    // What else this machine can encode is only told, and holds nothing up.
    void this.#encoders.survey().catch(() => undefined);
    await this.#notifier.ready(`${this.#streams.names().length} streams`);
    this.#control.infoChanged();
  }

  /** Waits, but not for long, for the streams that run without a viewer. */
  async #firstPictures(): Promise<void> {
    const patience = AbortSignal.timeout(FIRST_PICTURE_MS);
    const always = this.#streams.all().filter((stream) => stream.settings.start === 'always');
    await Promise.allSettled(always.flatMap((stream) => stream.sources.map((source) => source.live(patience))));
  }

  /** Brings what a plan touches in line with the configuration as it is now; everything else goes on. */
  async #follow(plan: ChangePlan): Promise<void> {
    const { log, streams } = this.#settings;
    if (plan.has('log')) this.#options.logPort.level = log.level;
    await this.#listeners.follow(plan);
    await this.#streams.follow(plan, streams);
    this.#assignment.keepOnly(new Set(this.#streams.all().flatMap(({ sources }) => sources)));
    this.#registerHealth();
    // Addresses may have changed.
    for (const name of this.#streams.names()) this.#control.streamChanged(name);
    this.#control.infoChanged();
  }

  get #settings(): Settings {
    return this.#configuration.current.settings;
  }

  /** A camera or a broker that is away is no reason to restart: none of these is vital. */
  #registerHealth(): void {
    for (const unregister of this.#streamHealth) unregister();
    this.#streamHealth = this.#streams
      .all()
      .flatMap((stream) => [
        this.#health.register(`stream ${stream.name}`, () =>
          stream.failing ? (stream.reason ?? 'no picture') : undefined,
        ),
        this.#health.register(`load ${stream.name}`, loadProbe(stream, this.#clock.clock)),
      ]);
    this.#health.register('devices', () => this.#devices?.problems.join('; ') || undefined);
    this.#health.register('heat', () => this.#reduction.reason);
    this.#health.register('mqtt', () => {
      const status = this.#listeners.mqtt?.status();
      return status?.connected === true ? undefined : (status?.reason ?? 'not connected');
    });
  }

  async #findDevices(): Promise<void> {
    const salt = await installationSecret(join(this.#settings.stateDirectory, 'device-salt'));
    this.#network = new NetworkCameras(this.#settings.cameras, salt);
    const monitor = new DeviceMonitor({
      salt,
      always: this.#network.devices,
      held: (deviceId) => this.#cameraControls.held(deviceId),
      environment: this.#environment,
      log: this.#room('capture'),
    });
    this.#devices = monitor;
    monitor.onChange((devices) => {
      this.#assignment.devicesChanged(devices);
      this.#watch.devicesChanged(devices);
      this.#control.devicesChanged();
    });
    const scanned = monitor.start();
    await Promise.race([scanned, new Promise((resolve) => setTimeout(resolve, FIRST_SCAN_MS).unref())]);
    this.#assignment.devicesChanged(monitor.devices);
  }

  /** Streams that wish for the same device share its source; test pictures carry the name of their stream. */
  #openSource(stream: string, kind: 'video' | 'audio', settings: StreamSettings): CaptureSource {
    const wished = settings[kind];
    if (wished === false) throw new Error(`stream ${stream} has no ${kind}`);
    const { id } = this.#settings.gateway;
    return this.#assignment.open(wished.device, kind, (device) => {
      return new CaptureSource({
        kind,
        device,
        ...(wished.device === 'any' ? {} : { wishedDevice: wished.device }),
        encoders: this.#encoders,
        clock: this.#clock,
        cname: id,
        log: this.#room('capture').child({ stream, kind }),
        text: `${id}: ${stream}`,
        idleTimeout: settings.idleTimeout * 1000,
        controls: this.#cameraControls,
        controlsChanged: ({ path }) => void this.#devices?.rescan(path),
        environment: this.#environment,
        captured: () => this.#assignment.captured,
        usbReset: this.#usbResets,
        ...(this.#network && { openNetworkDevice: this.#network.open }),
      });
    });
  }

  #room(room: string): Log {
    return this.#options.log.child({ room });
  }

  #viewersChanged(type: 'viewer_joined' | 'viewer_left', viewer: Viewer, reason: string | undefined): void {
    const { protocol, stream, remoteAddress, user } = viewer;
    this.#control.event({ type, stream, data: { protocol, remoteAddress, user, reason } });
    this.#control.streamChanged(stream);
  }
}
