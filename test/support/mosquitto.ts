import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect as connectTcp, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type IClientOptions, type MqttClient } from 'mqtt';

/** A port of loopback that nobody listened on a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** A real broker, on loopback and a free port, that can be killed, frozen and started again. */
export class Mosquitto {
  port = 0;
  readonly host: string;
  readonly #namespace: string | undefined;
  #folder: string | undefined;
  #process: ChildProcess | undefined;

  /** @param at a network namespace that it runs in, and where it is reached from outside */
  constructor(at?: { namespace: string; host: string }) {
    this.host = at?.host ?? '127.0.0.1';
    this.#namespace = at?.namespace;
  }

  get url(): string {
    return `mqtt://${this.host}:${this.port}`;
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** @param lines more of its configuration. */
  async start(...lines: string[]): Promise<void> {
    if (this.port === 0) this.port = await freePort();
    this.#folder ??= await mkdtemp(join(tmpdir(), 'vedette-mosquitto-'));
    const file = join(this.#folder, 'mosquitto.conf');
    const access = lines.some((line) => line.startsWith('allow_anonymous')) ? [] : ['allow_anonymous true'];
    const address = this.#namespace === undefined ? this.host : '0.0.0.0';
    const text = [`listener ${this.port} ${address}`, 'log_dest none', ...access, ...lines].join('\n');
    await writeFile(file, `${text}\n`);
    // Whatever ip(8) is asked to run takes its place: the process is the broker.
    const [program = '', ...args] = [
      ...(this.#namespace === undefined ? [] : ['ip', 'netns', 'exec', this.#namespace]),
      ...['/usr/sbin/mosquitto', '-c', file],
    ];
    this.#process = spawn(program, args, { stdio: 'ignore' });
    await until(() => reachable(this.port, this.host), 'the broker listens');
  }

  /** Only this user gets in. */
  startWithPassword(user: string, password: string): Promise<void> {
    return this.startWithUsers([user], password);
  }

  /** Only these users get in, all with the same password. @param lines more of its configuration */
  async startWithUsers(users: readonly string[], password: string, ...lines: string[]): Promise<void> {
    this.#folder ??= await mkdtemp(join(tmpdir(), 'vedette-mosquitto-'));
    const file = join(this.#folder, 'passwd');
    await writeFile(file, '');
    for (const user of users) execFileSync('mosquitto_passwd', ['-b', file, user, password], { stdio: 'ignore' });
    // The broker gives up root before it reads them.
    execFileSync('chmod', ['-R', 'a+rX', this.#folder]);
    await this.start('allow_anonymous false', `password_file ${file}`, ...lines);
  }

  signal(name: NodeJS.Signals): void {
    this.#process?.kill(name);
  }

  async kill(): Promise<void> {
    const process = this.#process;
    this.#process = undefined;
    if (process === undefined || process.exitCode !== null || process.signalCode !== null) return;
    process.kill('SIGKILL');
    await once(process, 'exit');
  }

  async stop(): Promise<void> {
    await this.kill();
    if (this.#folder !== undefined) await rm(this.#folder, { recursive: true, force: true });
  }
}

/** A message as another client of the broker sees it. */
export interface SeenMessage {
  topic: string;
  text: string;
  retain: boolean;
  correlation: string | undefined;
}

/** Another client of the broker, which remembers what it was sent. */
export class Listener {
  readonly seen: SeenMessage[] = [];
  readonly client: MqttClient;

  constructor(url: string, options: IClientOptions = {}) {
    this.client = connect(url, { protocolVersion: 5, reconnectPeriod: 200, ...options });
    this.client.on('error', () => undefined);
    this.client.on('message', (topic, payload, { retain, properties }) => {
      this.seen.push({
        topic,
        text: payload.toString('latin1'),
        retain,
        correlation: properties?.correlationData?.toString(),
      });
    });
  }

  async subscribe(...filters: string[]): Promise<this> {
    await this.client.subscribeAsync(filters, { qos: 1 });
    return this;
  }

  /** What came on a topic, oldest first. */
  on(topic: string): SeenMessage[] {
    return this.seen.filter((message) => message.topic === topic);
  }

  /** The message with this place (from 0) on a topic, once it is there. */
  async message(topic: string, place = 0): Promise<SeenMessage> {
    await until(() => this.on(topic).length > place, `message ${place} on ${topic}`);
    return this.on(topic)[place] as SeenMessage;
  }

  async stop(): Promise<void> {
    await this.client.endAsync(true);
  }
}

/** Runs one of Mosquitto's own clients to its end. */
export async function mosquittoClient(
  program: 'mosquitto_rr' | 'mosquitto_pub' | 'mosquitto_sub',
  port: number,
  ...args: string[]
): Promise<{ code: number | null; output: string }> {
  const child = spawn(program, ['-h', '127.0.0.1', '-p', String(port), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}

/** Waits until it is so, generously, since the machine may be busy. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  milliseconds = 20_000,
): Promise<void> {
  const end = performance.now() + milliseconds;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`waited in vain: ${what}`);
    await sleep(20);
  }
}

function reachable(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectTcp(port, host);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
