import type { Clock } from '../../lib/clock.ts';
import type { Transport } from '../command.ts';
import type { Answer, Controller } from '../controller.ts';
import type { OutgoingMessage } from '../outbox.ts';
import type { IncomingMessage } from './incoming-message.ts';
import type { Topics } from './topics.ts';

export interface RequestResponseOptions {
  topics: Topics;
  controller: Controller;
  transport: Transport;
  /** @param delivered called once the broker has the message. */
  send: (message: OutgoingMessage, delivered?: () => void) => void;
  clock: Clock;
}

/** Seconds that an answer may wait for who asked. */
const ANSWER_EXPIRY = 60;
/** Milliseconds after which what follows an answer is done even if the broker has not acknowledged the answer. */
const AFTERWARDS_LIMIT = 2000;

/**
 * Requests by MQTT: the answer goes to the Response Topic with the Correlation Data (MQTT 5, 4.10), and to
 * `response/<command>` where the request has a `transaction` or no Response Topic, so that 3.1.1 can ask too.
 */
export class RequestResponse {
  readonly #options: RequestResponseOptions;

  constructor(options: RequestResponseOptions) {
    this.#options = options;
  }

  /** Carries a request out and answers it, exactly once. Never rejects. */
  async received(command: string, message: IncomingMessage): Promise<void> {
    const { topics, controller, transport, clock } = this.#options;
    const { responseTopic, correlationData, expiry, payload, retain, token, sender } = message;
    const problem = responseTopic === undefined ? undefined : topics.responseTopicProblem(responseTopic);
    if (problem !== undefined) {
      const error = { code: 'invalid_request', message: `the Response Topic ${problem}` } as const;
      this.#answer(topics.response(command), { status: 'error', error });
      return;
    }
    const { answer, afterwards } = await controller.execute(
      {
        command,
        payload,
        retained: retain,
        sender,
        ...(correlationData === undefined
          ? {}
          : { correlation: `${responseTopic} ${correlationData.toString('base64')}` }),
        ...(token === undefined ? {} : { token }),
        ...(expiry === undefined ? {} : { expiresAt: clock.now() + expiry * 1000 }),
      },
      transport,
    );
    // A promise of the controller's: done once, however often it is called.
    if (afterwards !== undefined) clock.setTimeout(afterwards, AFTERWARDS_LIMIT);
    if (responseTopic !== undefined) this.#answer(responseTopic, answer, correlationData, afterwards);
    if (responseTopic === undefined || answer.transaction !== undefined) {
      this.#answer(topics.response(command), answer, undefined, responseTopic === undefined ? afterwards : undefined);
    }
  }

  #answer(topic: string, answer: Answer, correlationData?: Buffer, delivered?: () => void): void {
    this.#options.send(
      {
        kind: 'answer',
        topic,
        payload: JSON.stringify(answer),
        retain: false,
        expiry: ANSWER_EXPIRY,
        ...(correlationData === undefined ? {} : { correlationData }),
      },
      delivered,
    );
  }
}
