import { readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import type { PeerCertificate } from 'node:tls';
import { connect, type IClientOptions, type MqttClient } from 'mqtt';
import type { MqttSettings } from '../../../config/settings.ts';
import { type IncomingMessage, incomingMessage } from './incoming-message.ts';
import { MqttError, type MqttErrorCode, mqttErrorOf } from './mqtt-error.ts';

export interface Publication {
  topic: string;
  payload: string | Buffer;
  qos: 0 | 1;
  retain: boolean;
  /** Seconds. */
  expiry?: number | undefined;
  correlationData?: Buffer | undefined;
  /** MQTT 5 only, as is the token. */
  responseTopic?: string | undefined;
  /** Becomes the user property `authorization`. */
  token?: string | undefined;
}

export interface ConnectOptions {
  url: string;
  /** The protocol level on the wire: 4 is MQTT 3.1.1. */
  version: 4 | 5;
  clientId: string;
  /** Forget what the broker kept for this client id. */
  clean: boolean;
  username: string;
  password: string;
  /** Seconds. */
  keepalive: number;
  tls: MqttSettings['tls'];
  will?: { topic: string; payload: string; delay: number };
  /** Called for every message, from the first packet on. */
  message?: (message: IncomingMessage) => void;
  /** Bytes of the largest packet that is taken; default: what requests need. */
  maximumPacketSize?: number;
  /** Milliseconds until the broker must have answered. */
  timeout: number;
  /** Gives the attempt up. */
  signal?: AbortSignal;
}

/**
 * Seconds that the broker keeps our session and what is sent to us meanwhile. As long as answers are remembered, so
 * that a request that is delivered again is known; older requests are better lost than carried out.
 */
const SESSION_EXPIRY = 300;
/** Bytes of a packet that we take; requests are smaller, and nothing else comes. */
const MAX_INCOMING_PACKET = 256 * 1024;
/** Requests that may be on their way to us unacknowledged. */
const RECEIVE_MAXIMUM = 20;
/** MQTT 3.1.1 and 5 fix the longest packet at this when the broker names none. */
const MAX_PACKET = 268_435_455;
const MAX_RECEIVE_MAXIMUM = 65_535;
/** Bytes of a PUBLISH besides topic, payload and correlation, at most. */
const HEADERS = 32;

/** What the broker said of itself in CONNACK. */
interface BrokerLimits {
  maximumPacketSize?: number;
  receiveMaximum?: number;
}

/** One connection to a broker, from CONNACK to its end; a new one is a new object. */
export class Connection {
  readonly version: 4 | 5;
  /** QoS 1 messages that the broker takes unacknowledged. */
  readonly receiveMaximum: number;
  /** Resolves when the connection is gone: with the reason, or undefined when we closed it. Never rejects. */
  readonly closed: Promise<MqttError | undefined>;
  readonly #client: MqttClient;
  readonly #maximumPacketSize: number;
  /** How what is under way learns of the end. */
  readonly #pending = new Set<(error: MqttError) => void>();
  #ours = false;
  #ended = false;

  /** @param closed resolves with why the connection ended. */
  constructor(client: MqttClient, version: 4 | 5, limits: BrokerLimits, closed: Promise<MqttError>) {
    this.#client = client;
    this.version = version;
    this.receiveMaximum = limits.receiveMaximum ?? MAX_RECEIVE_MAXIMUM;
    this.#maximumPacketSize = limits.maximumPacketSize ?? MAX_PACKET;
    this.closed = closed.then((error) => {
      this.#ended = true;
      for (const reject of this.#pending) reject(error);
      return this.#ours ? undefined : error;
    });
  }

  /** {@link closed} has resolved. */
  get ended(): boolean {
    return this.#ended;
  }

  /**
   * Resolves when the broker has it (QoS 1) or it has been written (QoS 0).
   * @throws MqttError `too-large` for more than the broker takes; others when the connection ends before.
   */
  publish(message: Publication): Promise<void> {
    const { topic, payload, qos, retain, expiry, correlationData, responseTopic, token } = message;
    const size = Buffer.byteLength(payload) + Buffer.byteLength(topic) + (correlationData?.length ?? 0) + HEADERS;
    if (size > this.#maximumPacketSize) {
      const error = `a message of ${size} bytes is more than the ${this.#maximumPacketSize} that the broker takes`;
      return Promise.reject(new MqttError('too-large', error));
    }
    const properties = {
      ...(expiry === undefined ? {} : { messageExpiryInterval: expiry }),
      ...(correlationData === undefined ? {} : { correlationData }),
      ...(responseTopic === undefined ? {} : { responseTopic }),
      ...(token === undefined ? {} : { userProperties: { authorization: `Bearer ${token}` } }),
    };
    const options = { qos, retain, ...(this.version === 5 ? { properties } : {}) };
    return this.#whileOpen((done) => this.#client.publish(topic, payload, options, done));
  }

  /**
   * @param options `retained`: what the broker has stored is wanted too; `qos`: default 1.
   * @throws MqttError `refused` when the broker does not grant it.
   */
  async subscribe(filter: string, options: { retained: boolean; qos?: 0 | 1 }): Promise<void> {
    // rap: see of each message whether it was published as retained; nl: not what we publish (MQTT 5, 3.8.3.1).
    const five = this.version === 5 ? { rap: true, nl: true, rh: options.retained ? 0 : 2 } : {};
    let granted = false;
    await this.#whileOpen((done) =>
      this.#client.subscribe(filter, { qos: options.qos ?? 1, ...five }, (error, grants) => {
        granted = grants?.every(({ qos }) => qos < 128) ?? false;
        done(error ?? undefined);
      }),
    );
    if (!granted) throw new MqttError('refused', `the broker does not let us subscribe to ${filter}`);
  }

  /** Says goodbye, so that the broker does not publish the will; after `timeout` milliseconds without it. Idempotent. */
  async close(timeout: number): Promise<void> {
    if (!this.#ours) {
      this.#ours = true;
      this.#client.end(false);
      // A second end() would do nothing.
      const timer = setTimeout(() => this.#client.stream.destroy(), timeout);
      void this.closed.then(() => clearTimeout(timer));
    }
    await this.closed;
  }

  #whileOpen(begin: (done: (error?: Error) => void) => void): Promise<void> {
    if (this.#ended) return Promise.reject(new MqttError('closed', 'the connection was closed'));
    return new Promise((resolve, reject) => {
      this.#pending.add(reject);
      begin((error) => {
        this.#pending.delete(reject);
        if (error) reject(mqttErrorOf(error));
        else resolve();
      });
    });
  }
}

