import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv, type ValidateFunction } from 'ajv';
import { parse } from 'yaml';
import { projectRoot } from './project-root.ts';

interface Channel {
  address: string;
  messages: Record<string, { contentType?: string; payload: object }>;
}

interface AsyncApi {
  channels: Record<string, Channel>;
  components: object;
}

export const ASYNCAPI_TEXT = readFileSync(join(projectRoot(), 'docs/asyncapi.yaml'), 'utf8');

interface Checker {
  topic: RegExp;
  json: boolean;
  validate: ValidateFunction;
}

/** Whether messages of a gateway are what docs/asyncapi.yaml says. */
export class ApiDocument {
  readonly #checkers: Checker[];

  /** @param base `<mqtt.baseTopic>/<gateway.id>`. */
  constructor(base: string) {
    const { channels, components } = parse(ASYNCAPI_TEXT) as AsyncApi;
    const ajv = new Ajv({ strict: false });
    this.#checkers = Object.values(channels).map(({ address, messages }) => {
      const topic = address.replace('{base}', base).replace(/\{\w+\}/g, '[^/]+');
      const [message] = Object.values(messages);
      return {
        topic: new RegExp(`^${topic}$`),
        json: message?.contentType === 'application/json',
        validate: ajv.compile({ ...message?.payload, components }),
      };
    });
  }

  /** What is wrong with a message, or undefined. A retained topic is cleared by an empty payload. */
  problem(topic: string, text: string, retained: boolean): string | undefined {
    const checker = this.#checkers.find((candidate) => candidate.topic.test(topic));
    if (checker === undefined) return `${topic}: not in the document`;
    if (text === '' && retained) return undefined;
    const { validate, json } = checker;
    if (validate(json ? JSON.parse(text) : text)) return undefined;
    return `${topic}: ${JSON.stringify(validate.errors)} ${text.slice(0, 500)}`;
  }
}
