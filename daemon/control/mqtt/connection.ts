import type { MqttClient } from 'mqtt';
import { MqttError, mqttErrorOf } from './mqtt-error.ts';

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
