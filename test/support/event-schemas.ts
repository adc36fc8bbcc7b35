import { Ajv } from 'ajv';
import { EVENTS } from '../../daemon/control/events.ts';

const ajv = new Ajv({ strict: true });
const envelope = { id: { type: 'string' }, time: { type: 'string' }, uptime: { type: 'number' } } as const;
const VALIDATORS = new Map(
  Object.entries(EVENTS).map(([type, { stream, data }]) => {
    const properties = { ...envelope, type: { const: type }, data: { ...data, additionalProperties: false } };
    const required = [...Object.keys(properties), ...(stream ? ['stream'] : [])];
    const schema = { type: 'object', properties: { ...properties, stream: { type: 'string' } }, required };
    return [type, ajv.compile({ ...schema, additionalProperties: false })];
  }),
);

/** What is wrong with events as they came: each must be of a known type and say nothing that is not described. */
export function eventProblems(texts: readonly string[]): string[] {
  return texts.flatMap((text) => {
    const validate = VALIDATORS.get((JSON.parse(text) as { type: string }).type);
    if (validate === undefined) return [`unknown type: ${text}`];
    return validate(JSON.parse(text)) ? [] : [`${JSON.stringify(validate.errors)}: ${text}`];
  });
}
