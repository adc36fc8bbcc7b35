import { readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import type { PeerCertificate } from 'node:tls';
import { connect, type IClientOptions, type MqttClient } from 'mqtt';
import type { MqttSettings } from '../../../config/settings.ts';
import { Connection } from './connection.ts';
import { type IncomingMessage, incomingMessage } from './incoming-message.ts';
import { MqttError, type MqttErrorCode, mqttErrorOf } from './mqtt-error.ts';

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