/**
 * Connects once; nothing is tried again here.
 * @throws MqttError
 */
export async function openConnection(options: ConnectOptions): Promise<Connection> {
  const { url, version, timeout, message, signal } = options;
  const client = clientFor(url, clientOptions(options));
  // An acknowledgement and an answer are two small writes: Nagle's algorithm would hold the second for 40 ms.
  if (client.stream instanceof Socket) client.stream.setNoDelay();
  let lastError: MqttError | undefined;
  const closed = new Promise<MqttError>((resolve) => {
    client.on('error', (error) => {
      lastError ??= mqttErrorOf(error);
      // Some errors leave the socket open, where the broker may go on as if nothing had been.
      client.end(true);
    });
    client.on('disconnect', ({ reasonCode }) => {
      const cause = Object.assign(new Error(`the broker disconnected us (reason ${reasonCode})`), {
        code: reasonCode ?? 0,
      });
      lastError ??= mqttErrorOf(cause);
    });
    client.on('close', () => resolve(lastError ?? new MqttError('closed', 'the broker closed the connection')));
    // An end that finds no socket yet emits no close.
    client.on('end', () => resolve(lastError ?? new MqttError('closed', 'the connection was closed')));
  });
  client.on('message', (topic, payload, packet) => message?.(incomingMessage(topic, payload, packet)));
  const connected = new Promise<Connection>((resolve) => {
    client.once('connect', ({ properties }) => {
      resolve(new Connection(client, version, properties ?? {}, closed));
    });
  });
  const failed = closed.then((error) => {
    throw error;
  });
  const timer = setTimeout(() => {
    lastError ??= new MqttError('timeout', `the broker did not answer within ${timeout / 1000} s`);
    client.end(true);
  }, timeout);
  const giveUp = () => client.end(true);
  signal?.addEventListener('abort', giveUp);
  try {
    return await Promise.race([connected, failed]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', giveUp);
    failed.catch(() => undefined);
  }
}

/** The failures of MQTT 5 after which an older broker may still speak 3.1.1: some just hang up. */
const MAYBE_OLD: ReadonlySet<MqttErrorCode> = new Set(['version', 'closed']);
const VERSIONS: Readonly<Record<MqttSettings['protocolVersion'], readonly (4 | 5)[]>> = {
  auto: [5, 4],
  '5': [5],
  '3.1.1': [4],
};

/**
 * Connects with the newest version that is allowed and that the broker speaks.
 * @throws MqttError
 */
export async function negotiateConnection(
  options: Omit<ConnectOptions, 'version'>,
  protocolVersion: MqttSettings['protocolVersion'],
): Promise<Connection> {
  let failure: unknown;
  for (const version of VERSIONS[protocolVersion]) {
    try {
      return await openConnection({ ...options, version });
    } catch (error) {
      failure = error;
      if (options.signal?.aborted || !(error instanceof MqttError) || !MAYBE_OLD.has(error.code)) break;
    }
  }
  throw failure;
}

function clientFor(url: string, options: IClientOptions): MqttClient {
  try {
    return connect(url, options);
  } catch (error) {
    throw mqttErrorOf(error as Error);
  }
}

function clientOptions(options: ConnectOptions): IClientOptions {
  const { version, clientId, clean, username, password, keepalive, tls, will, timeout } = options;
  const { maximumPacketSize = MAX_INCOMING_PACKET } = options;
  const five = version === 5;
  return {
    protocolVersion: version,
    clientId,
    clean,
    ...(username === '' ? {} : { username }),
    ...(password === '' ? {} : { password }),
    keepalive,
    // The library's own reconnecting and queueing have no bounds; both are ours.
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
    // A Buffer for each of 65,536 numbers: 10 MB for a few messages a second.
    writeCache: false,
    // Ours comes first.
    connectTimeout: timeout * 2,
    rejectUnauthorized: !tls.insecure,
    ...pin(tls.fingerprint),
    ...certificate('ca', tls.caFile),
    ...certificate('cert', tls.certFile),
    ...certificate('key', tls.keyFile),
    ...(five
      ? {
          properties: {
            sessionExpiryInterval: will === undefined ? 0 : SESSION_EXPIRY,
            maximumPacketSize,
            receiveMaximum: RECEIVE_MAXIMUM,
            topicAliasMaximum: 0,
          },
        }
      : {}),
    ...(will === undefined
      ? {}
      : {
          will: {
            topic: will.topic,
            payload: Buffer.from(will.payload),
            qos: 1 as const,
            retain: true,
            ...(five ? { properties: { willDelayInterval: will.delay } } : {}),
          },
        }),
  };
}

/** The one certificate that is believed, on top of what vouches for it. Checked before anything is sent. */
function pin(fingerprint: string): IClientOptions {
  if (fingerprint === '') return {};
  const checkServerIdentity = (_host: string, { fingerprint256 }: PeerCertificate): Error | undefined => {
    if (fingerprint256 === fingerprint.toUpperCase()) return undefined;
    const message = `the broker's certificate has the fingerprint ${fingerprint256}, not that of mqtt.tls.fingerprint`;
    return Object.assign(new Error(message), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
  };
  // For TLS and for WebSocket over it; the library's types know neither.
  return { checkServerIdentity, wsOptions: { checkServerIdentity } } as IClientOptions;
}

/** Read for each connection, so that a renewed certificate is taken without a restart. */
function certificate(name: 'ca' | 'cert' | 'key', file: string): IClientOptions {
  if (file === '') return {};
  try {
    return { [name]: readFileSync(file) };
  } catch (cause) {
    throw new MqttError('files', `cannot read mqtt.tls.${name}File ${file}`, { cause });
  }
}
