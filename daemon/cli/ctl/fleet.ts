import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MqttSettings } from '../../../config/settings.ts';
import type { Answer } from '../../control/controller.ts';
import type { Connection } from '../../control/mqtt/connection.ts';
import type { IncomingMessage } from '../../control/mqtt/incoming-message.ts';
import { MQTT_HINTS, MqttError } from '../../control/mqtt/mqtt-error.ts';
import { negotiateConnection } from '../../control/mqtt/open-connection.ts';
import { Topics } from '../../control/mqtt/topics.ts';
import { CtlError } from './exit-codes.ts';

export interface FleetOptions {
  /** Who we are on the broker, and where gateways are. */
  settings: MqttSettings;
  /** Brokers, of which the first that answers is taken. */
  urls: readonly string[];
  /** What signed token requests carry (`mqtt.acl`). */
  token: string | undefined;
}

/** Milliseconds. */
const CONNECT_TIMEOUT = 10_000;
const CLOSE_TIMEOUT = 1000;
/** Retained messages have all come when none came for so long; the first may take longer. Milliseconds. */
const FIRST_RETAINED = 1000;
const QUIET = 150;
/** Requests that may be on their way to the broker unacknowledged. */
const WINDOW = 64;
/** A picture is larger than anything else that comes. */
const MAX_PACKET = 32 * 1024 * 1024;
const DEFAULT_URL_HINT = 'is one running? Another one is named with --broker URL';

/** The gateways of a broker, as somebody sees them who commands them. One connection; a new one is a new object. */
export class Fleet {
  /** By id, whether it says that it is there. Empty until {@link discover}. */
  readonly available = new Map<string, boolean>();
  /** Who asks, in topics and correlations. */
  readonly #name = `ctl/${randomBytes(6).toString('hex')}`;
  readonly #baseTopic: string;
  readonly #token: string | undefined;
  readonly #waiting = new Map<string, (answer: Answer) => void>();
  readonly #listeners = new Set<(message: IncomingMessage) => void>();
  readonly #answersAt = new Map<string, Promise<void>>();
  #connection!: Connection;
  #asked = 0;
  #sending = 0;
  readonly #toSend: (() => void)[] = [];
  #lastRetained: number | undefined;

  private constructor({ settings, token }: FleetOptions) {
    this.#baseTopic = settings.baseTopic;
    this.#token = token;
  }

  /** @throws CtlError `unavailable`, `noPermission` */
  static async connect(options: FleetOptions): Promise<Fleet> {
    const fleet = new Fleet(options);
    let failure: unknown;
    for (const url of options.urls) {
      try {
        fleet.#connection = await open(url, options.settings, (message) => fleet.#received(message));
        return fleet;
      } catch (error) {
        failure ??= asCtlError(error, url);
      }
    }
    throw failure;
  }

  /** Resolves with the reason when the connection is gone, or with undefined after {@link close}. */
  get closed(): Promise<Error | undefined> {
    return this.#connection.closed;
  }

  /** Idempotent. */
  close(): Promise<void> {
    return this.#connection.close(CLOSE_TIMEOUT);
  }

  /** Finds out which gateways there are; with an id it is done as soon as that one is known. */
  async discover(id?: string): Promise<void> {
    const filter = this.topics('+').availability;
    const begin = performance.now();
    // QoS 0: these need no acknowledgements and come as fast as they can.
    await this.#connection.subscribe(filter, { retained: true, qos: 0 });
    const over = (): boolean => {
      const now = performance.now();
      if (id !== undefined && this.available.has(id)) return true;
      return this.#lastRetained === undefined ? now - begin > FIRST_RETAINED : now - this.#lastRetained > QUIET;
    };
    while (!over()) await sleep(10);
  }

