import type { Part } from '../config/change-rules.ts';
import type { ChangePlan } from '../config/changes.ts';
import type { LoadedConfig } from '../config/settings.ts';
import type { Access } from './access/access.ts';
import { ControlError } from './control/gateway-port.ts';
import type { MqttControl } from './control/mqtt/control.ts';
import type { GatewayControl } from './gateway-control.ts';
import { GatewayMqtt } from './gateway-mqtt.ts';
import type { GatewayReports, ListenerName } from './gateway-reports.ts';
import type { HttpServer } from './http/server.ts';
import type { MediaClock } from './lib/clock.ts';
import { listenOn, probeTcp, probeUdp } from './lib/listen.ts';
import type { Log } from './lib/log.ts';
import type { MjpegPublisher } from './publish/mjpeg/publisher.ts';
import type { RtmpPublisher } from './publish/rtmp/publisher.ts';
import type { RtspServer } from './publish/rtsp/server.ts';
import type { StreamDirectory, Viewer, ViewerObserver } from './publish/viewer.ts';
import type { WebRtcPublisher } from './publish/webrtc/publisher.ts';
import type { Whep } from './publish/webrtc/whep.ts';
import type { Health } from './telemetry/health.ts';

export interface ListenersOptions {
  /** As of now: a listener that is started takes its slice of it. */
  config: () => LoadedConfig;
  streams: StreamDirectory;
  viewers: ViewerObserver;
  access: Access;
  control: GatewayControl;
  reports: GatewayReports;
  health: Health;
  clock: MediaClock;
  log: Log;
}

const LISTENERS: readonly ListenerName[] = ['rtsp', 'webrtc', 'rtmp', 'http'];

/**
 * What faces the network: RTSP, WebRTC, RTMP, HTTP and MQTT. Each is loaded when it is started, from its slice of the
 * configuration, and does without the others: what HTTP serves of WebRTC and RTMP is whatever there is of them.
 */
export class Listeners {
  readonly #options: ListenersOptions;
  #rtsp: RtspServer | undefined;
  #webrtc: WebRtcPublisher | undefined;
  #whep: Whep | undefined;
  #rtmp: RtmpPublisher | undefined;
  #mjpeg: MjpegPublisher | undefined;
  #http: HttpServer | undefined;
  readonly #mqtt: GatewayMqtt;
  /** The gateway runs: whoever changes a port is there to choose another one. */
  #started = false;

