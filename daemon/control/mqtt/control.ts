import type { MqttSettings } from '../../../config/settings.ts';
import { Backoff } from '../../lib/backoff.ts';
import { type Clock, systemClock, type Timer } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Controller } from '../controller.ts';
import type { GatewayPort } from '../gateway-port.ts';
import { LocalBroker } from './broker.ts';
import type { Connection } from './connection.ts';
import { Delivery } from './delivery.ts';
import { type MqttAddress, mqttAddress } from './mqtt-address.ts';
import { MQTT_HINTS, MqttError } from './mqtt-error.ts';
import { negotiateConnection } from './open-connection.ts';
import { Surface } from './surface.ts';
import { Topics } from './topics.ts';

export interface MqttControlOptions {
  settings: MqttSettings;
  gatewayId: string;
  controller: Controller;
  gateway: GatewayPort;
  /** Where the configuration of an embedded broker is written. */
  directory: string;
  /** `mqtt.embeddedPort` does not have its default: no other port is taken. */
  embeddedPortConfigured?: boolean;
  /** Milliseconds between attempts to connect; default: at most two seconds, later half a minute. */
  retry?: { minimum: number; maximum: number };
  log: Log;
  clock?: Clock;
}

/** For health and metrics. */
export interface MqttStatus {
  connected: boolean;
  /** Why not. */
  reason: string | undefined;
  protocolVersion: '5' | '3.1.1' | undefined;
  /** Messages that wait for the broker. */
  queued: number;
  /** Messages that found no room. */
  dropped: number;
  /** Connections after the first. */
  reconnects: number;
}

const CONNECT_TIMEOUT = 10_000;
const CLOSE_TIMEOUT = 1000;
/** Gateways that lose their broker at the same moment come back over two seconds. */
const RETRY = { minimum: 2000, maximum: 30_000, jitter: 1 };
/** A connection that lasted so long was a good one: the next delay is the shortest again, in milliseconds. */
const SETTLED = 10_000;
/**
 * After a shorter one the delay is at most this, in milliseconds: soon for who waits for us, and yet a thousand gateways
 * do not overrun a broker that is in trouble.
 */
const EASED = 8000;

/**
 * The gateway on an MQTT broker: connects for ever, tells its state, answers requests. Nothing here is awaited by the
 * rest of the gateway, so a broker that is away is noticed by nobody but those who look for us there.
 */
export class MqttControl {
  readonly #options: MqttControlOptions;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #topics: Topics;
  readonly #clientId: string;
  readonly #delivery: Delivery;
  readonly #surface: Surface;
  readonly #backoff: Backoff;
  readonly #localBroker: LocalBroker | undefined;
  /** What there is from CONNACK on. */
  #open: Connection | undefined;
  /** The same once our birth is published. */
  #connection: Connection | undefined;
  #address: MqttAddress | undefined;
  #connections = 0;
  #reason: MqttError | undefined = new MqttError('closed', 'not connected yet');
  #stopped = true;
  #running: Promise<void> | undefined;
  #endPause: (() => void) | undefined;
  #attempt = new AbortController();