  topics(id: string): Topics {
    return new Topics(this.#baseTopic, id, '');
  }

  /** The gateway's id and the rest of a topic, or undefined. */
  partsOf(topic: string): { id: string; rest: string } | undefined {
    if (!topic.startsWith(`${this.#baseTopic}/`)) return undefined;
    const [id = '', ...rest] = topic.slice(this.#baseTopic.length + 1).split('/');
    return { id, rest: rest.join('/') };
  }

  /** Every message that comes on the topics from now on goes to the listener, what the broker holds too. */
  async follow(filters: readonly string[], listener: (message: IncomingMessage) => void): Promise<void> {
    this.#listeners.add(listener);
    for (const filter of filters) await this.#connection.subscribe(filter, { retained: true, qos: 0 });
  }

  /**
   * Asks one gateway.
   * @param limit milliseconds
   * @returns its answer, or undefined where none came in time
   * @throws MqttError when the connection ends
   */
  async ask(id: string, command: string, members: object, limit: number): Promise<Answer | undefined> {
    await this.#answersFor(command);
    const mark = `${this.#name}/${++this.#asked}`;
    const answered = new Promise<Answer>((resolve) => this.#waiting.set(mark, resolve));
    const five = this.#connection.version === 5;
    const topics = this.topics(id);
    await this.#turn();
    try {
      await this.#connection.publish({
        topic: topics.request(command),
        payload: JSON.stringify(five ? members : { ...members, transaction: mark }),
        qos: 1,
        retain: false,
        // What nobody waits for any more is not to be carried out.
        expiry: Math.ceil(limit / 1000),
        ...(five ? { responseTopic: topics.response(this.#name), correlationData: Buffer.from(mark) } : {}),
        token: this.#token,
      });
    } finally {
      this.#sending -= 1;
      this.#toSend.shift()?.();
    }
    const end = new AbortController();
    try {
      const late = sleep(limit, undefined, { signal: end.signal }).catch(() => undefined);
      const lost = this.closed.then((error) =>
        Promise.reject(error ?? new MqttError('closed', 'the connection ended')),
      );
      return await Promise.race([answered, late, lost]);
    } finally {
      end.abort();
      this.#waiting.delete(mark);
    }
  }

  /** Under the topics of the gateways, where the broker's rights let them publish and us read. */
  #answersFor(command: string): Promise<void> {
    const where = this.#connection.version === 5 ? this.#name : command;
    let subscribed = this.#answersAt.get(where);
    if (subscribed === undefined) {
      subscribed = this.#connection.subscribe(this.topics('+').response(where), { retained: false });
      this.#answersAt.set(where, subscribed);
    }
    return subscribed;
  }

  /** A broker takes only so many messages at once. */
  async #turn(): Promise<void> {
    if (this.#sending >= Math.min(WINDOW, this.#connection.receiveMaximum)) {
      await new Promise<void>((resolve) => this.#toSend.push(resolve));
    }
    this.#sending += 1;
  }

  #received(message: IncomingMessage): void {
    const parts = this.partsOf(message.topic);
    if (parts?.rest === 'availability') {
      if (message.payload.length === 0) this.available.delete(parts.id);
      else this.available.set(parts.id, message.payload.toString() === 'online');
      this.#lastRetained = performance.now();
    } else if (parts?.rest.startsWith('response/')) {
      const answer = readAnswer(message.payload);
      const mark = message.correlationData?.toString() ?? answer.transaction ?? '';
      this.#waiting.get(mark)?.(answer);
    }
    for (const listener of this.#listeners) listener(message);
  }
}

async function open(
  url: string,
  settings: MqttSettings,
  message: (message: IncomingMessage) => void,
): Promise<Connection> {
  const { username, password, keepalive, tls, protocolVersion } = settings;
  return negotiateConnection(
    {
      url,
      clientId: `vedette-ctl-${randomBytes(6).toString('hex')}`,
      clean: true,
      username,
      password,
      keepalive,
      tls,
      message,
      maximumPacketSize: MAX_PACKET,
      timeout: CONNECT_TIMEOUT,
    },
    protocolVersion,
  );
}

/** In words for somebody who cannot see the broker. */
export function asCtlError(error: unknown, url: string): unknown {
  if (!(error instanceof MqttError)) return error;
  const hint =
    MQTT_HINTS[error.code] ?? (error.code === 'unreachable' || error.code === 'timeout' ? DEFAULT_URL_HINT : '');
  const code = error.code === 'refused' ? 'noPermission' : 'unavailable';
  const where = url.replace(/\/\/[^@/]*@/, '//');
  return new CtlError(code, `broker ${where}: ${error.message}${hint === '' ? '' : `\n${hint}`}`, { cause: error });
}

/** What came is another machine's word: whatever it is, it is an answer. */
function readAnswer(payload: Buffer): Answer {
  try {
    const answer = JSON.parse(payload.toString()) as Answer;
    if (answer.status === 'ok') return answer;
    if (answer.status === 'error' && typeof answer.error.message === 'string') return answer;
  } catch {
    // As below.
  }
  return { status: 'error', error: { code: 'internal', message: 'the answer cannot be read' } };
}
