import {
  type ChildProcess,
  fork,
  type SendHandle,
  type Serializable,
  type StdioOptions,
  spawn,
} from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Log } from './log.ts';

export interface ChildOptions {
  /**
   * A module of ours (an IPC channel comes with it; `execArgv` are options of Node over those with which this process
   * loads its modules), or a program found on PATH with its arguments: never through a shell.
   */
  run:
    | { module: URL; args?: readonly string[]; execArgv?: readonly string[] }
    | { program: string; args: readonly string[] };
  /** What log lines call it. */
  name: string;
  log: Log;
  /** How many byte pipes it has besides standard error (and IPC). In a module the first one is descriptor 4, in a program 3. */
  pipes?: number;
  /** More environment, over the daemon's own. */
  env?: Readonly<Record<string, string>>;
  /** Milliseconds between asking it to stop and SIGKILL. */
  stopDeadline?: number;
  /** Sees every line of its standard error that is no log line of ours; those for which it returns true are not logged. */
  take?: (line: string) => boolean;
}

/** How a child ended. `asked`: we had called stop() or kill(). `killed`: by kill(), asked or not. */
export interface ChildExit {
  asked: boolean;
  killed: boolean;
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A JSON line on a child's standard error becomes a log line with its level; anything else one at level `warn`. */
interface ChildLogLine {
  level: 'debug' | 'info' | 'warn' | 'error';
  message: string;
}

/**
 * One life of a child process. Commands and state go over IPC (structured clone, so Buffers pass), media over pipes,
 * logs over standard error as JSON lines. "We closed it" and "it died" are told apart; a restart is a new object.
 */
export class Child<Sent extends Serializable, Received> {
  /** The byte pipes, in order. */
  readonly pipes: readonly Duplex[];
  /** Resolves when the process is gone, however that came; never rejects. */
  readonly exited: Promise<ChildExit>;
  readonly #process: ChildProcess;
  readonly #stopDeadline: number;
  #asked = false;
  #killed = false;

  constructor(options: ChildOptions) {
    const { run, log } = options;
    this.#stopDeadline = options.stopDeadline ?? 2000;
    const module = 'module' in run;
    const stdio: StdioOptions = module ? ['ignore', 'ignore', 'pipe', 'ipc'] : ['ignore', 'ignore', 'pipe'];
    for (let i = 0; i < (options.pipes ?? 0); i++) stdio.push('pipe');
    const env = { ...process.env, ...options.env };
    // A module of ours ends when its channel closes; a program knows nothing of us, so the kernel ends it when we die.
    this.#process = module
      ? fork(fileURLToPath(run.module), run.args ?? [], {
          stdio,
          env,
          execArgv: [...loaderOptions(process.execArgv), ...(run.execArgv ?? [])],
          serialization: 'advanced',
        })
      : spawn('setpriv', ['--pdeathsig', 'SIGKILL', '--', run.program, ...run.args], { stdio, env });
    this.pipes = (this.#process.stdio.slice(module ? 4 : 3) as Duplex[]).map((pipe) => {
      // The end of a pipe shows as the end of the process; a write after it is no news.
      pipe.on('error', (error) => log.debug({ err: error, child: options.name }, 'pipe to child closed'));
      return pipe;
    });
    this.#relayLog(options);
    this.exited = new Promise((resolve) => {
      this.#process.on('error', (error) => {
        log.error({ err: error, child: options.name }, `${options.name}: ${error.message}`);
        // The same event tells of a signal or a message that did not arrive, at a process that lives.
        if (this.#process.pid === undefined) resolve({ asked: this.#asked, killed: false, code: null, signal: null });
      });
      this.#process.once('exit', (code, signal) => resolve({ asked: this.#asked, killed: this.#killed, code, signal }));
    });
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  get running(): boolean {
    return this.#process.pid !== undefined && this.#process.exitCode === null && this.#process.signalCode === null;
  }

  onMessage(listener: (message: Received) => void): void {
    this.#process.on('message', (message) => listener(message as Received));
  }

  /** Sends a command; false when the child is gone, which {@link exited} tells too. */
  send(message: Sent, handle?: SendHandle): boolean {
    if (!this.#process.connected) return false;
    // Its own result tells of a full channel, too, where the message does arrive.
    this.#process.send(message, handle, {}, () => undefined);
    return true;
  }

  /** Asks the child to stop, by `message` or else by SIGTERM, and kills it after the deadline. Idempotent. */
  async stop(message?: Sent): Promise<ChildExit> {
    if (!this.#asked && this.running) {
      this.#asked = true;
      if (message === undefined || !this.send(message)) this.#process.kill('SIGTERM');
      const deadline = setTimeout(() => this.#process.kill('SIGKILL'), this.#stopDeadline);
      void this.exited.then(() => clearTimeout(deadline));
    }
    return this.exited;
  }

  /** Ends it at once: for one that hangs. With `asked` false the end counts as its death. */
  kill(asked = true): void {
    if (asked) this.#asked = true;
    this.#killed = true;
    this.#process.kill('SIGKILL');
  }

  #relayLog({ name, log, take }: ChildOptions): void {
    if (this.#process.stderr === null) return;
    const child = log.child({ child: name, pid: this.#process.pid });
    createInterface({ input: this.#process.stderr }).on('line', (line) => {
      const parsed = parseLogLine(line);
      if (parsed !== undefined) child[parsed.level](parsed.fields, parsed.message);
      else if (line.trim() !== '' && take?.(line) !== true) child.warn({}, line.slice(0, 2000));
    });
  }
}

/**
 * Of this process's options those by which modules are found and translated. Others must not be inherited: with `--eval`
 * the child would run our program instead of its own, and so would its children.
 */
export function loaderOptions(execArgv: readonly string[]): string[] {
  const kept: string[] = [];
  for (let i = 0; i < execArgv.length; i++) {
    const option = execArgv[i] as string;
    if (!/^(--import|--require|-r|--(experimental-)?loader|--conditions|-C|--enable-source-maps)(=|$)/.test(option))
      continue;
    kept.push(option);
    const value = execArgv[i + 1];
    if (!option.includes('=') && option !== '--enable-source-maps' && value !== undefined) kept.push(value);
  }
  return kept;
}

const LEVELS: ReadonlySet<string> = new Set(['debug', 'info', 'warn', 'error']);

function parseLogLine(line: string): { level: ChildLogLine['level']; message: string; fields: object } | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const { level, message, ...fields } = JSON.parse(line) as ChildLogLine;
    return LEVELS.has(level) && typeof message === 'string' ? { level, message, fields } : undefined;
  } catch {
    return undefined;
  }
}

/** The other end of the log relay: what a child module uses as its Log. */
export function childLog(bindings: Record<string, unknown> = {}): Log {
  const write =
    (level: ChildLogLine['level']) =>
    (fields: object, message = '') => {
      process.stderr.write(`${JSON.stringify({ ...bindings, ...fields, level, message }, errorsAsText)}\n`);
    };
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: (more) => childLog({ ...bindings, ...more }),
  };
}

function errorsAsText(_key: string, value: unknown): unknown {
  return value instanceof Error ? (value.stack ?? value.message) : value;
}