  constructor(options: MqttControlOptions) {
    const { settings, gatewayId, gateway, clock = systemClock, log } = options;
    this.#options = options;
    this.#backoff = new Backoff(options.retry ?? RETRY);
    this.#clock = clock;
    this.#log = log;
    this.#topics = new Topics(settings.baseTopic, gatewayId, settings.discovery.prefix);
    this.#clientId = settings.clientId || `vedette-${gatewayId}`;
    this.#delivery = new Delivery({ topics: this.#topics, log });
    this.#surface = new Surface({
      settings,
      topics: this.#topics,
      controller: options.controller,
      gateway,
      delivery: this.#delivery,
      clock,
      log,
    });
    if (settings.url === '') {
      this.#localBroker = new LocalBroker({
        port: settings.embeddedPort,
        portConfigured: options.embeddedPortConfigured ?? false,
        username: settings.username,
        password: settings.password,
        directory: options.directory,
        log,
      });
    } else this.#address = mqttAddress(settings.url, this.#topics.base, false);
  }

  /** Undefined until a broker for which none is configured has been found or started. */
  get address(): MqttAddress | undefined {
    return this.#address;
  }

  status(): MqttStatus {
    return {
      connected: this.#connection !== undefined,
      reason: this.#connection === undefined ? this.#reason?.message : undefined,
      protocolVersion: this.#connection && versionName(this.#connection),
      queued: this.#delivery.queued,
      dropped: this.#delivery.dropped,
      reconnects: Math.max(0, this.#connections - 1),
    };
  }

  /**
   * Begins to connect; resolves when {@link address} is known, or cannot be for now.
   * @throws PortTakenError for a configured port of the embedded broker.
   */
  async start(): Promise<void> {
    if (!this.#stopped) return;
    this.#stopped = false;
    this.#attempt = new AbortController();
    if (this.#options.settings.tls.insecure) {
      this.#log.warn({}, 'mqtt.tls.insecure: anybody on the way can pose as the broker');
    }
    try {
      await this.#locate();
    } catch (error) {
      if (!(error instanceof MqttError)) throw error;
      this.#failed(error);
    }
    this.#surface.start();
    this.#running = this.#run();
  }

  /** What holds from now on; the connection is left alone. */
  configure({ telemetryInterval }: Pick<MqttSettings, 'telemetryInterval'>): void {
    this.#surface.configure({ telemetryInterval });
  }

  /** Says `offline`, disconnects, and stops a broker of our own. Idempotent. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#surface.stop();
    this.#endPause?.();
    this.#attempt.abort();
    if (this.#connection !== undefined) await this.#sayOffline(this.#connection);
    await this.#open?.close(CLOSE_TIMEOUT);
    await this.#running;
    await this.#localBroker?.stop();
  }

  /** The broker publishes no will for a client that says goodbye. */
  async #sayOffline(connection: Connection): Promise<void> {
    const topic = this.#topics.availability;
    const said = connection.publish({ topic, payload: 'offline', qos: 1, retain: true }).catch(() => undefined);
    await Promise.race([said, this.#pause(CLOSE_TIMEOUT)]);
    this.#endPause?.();
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      try {
        const connection = await this.#connect(await this.#locate());
        await this.#serve(connection);
      } catch (error) {
        if (!this.#stopped) this.#failed(error);
      }
      if (this.#stopped) return;
      await this.#pause(this.#backoff.next());
    }
  }

  async #locate(): Promise<string> {
    if (this.#localBroker !== undefined) {
      const { host, port, own } = await this.#localBroker.locate();
      this.#address = mqttAddress(`mqtt://${host}:${port}`, this.#topics.base, own);
    }
    return this.#options.settings.url || (this.#address?.url ?? '');
  }

  #connect(url: string): Promise<Connection> {
    const { settings } = this.#options;
    return negotiateConnection(
      {
        url,
        clientId: this.#clientId,
        // A new process does not remember what it answered: requests from before could be carried out twice.
        clean: this.#connections === 0,
        username: settings.username,
        password: settings.password,
        keepalive: settings.keepalive,
        tls: settings.tls,
        will: { topic: this.#topics.availability, payload: 'offline', delay: settings.willDelay },
        message: (message) => this.#surface.received(message),
        timeout: CONNECT_TIMEOUT,
        signal: this.#attempt.signal,
      },
      settings.protocolVersion,
    );
  }

  /** From CONNACK to the end of the connection: subscribe, birth, all state again, then what comes. */
  async #serve(connection: Connection): Promise<void> {
    this.#open = connection;
    if (this.#stopped) return connection.close(CLOSE_TIMEOUT);
    try {
      for (const filter of this.#surface.filters) await connection.subscribe(filter, { retained: false });
      await connection.publish({ topic: this.#topics.availability, payload: 'online', qos: 1, retain: true });
    } catch (error) {
      await connection.close(CLOSE_TIMEOUT);
      throw error;
    }
    this.#connection = connection;
    this.#connections += 1;
    this.#reason = undefined;
    const connectedAt = this.#clock.now();
    const version = versionName(connection);
    this.#log.info(
      { url: this.#address?.url, topics: `${this.#topics.base}/#`, version },
      'connected to the MQTT broker',
    );
    this.#delivery.attach(connection);
    this.#surface.connected(connection);
    const end = await connection.closed;
    this.#connection = undefined;
    this.#surface.disconnected();
    this.#delivery.detach();
    if (this.#clock.now() - connectedAt >= SETTLED) this.#backoff.reset();
    // Two of one client id throw each other out: ever more slowly.
    else if (end?.code !== 'taken-over') this.#backoff.ease(EASED);
    if (end !== undefined) throw end;
  }

  /** One line for each new reason; a broker that stays away fills no log. */
  #failed(error: unknown): void {
    const failure = error instanceof MqttError ? error : new MqttError('failed', String(error), { cause: error });
    const news = this.#reason?.code !== failure.code;
    const hint = MQTT_HINTS[failure.code];
    this.#reason = failure;
    const fields = { url: this.#address?.url, code: failure.code, ...(hint === undefined ? {} : { hint }) };
    this.#log[news ? 'warn' : 'debug'](fields, `no MQTT broker: ${failure.message}; trying for ever`);
  }

  /** Ends early when we are stopped. */
  #pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      let timer: Timer | undefined;
      const end = () => {
        this.#clock.clearTimeout(timer);
        resolve();
      };
      timer = this.#clock.setTimeout(end, milliseconds);
      this.#endPause = end;
    });
  }
}

function versionName({ version }: Connection): '5' | '3.1.1' {
  return version === 5 ? '5' : '3.1.1';
}
