import type { Answer } from '../../control/controller.ts';
import { printable } from './answer-text.ts';

/** A line of a gateway's log; what cannot be read is the message itself. */
export function logLine(payload: Buffer): Record<string, unknown> {
  try {
    return JSON.parse(payload.toString()) as Record<string, unknown>;
  } catch {
    return { msg: payload.toString() };
  }
}

/** The same for people: when, how important, who, what, and with what. */
export function logText({ time = '', level = '', room = '', msg = '', ...fields }: Record<string, unknown>): string {
  const more = Object.entries(fields).map(([name, value]) => `${name}=${printable(value)}`);
  return [time, level, room, msg, ...more]
    .map(printable)
    .filter((part) => part !== '')
    .join(' ');
}

/** How long lines come after this answer to `log/tail`, in seconds. */
export function logSeconds(answer: Answer | undefined): number {
  const { seconds } = (answer?.status === 'ok' ? answer.data : {}) as { seconds?: unknown };
  return typeof seconds === 'number' ? seconds : 0;
}
