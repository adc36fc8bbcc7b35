import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LoadedConfig } from '../../../config/settings.ts';
import { COMMANDS } from '../../control/commands.ts';
import type { Answer } from '../../control/controller.ts';
import { localBrokerUrls } from '../../control/mqtt/broker.ts';
import { MqttError } from '../../control/mqtt/mqtt-error.ts';
import { readFirstLine } from '../../lib/small-file.ts';
import type { CtlArguments } from '../command.ts';
import type { Terminal } from '../run-command.ts';
import { answerText, printable } from './answer-text.ts';
import { CtlError, EXIT_CODES } from './exit-codes.ts';
import { asCtlError, Fleet, type FleetOptions } from './fleet.ts';
import { logLine, logSeconds, logText } from './log-lines.ts';
import { checkCommand, requestMembers } from './request-members.ts';
import { takeSnapshot } from './snapshot.ts';
import { parseTarget, type Target } from './target.ts';
import { Watch } from './watch.ts';

export interface CtlContext {
  config: LoadedConfig;
  terminal: Terminal;
  env: NodeJS.ProcessEnv;
}

/** Milliseconds that an answer may be under way, beside the time that the gateway takes for it. */
const ON_THE_WAY = 2000;
/** Milliseconds for a gateway that the broker has never heard of. */
const UNKNOWN_LIMIT = 2000;
/** Ids that are listed in a message; there may be a thousand. */
const MAX_LISTED = 8;
const MAX_TOKEN_BYTES = 8192;
/** q, Ctrl-C, Ctrl-D. */
const END_KEYS = ['q', 'Q', '\u0003', '\u0004'];

/** Carries out `vedette ctl`. Returns the exit code. */
export async function runCtl(request: CtlArguments, context: CtlContext): Promise<number> {
  const { stderr } = context.terminal;
  let url = '';
  try {
    const { settings } = context.config;
    const target = parseTarget(request.target, settings.gateway.id);
    const { command } = request;
    const members = command === 'watch' ? {} : readMembers(request, target);
    const options = await fleetOptions(request, context);
    url = options.urls[0] ?? '';
    if (command === 'watch') return await watch(options, target, context);
    const fleet = await Fleet.connect(options);
    try {
      return await new Asking(fleet, request, context.terminal).ask(target, members);
    } finally {
      await fleet.close();
    }
  } catch (error) {
    const failure = error instanceof MqttError ? asCtlError(error, url) : error;
    if (!(failure instanceof CtlError)) throw failure;
    stderr.write(`${failure.message}\n`);
    return EXIT_CODES[failure.code].code;
  }
}

function readMembers({ command, words, output }: CtlArguments, target: Target): Record<string, unknown> {
  if (command === 'snapshot') {
    if (!('id' in target)) throw new CtlError('usage', 'a snapshot is taken of one gateway');
    return words.length === 0 ? {} : requestMembers('stream/snapshot', words);
  }
  if (output !== undefined) throw new CtlError('usage', '--output is for snapshot');
  checkCommand(command);
  return requestMembers(command, words);
}

async function fleetOptions({ tokenFile }: CtlArguments, { config, env }: CtlContext): Promise<FleetOptions> {
  const { mqtt, stateDirectory } = config.settings;
  const urls = mqtt.url === '' ? await localBrokerUrls(join(stateDirectory, 'mqtt'), mqtt.embeddedPort) : [mqtt.url];
  return { settings: mqtt, urls, token: await readToken(tokenFile, env) };
}

async function readToken(file: string | undefined, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  if (file === undefined) return env.VEDETTE_CTL_TOKEN || undefined;
  return readFirstLine(file, MAX_TOKEN_BYTES).catch((error: Error) => {
    throw new CtlError('config', `cannot read ${file}: ${error.message}`, { cause: error });
  });
}

/** Until q, Ctrl-C or a signal. */
async function watch(fleet: FleetOptions, target: Target, { terminal, env }: CtlContext): Promise<number> {
  const { stdin } = terminal;
  let release = (): void => undefined;
  const ended = new Promise<void>((resolve) => {
    const end = (): void => resolve();
    const key = (text: Buffer | string): void => {
      if (END_KEYS.some((each) => text.toString().includes(each))) end();
    };
    process.once('SIGINT', end).once('SIGTERM', end);
    if (stdin.isTTY) {
      stdin.setRawMode(true);
      stdin.on('data', key).resume();
    }
    release = () => {
      process.off('SIGINT', end).off('SIGTERM', end);
      if (!stdin.isTTY) return;
      stdin.off('data', key).pause();
      stdin.setRawMode(false);
    };
  });
  try {
    await new Watch({ fleet, target, terminal, env }).run(ended);
    return EXIT_CODES.ok.code;
  } finally {
    release();
  }
}

/** One command for one or many gateways, each answer shown as it comes. */
class Asking {
  readonly #fleet: Fleet;
  readonly #request: CtlArguments;
  readonly #terminal: Terminal;
  #many = false;
  #answered = 0;
  #failed = 0;
  readonly #silent: string[] = [];
  /** Seconds for which lines of log come now. */
  #logged = 0;

  constructor(fleet: Fleet, request: CtlArguments, terminal: Terminal) {
    this.#fleet = fleet;
    this.#request = request;
    this.#terminal = terminal;
  }

