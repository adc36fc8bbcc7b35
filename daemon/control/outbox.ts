/** What kind of message waits; when there is no room the first kind goes first, and the last is sent first. */
export const MESSAGE_KINDS = ['telemetry', 'event', 'state', 'answer'] as const;
export type MessageKind = (typeof MESSAGE_KINDS)[number];

/** A message on its way to the broker. */
export interface OutgoingMessage {
  kind: MessageKind;
  /** The whole topic. */
  topic: string;
  payload: string | Buffer;
  /** Kept by the broker for those who come later; a newer one for the same topic takes the place of one that waits. */
  retain: boolean;
  /** Seconds after which the broker may drop it (MQTT 5). */
  expiry?: number;
  /** Of the request that it answers (MQTT 5, 3.3.2.3.6). */
  correlationData?: Buffer;
}

export interface OutboxOptions {
  maxMessages: number;
  maxBytes: number;
}

/** What waits for the broker, bounded by messages and bytes, so that a broker that is away costs no memory. */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #queues: Readonly<Record<MessageKind, OutgoingMessage[]>> = {
    telemetry: [],
    event: [],
    state: [],
    answer: [],
  };
  #size = 0;
  #bytes = 0;
  #dropped = 0;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** Messages. */
  get size(): number {
    return this.#size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Messages that found no room, since the start. */
  get dropped(): number {
    return this.#dropped;
  }

  push(message: OutgoingMessage): void {
    const queue = this.#queues[message.kind];
    const older = message.retain ? queue.findIndex(({ topic }) => topic === message.topic) : -1;
    if (older !== -1) this.#remove(message.kind, older);
    queue.push(message);
    this.#count(message, 1);
    this.#makeRoom();
  }

  /** Messages that were taken but did not arrive: they go first again, unless newer state has taken their place. */
  putBack(messages: readonly OutgoingMessage[]): void {
    for (const message of messages.toReversed()) {
      const queue = this.#queues[message.kind];
      if (message.retain && queue.some(({ topic }) => topic === message.topic)) continue;
      queue.unshift(message);
      this.#count(message, 1);
    }
    this.#makeRoom();
  }

  /** The next one to send. */
  take(): OutgoingMessage | undefined {
    for (const kind of MESSAGE_KINDS.toReversed()) {
      if (this.#queues[kind].length > 0) return this.#remove(kind, 0);
    }
    return undefined;
  }

  /** Forgets what waits of a kind, for example state that will be published anew as a whole. */
  clear(kind: MessageKind): void {
    while (this.#queues[kind].length > 0) this.#remove(kind, 0);
  }

  #makeRoom(): void {
    const { maxMessages, maxBytes } = this.#options;
    while (this.#size > maxMessages || this.#bytes > maxBytes) {
      const kind = MESSAGE_KINDS.find((candidate) => this.#queues[candidate].length > 0);
      if (kind === undefined) return;
      this.#remove(kind, 0);
      this.#dropped += 1;
    }
  }

  #remove(kind: MessageKind, index: number): OutgoingMessage | undefined {
    const [message] = this.#queues[kind].splice(index, 1);
    if (message !== undefined) this.#count(message, -1);
    return message;
  }

  #count(message: OutgoingMessage, sign: 1 | -1): void {
    this.#size += sign;
    this.#bytes += sign * (message.topic.length + Buffer.byteLength(message.payload));
  }
}
