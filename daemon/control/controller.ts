import { createHash } from 'node:crypto';
import type { Right } from '../access/access.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { AnswerMemory } from './answer-memory.ts';
import type { Command, Transport } from './command.ts';
import { COMMANDS } from './commands.ts';
import { ControlError, type ControlErrorCode, type GatewayPort } from './gateway-port.ts';
import { LogTail } from './log-tail.ts';
import { type ParsedRequest, parseRequest, RequestValidator, transactionOf } from './request.ts';
import type { Grant, RequestRights } from './request-rights.ts';
import { TokenBucket } from './token-bucket.ts';

/** A request as its transport received it; nothing of it is trusted. */
export interface CommandRequest {
  /** For example `stream/get`. */
  command: string;
  /** JSON text. */
  payload: Buffer;
  /** What the sender marked it with, so that a repetition is known; beside it the `transaction` serves. */
  correlation?: string;
  /** Milliseconds on the controller's clock after which the sender's transport wants it dropped. */
  expiresAt?: number;
  /** Signed by somebody who may let others ask for more ({@link RequestRights}). */
  token?: string;
  /** Who sent it, as far as its transport knows; who signed a token is known better. */
  sender: string;
  /** The transport had it stored: it may be of any age. */
  retained: boolean;
}

/** What every request gets exactly one of. */
export type Answer =
  | { status: 'ok'; data: unknown; transaction?: string }
  | { status: 'error'; error: { code: ControlErrorCode; message: string; path?: string }; transaction?: string };

export interface Execution {
  answer: Answer;
  /** To be called once the answer has gone out. */
  afterwards?: () => void;
}

export interface ControllerOptions {
  gateway: GatewayPort;
  rights: RequestRights;
  clock: Clock;
  log: Log;
}

/** How long a repeated request is answered from memory, in milliseconds. */
export const ANSWER_MEMORY = 5 * 60_000;
const MAX_UNDER_WAY = 32;
/** Requests a second that may come for long, and how many at once. */
const RATE = { perSecond: 20, burst: 100 };

/**
 * Carries out requests, whatever transport they came by: limits first, then the text, then the schema, then the
 * command. It never throws: what goes wrong is an answer with a code of the closed set.
 */
export class Controller {
  readonly #gateway: GatewayPort;
  readonly #rights: RequestRights;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #validator = new RequestValidator();
  readonly #bucket: TokenBucket;
  readonly #memory: AnswerMemory<Execution>;
  readonly #logTail: LogTail;
  #underWay = 0;