  constructor(options: ListenersOptions) {
    this.#options = options;
    this.#mqtt = new GatewayMqtt({
      settings: () => this.#settings,
      portConfigured: () => this.#configured('mqtt.embeddedPort'),
      gateway: options.control,
      clock: options.clock.clock,
      log: this.#room('mqtt'),
    });
  }

  get webrtc(): WebRtcPublisher | undefined {
    return this.#webrtc;
  }

  get mqtt(): MqttControl | undefined {
    return this.#mqtt.control;
  }

  /** Pictures come first: what would hold them up, the heaviest packages and more processes, comes after. */
  async start(firstPictures: Promise<void>): Promise<void> {
    await this.#startRtsp();
    await firstPictures;
    // HTTP serves what these two publish.
    await Promise.all([this.#createWebRtc(), this.#startRtmp()]);
    await Promise.all([this.#startHttp(), this.#mqtt.start()]);
    await this.#startWebRtc();
    this.#started = true;
  }

  /** Idempotent. */
  async stop(): Promise<void> {
    await this.#mqtt.stop();
    this.#mjpeg?.stop();
    await this.#http?.stop();
    await Promise.all([this.#rtsp?.stop(), this.#webrtc?.stop(), this.#rtmp?.stop()]);
  }

  /**
   * Looks whether the listeners that would start again find their ports free, without touching them.
   * @throws ControlError `conflict` that names the port.
   */
  async check(next: LoadedConfig, plan: ChangePlan): Promise<void> {
    for (const name of LISTENERS) {
      const { enabled, host, port } = next.settings[name];
      const ours = this.#options.reports.listenerOn(port) !== undefined;
      if (plan.get(name) !== 'restart' || !enabled || port === 0 || ours) continue;
      const probe = name === 'webrtc' ? probeUdp : probeTcp;
      await probe(this.#host(host), port).catch((error) => {
        throw new ControlError('conflict', `port ${port} cannot be used: ${error.message}`, `/${name}/port`);
      });
    }
  }

  /** Starts again what is to restart, as its settings are now, and tells the others their new ones. Rejects where one does not start. */
  async follow(plan: ChangePlan): Promise<void> {
    const restarts = (part: Part): boolean => plan.get(part) === 'restart';
    if (restarts('mqtt')) await this.#mqtt.stop();
    await Promise.all(LISTENERS.filter(restarts).map((name) => this.#stopListener(name)));
    if (restarts('rtsp')) await this.#startRtsp();
    if (restarts('webrtc')) {
      await this.#createWebRtc();
      await this.#startWebRtc();
    }
    if (restarts('rtmp')) await this.#startRtmp();
    if (restarts('http')) await this.#startHttp();
    if (restarts('mqtt')) await this.#mqtt.start();
    const { rtsp, webrtc, rtmp, http } = this.#settings;
    this.#mjpeg?.configure(http);
    this.#rtsp?.configure(rtsp);
    this.#webrtc?.configure(webrtc);
    this.#rtmp?.configure(rtmp);
    this.#mqtt.configure();
  }

  async #stopListener(name: ListenerName): Promise<void> {
    this.#options.reports.notListening(name);
    switch (name) {
      case 'rtsp':
        await this.#rtsp?.stop();
        this.#rtsp = undefined;
        break;
      case 'webrtc':
        await this.#webrtc?.stop();
        this.#webrtc = undefined;
        this.#whep = undefined;
        break;
      case 'rtmp':
        await this.#rtmp?.stop();
        this.#rtmp = undefined;
        break;
      case 'http':
        this.#mjpeg?.stop();
        await this.#http?.stop();
        this.#http = undefined;
        break;
    }
  }

  /** Disconnects a viewer; false when he is gone. */
  disconnect({ id, protocol }: Viewer): boolean {
    switch (protocol) {
      case 'rtsp':
        return this.#rtsp?.closeViewer(id) ?? false;
      case 'webrtc':
        return this.#webrtc?.close(id, 'closed') ?? false;
      case 'rtmp':
      case 'http-flv':
        return this.#rtmp?.closeViewer(id) ?? false;
      case 'mjpeg':
        return this.#mjpeg?.closeViewer(id) ?? false;
    }
  }

  async #startRtsp(): Promise<void> {
    const { rtsp } = this.#settings;
    if (!rtsp.enabled) return;
    const { RtspServer } = await import('./publish/rtsp/server.ts');
    const { streams, access, viewers, clock, reports } = this.#options;
    const host = this.#host(rtsp.host);
    let port = 0;
    await listenOn('RTSP', rtsp.port, this.#configured('rtsp.port'), async (candidate) => {
      const server = new RtspServer({
        settings: { ...rtsp, host, port: candidate },
        streams,
        access,
        viewers,
        clock,
        log: this.#room('rtsp'),
      });
      ({ port } = await server.start());
      this.#rtsp = server;
    });
    reports.listening('rtsp', host, port, rtsp.port);
  }

  async #createWebRtc(): Promise<void> {
    const { webrtc } = this.#settings;
    if (!webrtc.enabled) return;
    const [{ WebRtcPublisher }, { Whep }] = await Promise.all([
      import('./publish/webrtc/publisher.ts'),
      import('./publish/webrtc/whep.ts'),
    ]);
    const { streams, viewers, clock } = this.#options;
    const log = this.#room('webrtc');
    this.#webrtc = new WebRtcPublisher({
      settings: { ...webrtc, host: this.#host(webrtc.host) },
      portConfigured: this.#configured('webrtc.port'),
      streams,
      viewers,
      clock,
      log,
    });
    this.#whep = new Whep({ publisher: this.#webrtc, iceServers: webrtc.iceServers, log });
  }

  async #startWebRtc(): Promise<void> {
    const { webrtc } = this.#settings;
    if (this.#webrtc === undefined) return;
    const { port } = await this.#webrtc.start();
    this.#options.reports.listening('webrtc', this.#host(webrtc.host), port, webrtc.port);
  }

  async #startRtmp(): Promise<void> {
    const { rtmp } = this.#settings;
    if (!rtmp.enabled) return;
    const { RtmpPublisher } = await import('./publish/rtmp/publisher.ts');
    const { streams, access, viewers, clock, reports } = this.#options;
    const host = this.#host(rtmp.host);
    this.#rtmp = new RtmpPublisher({
      settings: { ...rtmp, host },
      portConfigured: this.#configured('rtmp.port'),
      streams,
      access,
      viewers,
      clock,
      log: this.#room('rtmp'),
    });
    await this.#rtmp.start();
    reports.listening('rtmp', host, this.#rtmp.port, rtmp.port);
  }

  async #startHttp(): Promise<void> {
    const { http } = this.#settings;
    if (!http.enabled) return;
    const [{ HttpServer }, { GatewayHttpPorts }, { MjpegPublisher }, { mjpegSource }] = await Promise.all([
      import('./http/server.ts'),
      import('./gateway-http-ports.ts'),
      import('./publish/mjpeg/publisher.ts'),
      import('./mjpeg-source.ts'),
    ]);
    const { control, reports, access, health, log, streams, viewers } = this.#options;
    const { maxViewers } = http;
    const mjpeg = new MjpegPublisher({ streams, viewers, maxViewers, log: this.#room('http') });
    this.#mjpeg = mjpeg;
    const ports = new GatewayHttpPorts({ control, reports, whep: () => this.#whep, rtmp: () => this.#rtmp });
    this.#http = new HttpServer({
      settings: { ...http, host: this.#host(http.host) },
      portConfigured: this.#configured('http.port'),
      access,
      log,
      streams: ports,
      snapshots: ports,
      metrics: ports,
      health,
      whep: ports,
      flv: ports,
      mjpeg: mjpegSource(mjpeg),
    });
    const { host, port } = await this.#http.start();
    reports.listening('http', host, port, http.port);
  }

  get #settings(): LoadedConfig['settings'] {
    return this.#options.config().settings;
  }

  /** Until a user exists nothing listens beyond this machine. */
  #host(configured: string): string {
    return this.#options.access.open ? '127.0.0.1' : configured;
  }

  /** The port is to be this one and no other. One that was set from afar never keeps the gateway from starting. */
  #configured(path: string): boolean {
    const origin = this.#options.config().origins.get(path) ?? 'default';
    return origin === 'remote' ? this.#started : origin !== 'default';
  }

  #room(room: string): Log {
    return this.#options.log.child({ room });
  }
}
