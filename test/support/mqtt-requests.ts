import { Listener, until } from './mosquitto.ts';

export interface Answer {
  status: 'ok' | 'error';
  data: Record<string, unknown>;
  error?: { code: string; path?: string; message: string };
  transaction: string;
}

/** Somebody on the broker who asks a gateway, and sees all that it says. */
export class Requests {
  readonly listener: Listener;
  base: string;
  #asked = 0;

  /** @param base `<baseTopic>/<gatewayId>`. */
  constructor(url: string, base: string) {
    this.listener = new Listener(url);
    this.base = base;
  }

  async start(): Promise<this> {
    await this.listener.subscribe('vedette/#');
    return this;
  }

  stop(): Promise<void> {
    return this.listener.stop();
  }

  /** Publishes a request. @returns its transaction. */
  async send(command: string, payload: object = {}): Promise<string> {
    const transaction = `t${++this.#asked}`;
    const text = JSON.stringify({ ...payload, transaction });
    await this.listener.client.publishAsync(`${this.base}/request/${command}`, text, { qos: 1 });
    return transaction;
  }

  /** The answer that came to a request, if it did. */
  answer(command: string, transaction: string): Answer | undefined {
    return this.listener
      .on(`${this.base}/response/${command}`)
      .map(({ text }) => JSON.parse(text) as Answer)
      .find((answer) => answer.transaction === transaction);
  }

  async ask(command: string, payload: object = {}): Promise<Answer> {
    const transaction = await this.send(command, payload);
    await until(() => this.answer(command, transaction) !== undefined, `an answer to ${command}`, 40_000);
    return this.answer(command, transaction) as Answer;
  }

  /** The data of the events of a type, oldest first. */
  events(type: string): Record<string, unknown>[] {
    return this.listener
      .on(`${this.base}/events`)
      .map(({ text }) => JSON.parse(text) as { type: string; data: Record<string, unknown> })
      .filter((event) => event.type === type)
      .map(({ data }) => data);
  }

  /** Waits until the gateway says that it is there. */
  async online(): Promise<void> {
    const topic = `${this.base}/availability`;
    await until(() => this.listener.on(topic).at(-1)?.text === 'online', `${topic}: online`, 40_000);
  }
}
