// The machine of the lab, and how it is watched from outside: what the checks are made of.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { vmExec } from './vm-exec.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));
export const ROOT = join(HERE, '../..');
const NAME = process.env.VMLAB_NAME ?? 'gateway';
const RUN = join(process.env.VMLAB_RUN ?? join(tmpdir(), 'vmlab-run'), NAME);
export const USER = 'ann';
export const PASSWORD = 'correct horse battery staple';
export const basic = `Basic ${Buffer.from(`${USER}:${PASSWORD}`).toString('base64')}`;
export const overTcp = ['-rtsp_transport', 'tcp', '-timeout', '60000000'];
/** An emulated processor is an order of magnitude slower than a board. */
export const PATIENCE_MS = 120_000;

export const totals = { passed: 0, failed: 0 };

/** One line for what an action found: its note, or what it threw. */
export async function check(name, action) {
  const start = Date.now();
  const result = await action().then(
    (note) => ({ ok: true, note }),
    (error) => ({ ok: false, note: error.message ?? String(error) }),
  );
  tell({ name, seconds: (Date.now() - start) / 1000, ...result });
}

export function tell({ name, seconds, ok, note }) {
  totals[ok ? 'passed' : 'failed'] += 1;
  const line = `${ok ? 'ok  ' : 'FAIL'} ${seconds.toFixed(1).padStart(6)} s  ${name}`;
  if (ok) console.log(note === undefined ? line : `${line}: ${note}`);
  else console.log(`${line}\n${note.replace(/^/gm, '       ')}`);
}

export function expect(condition, complaint) {
  if (!condition) throw new Error(complaint);
}

/** What no waiting mends. */
class Final extends Error {}

/** Repeats until it does not throw. */
export async function eventually(action, timeout = PATIENCE_MS, pause = 1000) {
  const end = Date.now() + timeout;
  for (;;) {
    try {
      return await action();
    } catch (error) {
      if (error instanceof Final || Date.now() > end) throw error;
      await sleep(pause);
    }
  }
}

/** Half and 95 of 100 of them are no greater. */
export function percentiles(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]);
  return { p50: at(0.5), p95: at(0.95), max: at(1) };
}

/** Runs a command in the machine; its output. @throws Error with all it said when it fails. */
export async function guest(command, { timeout = 300, input } = {}) {
  const { code, stdout, stderr } = await vmExec(NAME, command, { timeout, input });
  if (code !== 0) throw new Error(`${command}\n(exit ${code})\n${stdout}${stderr}`.trim());
  return stdout.toString().trim();
}

/** Runs a program on this side; what it said and how it ended. */
export function host(program, args, timeout = PATIENCE_MS) {
  const { status, stdout, stderr, error } = spawnSync(program, args, { timeout, maxBuffer: 64 * 1024 * 1024 });
  if (error !== undefined) throw new Error(`${program}: ${error.message}\n${stderr}`);
  return { status, stdout, stderr: stderr.toString() };
}

function shell(script, args, env = {}) {
  const { status } = spawnSync('bash', [join(HERE, script), ...args], {
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  if (status !== 0) throw new Error(`${script} failed`);
}

/** The ports of this side that lead to the machine's; a machine that was left running has kept its own. */
const PORTS = join(RUN, 'ports');
const running = existsSync(join(RUN, 'pid')) && existsSync(PORTS);
const [rtspPort, httpPort] = running ? JSON.parse(readFileSync(PORTS, 'utf8')) : await freePorts(2);

/** Starts the machine, unless it was left running. */
export function up() {
  if (running) return;
  shell('build-image.sh', []);
  shell('vm-up.sh', [NAME], {
    VMLAB_PROJECT: ROOT,
    VMLAB_NET: 'restrict',
    VMLAB_FWD: `tcp:${rtspPort}:8554 tcp:${httpPort}:8080`,
  });
  writeFileSync(PORTS, JSON.stringify([rtspPort, httpPort]));
}

export function down() {
  if (process.env.VMLAB_KEEP_UP === undefined) shell('vm-down.sh', [NAME, '--now']);
}

async function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(
      (server) => new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port))),
    ),
  );
  for (const server of servers) server.close();
  return ports;
}

export const rtspUrl = (stream, credentials = `${USER}:${encodeURIComponent(PASSWORD)}@`) =>
  `rtsp://${credentials}127.0.0.1:${rtspPort}/${stream}`;
export const httpUrl = (path) => `http://127.0.0.1:${httpPort}${path}`;