  constructor(options: ControllerOptions) {
    this.#gateway = options.gateway;
    this.#rights = options.rights;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#bucket = new TokenBucket({ ...RATE, clock: options.clock });
    this.#memory = new AnswerMemory({
      clock: options.clock,
      keep: ANSWER_MEMORY,
      maxEntries: 512,
      maxBytes: 1024 * 1024,
      notBegun: ({ answer }) => answer.status === 'error' && answer.error.code === 'busy',
      bytesOf: ({ answer }) => JSON.stringify(answer).length,
    });
    this.#logTail = new LogTail({ log: options.gateway.log, clock: options.clock });
  }

  /** Ends what goes on after its request. Idempotent. */
  stop(): void {
    this.#logTail.stop();
  }

  /** Never rejects. */
  async execute(request: CommandRequest, transport: Transport): Promise<Execution> {
    let transaction: string | undefined;
    try {
      if (!this.#bucket.take()) throw new ControlError('busy', 'too many requests; try again in a second');
      if (request.retained) throw new ControlError('invalid_request', 'retained requests are refused');
      const parsed = parseRequest(request.payload);
      transaction = parsed.transaction;
      const carryOut = () => this.#carryOut(request, parsed, transport);
      const key = repetitionKey(request, transaction);
      return key === undefined ? await carryOut() : await this.#memory.once(key, carryOut);
    } catch (error) {
      return { answer: this.#errorAnswer(request, error, transaction ?? transactionOf(request.payload)) };
    }
  }

  async #carryOut(request: CommandRequest, parsed: ParsedRequest, transport: Transport): Promise<Execution> {
    const { transaction } = parsed;
    try {
      this.#refuseExpired(request, parsed);
      const command = Object.hasOwn(COMMANDS, request.command) ? COMMANDS[request.command] : undefined;
      if (command === undefined) {
        throw new ControlError(
          'unknown_command',
          `there is no such command; there are ${Object.keys(COMMANDS).join(', ')}`,
        );
      }
      const grant = await this.#authorize(request, command, parsed.members);
      this.#validator.check(command, parsed.members);
      if (this.#underWay >= MAX_UNDER_WAY) throw new ControlError('busy', 'too many requests are under way');
      const by = grant.subject ?? request.sender;
      this.#log.debug({ command: request.command, transaction, by }, 'request');
      const stream = streamOf(parsed.members);
      const allows = (right: Right): boolean => grant.allows(request.command, right, stream);
      const context = { gateway: this.#gateway, transport, logTail: this.#logTail, allows, by };
      const data = await this.#within(command.timeLimit, async () => command.run(context, parsed.members));
      const answer: Answer = { status: 'ok', data, ...(transaction === undefined ? {} : { transaction }) };
      if (command.afterwards === undefined) return { answer };
      let due = true;
      return {
        answer,
        // A repetition is answered with the same object; what follows it is done once.
        afterwards: () => {
          if (due) command.afterwards?.(context);
          due = false;
        },
      };
    } catch (error) {
      return { answer: this.#errorAnswer(request, error, transaction) };
    }
  }

  /** @throws ControlError `forbidden`. */
  async #authorize(
    { command: name, token }: CommandRequest,
    { right }: Command,
    members: Record<string, unknown>,
  ): Promise<Grant> {
    const grant = await this.#rights.of(token);
    if (grant.allows(name, right, streamOf(members))) return grant;
    throw new ControlError('forbidden', `${name} needs the right '${right}', which this request does not have`);
  }

  #refuseExpired({ expiresAt }: CommandRequest, { deadline }: ParsedRequest): void {
    if (expiresAt !== undefined && this.#clock.now() >= expiresAt) {
      throw new ControlError('expired', 'the request came after its message expiry interval');
    }
    if (deadline !== undefined && this.#clock.wall() > deadline) {
      const now = new Date(this.#clock.wall()).toISOString();
      throw new ControlError('expired', `the request came after its deadline: it is ${now}`, '/deadline');
    }
  }

  /** The work's outcome, or `timeout`. Work that goes on afterwards still counts as under way. */
  async #within<T>(milliseconds: number, begin: () => Promise<T>): Promise<T> {
    this.#underWay += 1;
    const work = begin();
    const released = () => {
      this.#underWay -= 1;
    };
    work.then(released, released);
    return new Promise((resolve, reject) => {
      const timer = this.#clock.setTimeout(
        () => reject(new ControlError('timeout', `not done within ${milliseconds / 1000} s; it goes on`)),
        milliseconds,
      );
      work.then(resolve, reject).finally(() => this.#clock.clearTimeout(timer));
    });
  }

  #errorAnswer({ command }: CommandRequest, error: unknown, transaction: string | undefined): Answer {
    const marked = transaction === undefined ? {} : { transaction };
    if (error instanceof ControlError) {
      const { code, message, path } = error;
      this.#log.debug({ command: command.slice(0, 100), code, path, transaction }, `request refused: ${message}`);
      return { status: 'error', error: { code, message, ...(path === undefined ? {} : { path }) }, ...marked };
    }
    // What the gateway did not foresee is for its log; a peer learns only that it happened.
    this.#log.error({ err: error, command: command.slice(0, 100), transaction }, 'request failed');
    return { status: 'error', error: { code: 'internal', message: 'the gateway failed; its log says why' }, ...marked };
  }
}

/** The stream that a request is about, where it is about one. */
function streamOf({ name, stream }: Record<string, unknown>): string | undefined {
  const found = stream ?? name;
  return typeof found === 'string' ? found : undefined;
}

/** Requests with the same key are repetitions: same sender's mark, same command, same text. */
function repetitionKey(request: CommandRequest, transaction: string | undefined): string | undefined {
  const mark = request.correlation ?? transaction;
  if (mark === undefined) return undefined;
  const hash = createHash('sha256');
  for (const part of [mark, request.token ?? '', request.command, request.payload]) hash.update(part).update('\0');
  return hash.digest('base64');
}
