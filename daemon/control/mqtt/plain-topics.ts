import type { Transport } from '../command.ts';
import type { Controller } from '../controller.ts';
import type { GatewayEvent } from '../gateway-port.ts';
import type { IncomingMessage } from './incoming-message.ts';

export interface PlainTopicsOptions {
  controller: Controller;
  transport: Transport;
  event: (event: GatewayEvent) => void;
}

/** Bytes of a bare value. */
const MAX_VALUE = 256;
const WORDS: Readonly<Record<string, boolean>> = { ON: true, TRUE: true, OFF: false, FALSE: false };

/**
 * `streams/<name>/set/<property>` with a bare value, for automations that have no JSON: the same as `stream/set`. Nobody
 * waits for an answer, so the stream's state shows what came of it, and an event what did not.
 */
export class PlainTopics {
  readonly #options: PlainTopicsOptions;

  constructor(options: PlainTopicsOptions) {
    this.#options = options;
  }

  /** Never rejects. */
  async received(stream: string, property: string, { payload, retain, token, sender }: IncomingMessage): Promise<void> {
    // How somebody takes back a retained message.
    if (payload.length === 0) return;
    const { controller, transport, event } = this.#options;
    const value = payload.length > MAX_VALUE ? `${payload.toString('utf8', 0, MAX_VALUE)}...` : bareValue(payload);
    const request = Buffer.from(JSON.stringify({ name: stream, property, value }));
    const { answer } = await controller.execute(
      { command: 'stream/set', payload: request, retained: retain, sender, ...(token === undefined ? {} : { token }) },
      transport,
    );
    if (answer.status === 'ok') return;
    const shown = payload.toString('utf8', 0, MAX_VALUE);
    event({ type: 'set_failed', stream, data: { property, value: shown, ...answer.error } });
  }
}

/** `ON` and `OFF` are switches, what looks like a number is one, anything else is a word. */
function bareValue(payload: Buffer): boolean | number | string {
  const text = payload.toString('utf8').trim();
  const word = text.toUpperCase();
  if (Object.hasOwn(WORDS, word)) return WORDS[word] as boolean;
  return /^[+-]?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}