export async function snapshot(stream = 'camera') {
  const response = await fetch(httpUrl(`/streams/${stream}/snapshot.jpg`), {
    headers: { authorization: basic },
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  const bytes = Buffer.from(await response.arrayBuffer());
  expect(response.status === 200 && bytes.readUInt16BE(0) === 0xffd8, `${response.status}: ${bytes.subarray(0, 300)}`);
  return bytes;
}

/** Of a JPEG, rounded. */
export function meanLuma(jpeg) {
  const measure = ['-vf', 'signalstats,metadata=print:key=lavfi.signalstats.YAVG:file=-', '-f', 'null', '-'];
  const { status, stdout, stderr } = spawnSync('ffmpeg', ['-v', 'error', '-f', 'mjpeg', '-i', '-', ...measure], {
    input: jpeg,
  });
  const [, mean] = /YAVG=([\d.]+)/.exec(stdout) ?? [];
  expect(status === 0 && mean !== undefined, `not a JPEG: ${stderr}`);
  return Math.round(Number(mean));
}

export function decode(args) {
  const input = ['-v', 'info', ...overTcp, '-i', rtspUrl('camera')];
  const { status, stderr } = host('ffmpeg', [...input, ...args, '-f', 'null', '-']);
  expect(status === 0, stderr.slice(-2000));
  return stderr;
}

/** What the gateway answers to a request. */
export const request = async (command, payload) =>
  JSON.parse(
    await guest(
      `mosquitto_rr -V 5 -W 30 -t vedette/vmlab/request/${command} -e vedette/vmlab/response/test ` +
        `-m '${JSON.stringify(payload)}'`,
    ),
  );

/** A stream's state as the broker has it. */
export const state = async (stream = 'camera') =>
  JSON.parse(await guest(`mosquitto_sub -t 'vedette/+/streams/${stream}/state' -C 1 -W 20`, { timeout: 60 }));

export async function untilState(wanted, stream = 'camera') {
  return eventually(async () => {
    const found = await state(stream);
    expect(found.state === wanted, `the stream is ${found.state} (${found.reason ?? ''}), not ${wanted}`);
    return found;
  });
}

const MEASURES = {
  video: ['-vf', 'signalstats,metadata=print:key=lavfi.signalstats.YAVG:file=-:direct=1', '-an'],
  audio: ['-af', 'astats=metadata=1:reset=1,ametadata=print:key=lavfi.astats.Overall.RMS_level:file=-:direct=1'],
};

/** An RTSP viewer who decodes on and on, and notes when each picture came, its place in the stream and its mean luma (of sound: its level in dB). */
export class Viewer {
  /** `at`: when it was decoded, of `performance.now()`; `time`: seconds of the stream. */
  pictures = [];
  complaints = '';
  #child;
  #rest = '';
  #time = 0;
  /** Of `performance.now()`, when the stream's time was 0: by the picture that came with the least delay. */
  #beginning = Infinity;

  constructor(stream = 'camera', kind = 'video') {
    const input = ['-v', 'error', '-threads', '1', '-fflags', 'nobuffer', ...overTcp, '-i', rtspUrl(stream)];
    const output = ['-map', `0:${kind[0]}`, ...MEASURES[kind], '-fps_mode', 'passthrough', '-f', 'null', '-'];
    this.#child = spawn('ffmpeg', [...input, ...output], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child.stdout.setEncoding('utf8').on('data', (text) => this.#read(text));
    this.#child.stderr.on('data', (text) => {
      this.complaints += text;
    });
  }

  /** One who is let in and sees such a picture; a slow machine may refuse the first ones, whose camera does not start in time. */
  static async whoSees(wanted, what, ...args) {
    for (let tries = 4; ; tries--) {
      const viewer = new Viewer(...args);
      try {
        await viewer.sees(wanted, what);
        return viewer;
      } catch (error) {
        viewer.stop();
        if (!(error instanceof Final) || tries === 0) throw error;
      }
    }
  }

  get running() {
    return this.#child.exitCode === null;
  }

  stop() {
    this.#child.kill('SIGKILL');
  }

  /** When a picture was captured, of `performance.now()`: a decoder may keep the last one until another comes. */
  #capturedAt({ time }) {
    return this.#beginning + time * 1000;
  }

  /** The first picture captured from now on (or from `since`) that is as wanted; the time until it came, in milliseconds. */
  async sees(wanted, what, since = performance.now()) {
    let next = this.pictures.findIndex((picture) => this.#capturedAt(picture) >= since);
    if (next < 0) next = this.pictures.length;
    const found = await eventually(
      async () => {
        if (!this.running) throw new Final(`the viewer's session has ended: ${this.complaints}`);
        for (; next < this.pictures.length; next++) {
          const picture = this.pictures[next];
          if (this.#capturedAt(picture) >= since && wanted(picture, this.pictures[next - 1])) return picture;
        }
        throw new Error(
          `no ${what}; ${this.pictures.length} pictures, the last ${JSON.stringify(this.pictures.at(-1))}`,
        );
      },
      PATIENCE_MS,
      20,
    );
    return found.at - since;
  }

  #read(text) {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop();
    for (const line of lines) {
      const [, time] = /pts_time:([\d.]+)/.exec(line) ?? [];
      const [, level] = /=(-?[\d.]+|-inf)$/.exec(line) ?? [];
      if (time !== undefined) this.#time = Number(time);
      else if (level !== undefined) {
        const at = performance.now();
        this.#beginning = Math.min(this.#beginning, at - this.#time * 1000);
        this.pictures.push({ at, time: this.#time, level: Number(level.replace('inf', 'Infinity')) });
      }
    }
  }
}
