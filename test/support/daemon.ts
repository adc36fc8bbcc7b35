import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from './mosquitto.ts';

const MAIN = fileURLToPath(new URL('../../daemon/main.js', import.meta.url));

/** The real daemon, as `npm start` runs it, on free ports and with a state directory of its own. */
export class Daemon {
  /** Everything it wrote. */
  output = '';
  exit: { code: number | null; signal: NodeJS.Signals | null } | undefined;
  readonly folder = mkdtempSync(join(tmpdir(), 'vedette-daemon-'));
  readonly #settings: Record<string, string>;
  /** What its environment has besides ours. */
  readonly environment: Record<string, string> = {};
  #process: ChildProcess | undefined;

  /**
   * @param settings more settings by path, for example `rtmp.enabled: 'true'`; they are flags.
   * @param file the configuration file; with one there are no other flags.
   */
  constructor(settings: Record<string, string> = {}, file?: string) {
    if (file !== undefined) {
      writeFileSync(join(this.folder, 'vedette.yaml'), file);
      this.#settings = { stateDirectory: this.folder, ...settings };
      return;
    }
    this.#settings = {
      stateDirectory: this.folder,
      'gateway.id': 'porch',
      'rtsp.port': '0',
      'http.port': '0',
      'webrtc.port': '0',
      'rtmp.port': '0',
      'mqtt.embeddedPort': '0',
      ...settings,
    };
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** Starts it; resolves when it has printed its banner. */
  async start(): Promise<this> {
    this.output = '';
    this.exit = undefined;
    const args = Object.entries(this.#settings).flatMap(([path, value]) => ['--set', `${path}=${value}`]);
    const { JOURNAL_STREAM: _, ...env } = process.env;
    const { variables, flags } = interpreterLine();
    const child = spawn(process.execPath, [...flags, MAIN, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...env, ...variables, ...this.environment },
      cwd: this.folder,
    });
    this.#process = child;
    child.stdout.on('data', (text) => (this.output += text));
    child.stderr.on('data', (text) => (this.output += text));
    child.once('exit', (code, signal) => {
      this.exit = { code, signal };
    });
    await until(() => this.#greeted || this.exit !== undefined, 'the banner', 40_000);
    return this;
  }

  get #greeted(): boolean {
    return /^ {2}Access|^ {2}Source/m.test(this.output);
  }

  /** A line of the banner, without its label. */
  banner(label: string): string {
    const line = new RegExp(`^ {2}${label} +(.*)$`, 'm').exec(this.output)?.[1];
    if (line === undefined) throw new Error(`no ${label} in the banner:\n${this.output}`);
    return line;
  }

  get page(): string {
    return this.banner('Viewer');
  }

  get rtsp(): string {
    return this.banner('RTSP');
  }

  get mqttPort(): number {
    return Number(new URL(this.banner('MQTT').split(' ')[0] ?? '').port);
  }

  /** Process ids of its children whose command line has this text, oldest first. */
  children(text: string): number[] {
    const list = readFileSync(`/proc/${this.pid}/task/${this.pid}/children`, 'utf8').trim();
    return list
      .split(' ')
      .filter((pid) => pid !== '' && commandLine(pid).includes(text))
      .map(Number);
  }

  signal(name: NodeJS.Signals): void {
    this.#process?.kill(name);
  }

  /** Kills it and waits until it is gone; it may be started again. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (child === undefined || this.exit !== undefined) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  /** Asks it to end and waits; the milliseconds that it took. */
  async stop(): Promise<number> {
    const begin = performance.now();
    const child = this.#process;
    if (child !== undefined && this.exit === undefined) {
      child.kill('SIGTERM');
      const deadline = setTimeout(() => child.kill('SIGKILL'), 20_000);
      await once(child, 'exit');
      clearTimeout(deadline);
    }
    const took = performance.now() - begin;
    rmSync(this.folder, { recursive: true, force: true });
    return took;
  }
}

/** What the program's first line gives to Node: `#!/usr/bin/env -S NAME=value ... node --flag ...`. */
function interpreterLine(): { variables: Record<string, string>; flags: string[] } {
  const words = readFileSync(MAIN, 'utf8').split('\n', 1)[0]?.split(' ').slice(2) ?? [];
  const node = words.indexOf('node');
  return {
    variables: Object.fromEntries(words.slice(0, node).map((word) => word.split('=', 2))),
    flags: words.slice(node + 1),
  };
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    // It has just ended.
    return '';
  }
}
