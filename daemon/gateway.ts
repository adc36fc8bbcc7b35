import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ChangePlan } from '../config/changes.ts';
import type { LocalConfig } from '../config/loader.ts';
import type { RecoveredConfig } from '../config/open-config.ts';
import type { Settings } from '../config/settings.ts';
import { FileAccess } from './access/file-access.ts';
import { EncoderSelector } from './capture/encoder.ts';
import { gstreamerEnvironment } from './capture/gstreamer-environment.ts';
import { ControlError } from './control/gateway-port.ts';
import type { LogPort } from './control/log-tail.ts';
import { GatewayConfig } from './gateway-config.ts';
import { GatewayControl } from './gateway-control.ts';
import { GatewayDeviceControls } from './gateway-device-controls.ts';
import { GatewayProbes } from './gateway-probes.ts';
import { GatewayReports } from './gateway-reports.ts';
import { GatewaySessions } from './gateway-sessions.ts';
import { GatewaySignalling } from './gateway-signalling.ts';
import { GatewaySources } from './gateway-sources.ts';
import { GatewayTracks } from './gateway-tracks.ts';
import { GatewayWatch } from './gateway-watch.ts';
import { Hooks } from './hooks/hooks.ts';
import { MediaClock } from './lib/clock.ts';
import type { Log } from './lib/log.ts';
import { Listeners } from './listeners.ts';
import { PrivacyStore } from './privacy-store.ts';
import type { Viewer } from './publish/viewer.ts';
import { StreamRegistry } from './stream-registry.ts';
import { Health } from './telemetry/health.ts';
import { SystemdNotifier } from './telemetry/systemd-notifier.ts';
import { ThermalReduction } from './thermal-reduction.ts';
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
  readonly #sources: GatewaySources;
  readonly #encoders: EncoderSelector;
  readonly #privacy: PrivacyStore;
  readonly #streams: StreamRegistry;
  readonly #viewers: ViewerRegistry;
  readonly #control: GatewayControl;
  readonly #health = new Health();
  readonly #notifier: SystemdNotifier;
  readonly #listeners: Listeners;
  readonly #hooks: Hooks;
  readonly #watch: GatewayWatch;
  readonly #reduction: ThermalReduction;
  readonly #probes: GatewayProbes;

  constructor(options: GatewayOptions) {
    this.#options = options;
    const { config, local, store, incidents } = options.config;
    const { settings } = config;
    const clock = this.#clock.clock;
    const environment = gstreamerEnvironment(settings.stateDirectory);
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
      environment,
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
    this.#sources = new GatewaySources({
      settings: () => this.#settings,
      encoders: this.#encoders,
      environment,
      clock: this.#clock,
      log: this.#room('capture'),
      devicesChanged: (devices) => {
        this.#watch.devicesChanged(devices);
        this.#control.devicesChanged();
      },
      event: (event) => this.#control.event(event),
    });
    this.#privacy = new PrivacyStore(join(settings.stateDirectory, 'privacy.json'), this.#room('streams'));
    this.#streams = new StreamRegistry({
      streams: settings.streams,
      openSource: (stream, kind, streamSettings) => this.#sources.open(stream, kind, streamSettings),
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
      devices: () => this.#sources.devices,
      usbResets: () => this.#sources.usbResets.counts,
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
      devices: () => this.#sources.devices,
      configuration: this.#configuration,
      log: options.logPort,
      deviceControls: new GatewayDeviceControls(this.#sources),
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
    this.#probes = new GatewayProbes({
      health: this.#health,
      streams: this.#streams,
      sources: this.#sources,
      reduction: this.#reduction,
      mqtt: () => this.#listeners.mqtt,
      clock,
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
    await this.#sources.stop();
    await this.#hooks.stop();
    await this.#access.stop();
    await this.#notifier.stop();
  }

  /**
   * Takes over what has changed at the machine.
   * @returns false where that takes another gateway; then nothing has changed.
   */
  async reload(local: LocalConfig): Promise<boolean> {
    await this.#notifier.reloading();
    try {
      if (!(await this.#configuration.reload(local))) return false;
      this.#room('config').info({}, 'configuration read again');
    } catch (error) {
      if (!(error instanceof ControlError)) throw error;
      this.#options.log.error(
        { code: error.code, path: error.path },
        `the configuration is not taken: ${error.message}`,
      );
    }
    await this.#notifier.ready(this.#status);
    return true;
  }

  get #status(): string {
    return `${this.#streams.names().length} streams`;
  }

  async #start(): Promise<void> {
    const settings = this.#settings;
    this.#options.logPort.level = settings.log.level;
    await mkdir(settings.stateDirectory, { recursive: true, mode: 0o700 });
    await this.#notifier.start();
    await this.#access.start();
    // Found out meanwhile, so that no picture waits for it; a failure shows in the stream that needs an encoder.
    void this.#encoders.choose('h264').catch(() => undefined);
    await Promise.all([this.#sources.start(), this.#privacy.load()]);
    this.#streams.start();
    const pictures = this.#streams.firstPictures(AbortSignal.timeout(FIRST_PICTURE_MS));
    await Promise.all([this.#listeners.start(pictures), pictures.then(() => this.reports.start())]);
    this.#probes.register();
    this.#watch.start();
    this.#configuration.start();
    // What else this machine can encode is only told, and holds nothing up.
    void this.#encoders.survey().catch(() => undefined);
    await this.#notifier.ready(this.#status);
    this.#control.infoChanged();
  }

  /** Brings what a plan touches in line with the configuration as it is now; everything else goes on. */
  async #follow(plan: ChangePlan): Promise<void> {
    const { log, streams } = this.#settings;
    if (plan.has('log')) this.#options.logPort.level = log.level;
    await this.#listeners.follow(plan);
    await this.#streams.follow(plan, streams);
    this.#sources.keepOnly(new Set(this.#streams.all().flatMap(({ sources }) => sources)));
    this.#probes.register();
    // Addresses may have changed.
    for (const name of this.#streams.names()) this.#control.streamChanged(name);
    this.#control.infoChanged();
  }

  get #settings(): Settings {
    return this.#configuration.current.settings;
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
