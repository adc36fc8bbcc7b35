import type { Log } from '../../lib/log.ts';
import type { Transport } from '../command.ts';
import { ControlError } from '../gateway-port.ts';
import { Outbox, type OutgoingMessage } from '../outbox.ts';
import type { Connection } from './connection.ts';
import { MqttError } from './mqtt-error.ts';
import type { Topics } from './topics.ts';

const OUTBOX = { maxMessages: 1000, maxBytes: 1024 * 1024 };
/** Messages that may be on their way to the broker unacknowledged. */
const WINDOW = 16;
/** Pictures are never queued; this many may be on their way. */
const MAX_PICTURES = 2;
/** Seconds after which the broker need not deliver a line of log any more. */
const LOG_EXPIRY = 60;

/** Brings messages to the broker over whatever connection there is, from a bounded outbox; it never blocks who sends. */
export class Delivery implements Transport {
  readonly #topics: Topics;
  readonly #log: Log;
  readonly #outbox = new Outbox(OUTBOX);
  readonly #inFlight = new Set<OutgoingMessage>();
  readonly #delivered = new WeakMap<OutgoingMessage, () => void>();
  #connection: Connection | undefined;
  #pictures = 0;

  constructor(options: { topics: Topics; log: Log }) {
    this.#topics = options.topics;
    this.#log = options.log;
  }

  /** Messages that have not arrived. */
  get queued(): number {
    return this.#outbox.size + this.#inFlight.size;
  }

  /** Messages that found no room. */
  get dropped(): number {
    return this.#outbox.dropped;
  }

  /** There is a connection. State that waits is forgotten: all of it is sent anew. */
  attach(connection: Connection): void {
    this.#outbox.clear('state');
    this.#connection = connection;
  }

  /** The connection is gone: what was on its way waits for the next. */
  detach(): void {
    this.#connection = undefined;
    this.#outbox.putBack([...this.#inFlight]);
    this.#inFlight.clear();
  }

  /** @param delivered called once the broker has it; never, when it found no room. */
  send(message: OutgoingMessage, delivered?: () => void): void {
    if (delivered !== undefined) this.#delivered.set(message, delivered);
    this.#outbox.push(message);
    this.#pump();
  }

  get logTopic(): string {
    return this.#topics.log;
  }

  publishLogLine(line: string): void {
    this.send({ kind: 'telemetry', topic: this.logTopic, payload: line, retain: false, expiry: LOG_EXPIRY });
  }

  async publishSnapshot(streamName: string, jpeg: Buffer): Promise<string> {
    const topic = this.#topics.stream(streamName).snapshot;
    const connection = this.#connection;
    if (connection === undefined) throw new ControlError('unavailable', 'the broker is not connected');
    if (this.#pictures >= MAX_PICTURES) throw new ControlError('busy', 'other pictures are on their way');
    this.#pictures += 1;
    try {
      await connection.publish({ topic, payload: jpeg, qos: 0, retain: false });
      return topic;
    } catch (error) {
      if (error instanceof MqttError) throw new ControlError('unavailable', error.message);
      throw error;
    } finally {
      this.#pictures -= 1;
    }
  }

  #pump(): void {
    const connection = this.#connection;
    while (connection !== undefined && this.#inFlight.size < Math.min(WINDOW, connection.receiveMaximum)) {
      const message = this.#outbox.take();
      if (message === undefined) return;
      this.#inFlight.add(message);
      void this.#deliver(connection, message);
    }
  }

  async #deliver(connection: Connection, message: OutgoingMessage): Promise<void> {
    try {
      await connection.publish({ ...message, qos: message.kind === 'telemetry' ? 0 : 1 });
    } catch (error) {
      // Lost with its connection: detach() puts it back. Or refused by the broker, for example by its access list.
      this.#log.debug({ err: error, topic: message.topic }, 'the broker did not take a message');
      if (connection.ended) return;
    }
    if (this.#connection !== connection) return;
    this.#inFlight.delete(message);
    this.#delivered.get(message)?.();
    this.#pump();
  }
}
