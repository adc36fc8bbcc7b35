import type { Right } from '../access/access.ts';
import type { GatewayPort } from './gateway-port.ts';
import type { LogTail } from './log-tail.ts';
import { streamName } from './schemas.ts';

/** Where a request came from can take more than an answer: declared here, given by the transport with each request. */
export interface Transport {
  /** Where lines of log go. */
  readonly logTopic: string;
  /**
   * Delivers one picture of the stream to whoever listens there.
   * @returns the topic it went to.
   * @throws ControlError `unavailable` when it cannot be delivered now.
   */
  publishSnapshot(streamName: string, jpeg: Buffer): Promise<string>;
  /** Takes a line of log for whoever listens there; never blocks. */
  publishLogLine(line: string): void;
}

export interface CommandContext {
  gateway: GatewayPort;
  transport: Transport;
  logTail: LogTail;
  /** Whether who asks may do more than the command needs. */
  allows: (right: Right) => boolean;
  /** Who asks: the subject of a token, else who sent it as far as the transport knows. */
  by: string;
}

/** A JSON Schema (draft 07) of an object. */
export interface SchemaObject {
  readonly type: 'object';
  readonly properties: Readonly<Record<string, object>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean;
}

export interface Command {
  summary: string;
  /** The right that a principal needs where principals are told apart. */
  right: Right;
  /** JSON Schema of the request's members, without the common ones (`transaction`, `deadline`). */
  request: SchemaObject;
  /** A request that the documents show; without one the empty object. */
  example?: object;
  /** JSON Schema of `data` in the answer. */
  result: SchemaObject;
  /** Milliseconds until the request is answered with `timeout`; what was begun goes on. */
  timeLimit: number;
  /** Carries it out with a request that has passed its schema. */
  run(context: CommandContext, request: unknown): object | Promise<object>;
  /** What is left to do once the answer has gone out. */
  afterwards?(context: CommandContext): void;
}

interface CommandDefinition<Request> extends Omit<Command, 'run' | 'timeLimit'> {
  timeLimit?: number;
  run(context: CommandContext, request: Request): object | Promise<object>;
}

const DEFAULT_TIME_LIMIT = 10_000;

/** @typeParam Request what the request's schema says, so that the handler is checked against it. */
export function command<Request>(definition: CommandDefinition<Request>): Command {
  return { timeLimit: DEFAULT_TIME_LIMIT, ...definition } as Command;
}

/** The request of a command that needs nothing. */
export const noMembers = { type: 'object', properties: {}, additionalProperties: false } as const;

/** The request of a command about one stream. */
export const byName = {
  type: 'object',
  properties: { name: streamName },
  required: ['name'],
  additionalProperties: false,
} as const;

/** The answer of a command that has nothing to tell. */
export const nothing = { type: 'object', properties: {}, additionalProperties: true } as const;

/** Milliseconds that a source may take to its first picture; a USB camera takes up to some seconds. */
export const START_TIME_LIMIT = 20_000;
