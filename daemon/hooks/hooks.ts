import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { HookSettings } from '../../config/settings.ts';
import type { Log } from '../lib/log.ts';

/** An event as hooks see it; a port of this room. */
export interface HookEvent {
  readonly type: string;
  readonly stream?: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

export interface HooksOptions {
  /** By name. */
  settings: Readonly<Record<string, HookSettings>>;
  gatewayId: string;
  /** Where programs run. */
  directory: string;
  log: Log;
}

/** Events that wait for a run of their hook to end; more are dropped. */
const MAX_WAITING = 16;
/** Lines of a run that reach the log, and characters of each. */
const MAX_LINES = 100;
const MAX_LINE = 1000;
/** Milliseconds between SIGTERM and SIGKILL. */
const GRACE_MS = 2000;

interface Run {
  readonly ended: Promise<void>;
  end(signal: NodeJS.Signals): void;
}

/**
 * Runs the programs that the local configuration names for events: never through a shell, with an environment of
 * their own that knows no secret, bounded in time and number, and ended with the gateway.
 */
export class Hooks {
  readonly #hooks: readonly Hook[];

  constructor(options: HooksOptions) {
    this.#hooks = Object.entries(options.settings).map(([name, settings]) => new Hook(name, settings, options));
  }

  /** Never throws and never waits. */
  event(event: HookEvent): void {
    for (const hook of this.#hooks) hook.event(event);
  }

  /** Ends what runs, and resolves when it is gone. Idempotent. */
  async stop(): Promise<void> {
    await Promise.all(this.#hooks.map((hook) => hook.stop()));
  }
}

class Hook {
  readonly #settings: HookSettings;
  readonly #options: HooksOptions;
  readonly #log: Log;
  readonly #runs = new Set<Run>();
  readonly #waiting: HookEvent[] = [];
  #stopped = false;

  constructor(name: string, settings: HookSettings, options: HooksOptions) {
    this.#settings = settings;
    this.#options = options;
    this.#log = options.log.child({ hook: name });
  }

  event(event: HookEvent): void {
    const { on, streams, concurrency } = this.#settings;
    if (this.#stopped || !(on as readonly string[]).includes(event.type)) return;
    if (streams.length > 0 && !streams.includes(event.stream ?? '')) return;
    if (this.#runs.size < concurrency) this.#begin(event);
    else if (this.#waiting.length < MAX_WAITING) this.#waiting.push(event);
    else this.#log.warn({ type: event.type }, `${MAX_WAITING} events wait for this hook: one more is dropped`);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#waiting.length = 0;
    const runs = [...this.#runs];
    for (const run of runs) run.end('SIGTERM');
    const deadline = setTimeout(() => {
      for (const run of runs) run.end('SIGKILL');
    }, GRACE_MS);
    await Promise.all(runs.map(({ ended }) => ended));
    clearTimeout(deadline);
  }

  #begin(event: HookEvent): void {
    const run = this.#start(event);
    this.#runs.add(run);
    void run.ended.then(() => {
      this.#runs.delete(run);
      const next = this.#waiting.shift();
      if (next !== undefined) this.#begin(next);
    });
  }

  #start(event: HookEvent): Run {
    const { run, timeLimit } = this.#settings;
    const begin = performance.now();
    // The kernel ends it when we die; a group of its own, so that what it started ends with it.
    const child = spawn('setpriv', ['--pdeathsig', 'SIGKILL', '--', ...run], {
      stdio: ['pipe', 'pipe', 'pipe'],
      cwd: this.#options.directory,
      env: this.#environment(event),
      detached: true,
    });
    const log = this.#log.child({ type: event.type, pid: child.pid });
    const end = (signal: NodeJS.Signals): void => {
      if (child.pid !== undefined) signalGroup(child.pid, signal);
    };
    let late = false;
    const deadlines = [
      setTimeout(() => {
        late = true;
        end('SIGTERM');
      }, timeLimit * 1000),
      setTimeout(() => end('SIGKILL'), timeLimit * 1000 + GRACE_MS),
    ];
    // One that does not read its input is none the worse.
    child.stdin.on('error', () => undefined);
    child.stdin.end(`${JSON.stringify(event)}\n`);
    for (const output of [child.stdout, child.stderr]) relay(output, log);
    const ended = new Promise<void>((resolve) => {
      child.once('error', (error) => {
        log.error({ err: error }, `hook does not start: ${error.message}`);
        resolve();
      });
      child.once('exit', (code, signal) => {
        const milliseconds = Math.round(performance.now() - begin);
        const how = late ? `ended after its ${timeLimit} s` : `ended by ${signal ?? `exit code ${code}`}`;
        log[code === 0 ? 'debug' : 'warn']({ code, signal, milliseconds }, `hook ${how}`);
        end('SIGKILL');
        resolve();
      });
    }).finally(() => {
      for (const deadline of deadlines) clearTimeout(deadline);
    });
    return { ended, end };
  }

  #environment({ type, stream, data }: HookEvent): Record<string, string> {
    const { PATH = '/usr/local/bin:/usr/bin:/bin', LANG = 'C.UTF-8' } = process.env;
    return {
      PATH,
      LANG,
      HOME: this.#options.directory,
      VEDETTE_GATEWAY: this.#options.gatewayId,
      VEDETTE_EVENT: type,
      ...(stream === undefined ? {} : { VEDETTE_STREAM: stream }),
      ...(typeof data?.to === 'string' ? { VEDETTE_STATE: data.to } : {}),
    };
  }
}

/** A process and all that it started and that did not leave its group; none is left once the last one is gone. */
function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** What a program says goes to the log, as far as it stays short. */
function relay(output: Readable, log: Log): void {
  let lines = 0;
  createInterface({ input: output }).on('line', (line) => {
    lines += 1;
    if (lines <= MAX_LINES) log.info({}, line.slice(0, MAX_LINE));
    else if (lines === MAX_LINES + 1) log.warn({}, `more than ${MAX_LINES} lines: the others are left out`);
  });
}