  async ask(target: Target, members: Record<string, unknown>): Promise<number> {
    const { command, timeout } = this.#request;
    this.#many = !('id' in target);
    const ids = await this.#gateways(target);
    const name = command === 'snapshot' ? 'stream/snapshot' : command;
    const needed = (COMMANDS[name]?.timeLimit ?? 0) + ON_THE_WAY;
    const ask = async (id: string): Promise<void> => {
      const limit = timeout ?? (this.#fleet.available.has(id) ? needed : UNKNOWN_LIMIT);
      const answer =
        command === 'snapshot'
          ? await this.#snapshot(id, members, limit)
          : await this.#fleet.ask(id, command, members, limit);
      this.#show(id, answer);
    };
    if (command === 'log/tail') await this.#followLogs(target);
    await Promise.all(ids.map(ask));
    const code = this.#end();
    if (this.#logged > 0) await Promise.race([sleep(this.#logged * 1000), this.#fleet.closed]);
    return code;
  }

  /** The answer only says where the lines go. */
  #followLogs(target: Target): Promise<void> {
    const { stdout } = this.#terminal;
    const filter = this.#fleet.topics('id' in target ? target.id : '+').log;
    return this.#fleet.follow([filter], ({ topic, payload }) => {
      const { id = '', rest } = this.#fleet.partsOf(topic) ?? {};
      if (rest !== 'log' || ('matches' in target && !target.matches(id))) return;
      const line = logLine(payload);
      if (this.#request.json) stdout.write(`${JSON.stringify({ gateway: id, log: line })}\n`);
      else stdout.write(`${this.#many ? `${printable(id)}: ` : ''}${logText(line)}\n`);
    });
  }

  /** Those that are there. @throws CtlError `nobody` */
  async #gateways(target: Target): Promise<string[]> {
    const { available } = this.#fleet;
    await this.#fleet.discover('id' in target ? target.id : undefined);
    if ('id' in target) {
      if (available.get(target.id) !== false) return [target.id];
      throw new CtlError('nobody', `${target.id} is offline; nothing was sent to it`);
    }
    const ids = [...available.keys()].filter(target.matches).sort();
    const online = ids.filter((id) => available.get(id));
    const offline = ids.filter((id) => !available.get(id));
    if (online.length > 0) {
      if (offline.length > 0) this.#terminal.stderr.write(`offline, not asked: ${list(offline)}\n`);
      return online;
    }
    if (offline.length > 0) throw new CtlError('nobody', `nobody is online; offline are ${list(offline)}`);
    throw new CtlError('nobody', `no such gateway on this broker; ${this.#known()}`);
  }

  #known(): string {
    const ids = [...this.#fleet.available.keys()].sort();
    if (ids.length > 0) return `there are ${list(ids)}`;
    return `none was ever seen under ${this.#fleet.topics('+').availability}`;
  }

  async #snapshot(id: string, members: Record<string, unknown>, limit: number): Promise<Answer | undefined> {
    let stream = members.name as string | undefined;
    if (stream === undefined) {
      const answer = await this.#fleet.ask(id, 'stream/list', {}, limit);
      if (answer?.status !== 'ok') return answer;
      const { streams } = answer.data as { streams: { name: string }[] };
      if (streams.length !== 1) {
        const names = streams.map(({ name }) => `name=${printable(name)}`).join(', ');
        throw new CtlError('usage', `${id} has ${streams.length} streams; say which: ${names}`);
      }
      stream = streams[0]?.name ?? '';
    }
    const file = this.#request.output ?? `${id}-${stream}.jpg`;
    return takeSnapshot(this.#fleet, id, { stream, file, limit }, this.#terminal);
  }

  #show(id: string, answer: Answer | undefined): void {
    const { json, command } = this.#request;
    const { stdout, stderr } = this.#terminal;
    if (answer === undefined) this.#silent.push(id);
    else this.#answered += 1;
    if (answer?.status === 'error') this.#failed += 1;
    else if (command === 'log/tail') this.#logged = Math.max(this.#logged, logSeconds(answer));
    if (json) {
      const { transaction: _, ...told } = answer ?? { status: 'no-answer' as const, transaction: undefined };
      stdout.write(`${JSON.stringify({ gateway: id, ...told })}\n`);
    } else if (answer?.status === 'error') {
      stderr.write(`${id}: ${answer.error.code}: ${printable(answer.error.message)}\n`);
    } else if (answer !== undefined && command !== 'snapshot') {
      const text = answerText(answer.data) || 'done';
      const lines = text.split('\n');
      if (!this.#many) stdout.write(`${text}\n`);
      else if (lines.length === 1) stdout.write(`${id}: ${text}\n`);
      else stdout.write(`${id}:\n${lines.map((line) => `  ${line}\n`).join('')}`);
    }
  }

  #end(): number {
    const silent = this.#silent.sort();
    if (silent.length > 0) {
      const unknown = !this.#many && !this.#fleet.available.has(silent[0] ?? '');
      const hint = unknown ? `; the broker has never heard of it, ${this.#known()}` : '';
      this.#terminal.stderr.write(`no answer in time from ${list(silent)}${hint}\n`);
    }
    if (this.#many) {
      const asked = this.#answered + silent.length;
      const errors = this.#failed === 0 ? '' : `, ${this.#failed} with an error`;
      this.#terminal.stderr.write(`${this.#answered} of ${asked} answered${errors}\n`);
    }
    if (this.#answered === 0) return EXIT_CODES.nobody.code;
    if (this.#failed > 0) return EXIT_CODES.error.code;
    return silent.length > 0 ? EXIT_CODES.some.code : EXIT_CODES.ok.code;
  }
}

function list(ids: readonly string[]): string {
  const shown = ids.slice(0, MAX_LISTED).map(printable).join(', ');
  return ids.length > MAX_LISTED ? `${shown} and ${ids.length - MAX_LISTED} more` : shown;
}
