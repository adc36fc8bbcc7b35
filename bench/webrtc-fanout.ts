/**
 * CPU for each WebRTC viewer, beside a loop in C that sends the same packets over plain UDP (floor/udp-fanout.c), and
 * the time from a viewer's first step to its first key frame. `node dist/bench/webrtc-fanout.js [rounds]`; needs `cc`.
 *
 * The floor encrypts nothing, so the ratio holds the price of SRTP too. On the loopback the kernel books a part of the
 * receivers' work on the sender: all figures are upper bounds.
 */
import { type ChildProcess, execFileSync, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, extname, join } from 'node:path';
import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { processCpu } from './support/process-cpu.ts';
import { median, table } from './support/report.ts';
import { SyntheticCamera } from './support/synthetic-camera.ts';
import type { FromServer, ToServer } from './webrtc-fanout-server.ts';
import type { FromViewers, ToViewers } from './webrtc-fanout-viewers.ts';

const VIEWERS = [1, 10, 50];
const MEDIA = { bitrate: 2_000_000, frameRate: 30, gop: 300 };
/** Past the time in which the JavaScript is being compiled. */
const WARM_UP_MS = 4000;
const WINDOW_MS = 5000;
const JOIN_GOAL_MS = 150;
/** Between joins where they are judged: key frames for joins that come close together are one key frame. */
const JOIN_PAUSE_MS = 600;
const JOINS_JUDGED = 10;

const here = dirname(fileURLToPath(import.meta.url));
const floors = [join(here, 'floor'), join(here, '../../bench/floor'), join(process.cwd(), 'bench/floor')];

interface Sample {
  /** Milliseconds of CPU in each second, for each viewer: of the worker, and with the daemon's part. */
  worker: number;
  all: number;
  /** What the viewer that got least got, of what was sent. */
  delivered: number;
  /** Milliseconds, of each viewer. */
  joins: number[];
}

/** Milliseconds of CPU in each second of a window, for each of the processes. */
async function cpuOf(pids: readonly number[]): Promise<number[]> {
  const [before, begin] = [pids.map(processCpu), performance.now()];
  await sleep(WINDOW_MS);
  const seconds = (performance.now() - begin) / 1000;
  return pids.map((pid, i) => (processCpu(pid) - (before[i] as number)) / 1e6 / seconds);
}

function child(name: string, stdin: 'pipe' | 'ignore'): ChildProcess {
  return fork(join(here, `${name}${extname(import.meta.url)}`), { stdio: [stdin, 'inherit', 'inherit', 'ipc'] });
}

async function heard<T extends { type: string }, K extends T['type']>(
  from: ChildProcess,
  type: K,
): Promise<T & { type: K }> {
  for (;;) {
    const [message] = (await once(from, 'message')) as [T];
    if (message.type === type) return message as T & { type: K };
  }
}

async function measure(viewers: number): Promise<Sample> {
  const server = child('webrtc-fanout-server', 'pipe');
  const receivers = child('webrtc-fanout-viewers', 'ignore');
  const camera = new SyntheticCamera(server.stdin as Writable, MEDIA);
  server.on('message', (message: FromServer) => {
    if (message.type === 'key-frame') camera.requestKeyFrame();
    else if (message.type === 'answer') receivers.send(message satisfies ToViewers);
  });
  receivers.on('message', (message: FromViewers) => {
    if (message.type === 'offer') server.send(message satisfies ToServer);
  });
  try {
    const { workerPid } = await heard<FromServer, 'ready'>(server, 'ready');
    camera.start();
    await sleep(300);
    const joins: number[] = [];
    for (let viewer = 0; viewer < viewers; viewer++) {
      receivers.send({ type: 'connect', viewer } satisfies ToViewers);
      joins.push((await heard<FromViewers, 'playing'>(receivers, 'playing')).join);
      if (viewers === JOINS_JUDGED) await sleep(JOIN_PAUSE_MS);
    }
    await sleep(WARM_UP_MS);
    const least = async (): Promise<number> => {
      receivers.send({ type: 'count' } satisfies ToViewers);
      return (await heard<FromViewers, 'least'>(receivers, 'least')).packets;
    };
    const [received, sent] = [await least(), camera.packets];
    const [worker, daemon] = (await cpuOf([workerPid, server.pid as number])) as [number, number];
    const delivered = ((await least()) - received) / (camera.packets - sent);
    return { worker: worker / viewers, all: (worker + daemon) / viewers, delivered, joins };
  } finally {
    camera.stop();
    receivers.kill('SIGKILL');
    await once(server, 'exit');
  }
}

async function measureFloor(program: string, viewers: number): Promise<number> {
  const server = spawn(program, [String(viewers)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const camera = new SyntheticCamera(server.stdin, MEDIA);
  try {
    await once(server.stdout, 'data');
    camera.start();
    await sleep(500);
    return ((await cpuOf([server.pid as number]))[0] as number) / viewers;
  } finally {
    camera.stop();
    await once(server, 'exit');
  }
}

function compile(folder: string, name: string): string {
  const sources = floors.map((floor) => join(floor, `${name}.c`));
  const source = sources.find((path) => existsSync(path));
  if (source === undefined) throw new Error(`no ${name}.c in ${floors.join(', ')}`);
  execFileSync('cc', ['-O2', '-Wall', '-o', join(folder, name), source]);
  return join(folder, name);
}

const rounds = Number(process.argv[2] ?? 3);
const folder = mkdtempSync(join(tmpdir(), 'vedette-bench-'));
try {
  const floor = compile(folder, 'udp-fanout');
  const rows: string[][] = [];
  for (const viewers of VIEWERS) {
    const ours: Sample[] = [];
    const theirs: number[] = [];
    for (let round = 0; round < rounds; round++) {
      ours.push(await measure(viewers));
      theirs.push(await measureFloor(floor, viewers));
    }
    const [worker, all, c] = [median(ours.map((s) => s.worker)), median(ours.map((s) => s.all)), median(theirs)];
    const join = median(ours.flatMap(({ joins }) => joins));
    const judged = viewers === JOINS_JUDGED;
    const missed = judged && join > JOIN_GOAL_MS;
    if (missed) process.exitCode = 1;
    rows.push([
      ...[String(viewers), worker.toFixed(2), all.toFixed(2), c.toFixed(2), `${(all / c).toFixed(1)}x`],
      `${(Math.min(...ours.map(({ delivered }) => delivered)) * 100).toFixed(0)} %`,
      ...(judged ? [join.toFixed(0), `<=${JOIN_GOAL_MS}`, missed ? 'missed' : ''] : []),
    ]);
  }
  const title = `WebRTC, ${MEDIA.bitrate / 1e6} Mbit/s, ${MEDIA.frameRate} frames/s: CPU ms per viewer and second, join ms, median of ${rounds}`;
  const head = ['viewers', 'worker', 'with daemon', 'plain UDP in C', 'ratio', 'delivered', 'join', 'goal', ''];
  process.stdout.write(`${title}\n\n${table(head, rows)}\n`);
} finally {
  rmSync(folder, { recursive: true });
}
