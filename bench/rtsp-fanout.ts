/**
 * CPU for each RTSP/TCP viewer, beside a loop in C that writes the same frames (floor/rtsp-fanout.c). Both read the
 * same pipe in the same run, taking turns. `node dist/bench/rtsp-fanout.js [rounds]`; needs `cc`.
 *
 * On the loopback the kernel books the receivers' work on the sender, so that all figures are upper bounds.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { processCpu } from './support/process-cpu.ts';
import { median, table } from './support/report.ts';
import { SyntheticCamera } from './support/synthetic-camera.ts';

const VIEWERS = [1, 10, 50];
const MEDIA = { bitrate: 8_000_000, frameRate: 30, gop: 60 };
/** Until V8 has compiled what is called often, and past the one compaction that it makes some 8 s after the start. */
const WARM_UP_MS = 30_000;
const FLOOR_WARM_UP_MS = 2000;
const WINDOW_MS = 4000;
const GOAL = 2;

const here = dirname(fileURLToPath(import.meta.url));
const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
const floors = [join(here, 'floor'), join(here, '../../bench/floor'), join(process.cwd(), 'bench/floor')];

async function line(child: ChildProcess): Promise<string> {
  const lines = createInterface({ input: child.stdout as NonNullable<ChildProcess['stdout']> });
  const [text] = (await once(lines, 'line')) as [string];
  lines.close();
  return text;
}

interface Sample {
  /** Milliseconds of CPU in each second, for each viewer. */
  cpu: number;
  /** What the viewer that got least got, of what was sent. */
  delivered: number;
}

async function measure(
  command: readonly string[],
  sink: string,
  viewers: number,
  greeting: string,
  warmUp: number,
): Promise<Sample> {
  const server = spawn(command[0] as string, command.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
  const feeder = new SyntheticCamera(server.stdin as Writable, MEDIA);
  const port = await line(server);
  feeder.start();
  await sleep(300);
  const receivers = spawn(sink, [port, String(viewers)], { stdio: ['pipe', 'pipe', 'inherit'] });
  receivers.stdin?.end(greeting.replaceAll('PORT', port));
  await line(receivers);
  const least = async (): Promise<number> => {
    receivers.kill('SIGUSR1');
    return Number((await line(receivers)).split(' ')[0]);
  };
  try {
    await sleep(warmUp);
    const [received, sent, cpu, begin] = [
      await least(),
      feeder.bytes,
      processCpu(server.pid as number),
      performance.now(),
    ];
    await sleep(WINDOW_MS);
    const seconds = (performance.now() - begin) / 1000;
    const used = (processCpu(server.pid as number) - cpu) / 1e6;
    const delivered = ((await least()) - received) / (feeder.bytes - sent);
    return { cpu: used / seconds / viewers, delivered };
  } finally {
    feeder.stop();
    receivers.kill('SIGKILL');
    server.kill('SIGKILL');
    await once(server, 'close');
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
  const floor = compile(folder, 'rtsp-fanout');
  const sink = compile(folder, 'tcp-sink');
  const url = 'rtsp://127.0.0.1:PORT/bench';
  const greeting =
    `SETUP ${url}/trackID=0 RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n\r\n` +
    `PLAY ${url} RTSP/1.0\r\nCSeq: 2\r\n\r\n`;
  const node = [process.execPath, join(here, `rtsp-fanout-server.${extension}`)];
  const rows: string[][] = [];
  for (const viewers of VIEWERS) {
    const ours: Sample[] = [];
    const theirs: Sample[] = [];
    for (let round = 0; round < rounds; round++) {
      ours.push(await measure(node, sink, viewers, greeting, WARM_UP_MS));
      theirs.push(await measure([floor], sink, viewers, '', FLOOR_WARM_UP_MS));
    }
    const [us, c] = [median(ours.map(({ cpu }) => cpu)), median(theirs.map(({ cpu }) => cpu))];
    const delivered = Math.min(...[...ours, ...theirs].map((sample) => sample.delivered));
    const judged = viewers === Math.max(...VIEWERS);
    const missed = judged && us > GOAL * c;
    if (missed) process.exitCode = 1;
    rows.push([
      ...[String(viewers), us.toFixed(2), c.toFixed(2), `${(us / c).toFixed(1)}x`, judged ? `<=${GOAL}x` : ''],
      ...[`${(delivered * 100).toFixed(0)} %`, missed ? 'missed' : ''],
    ]);
  }
  const title = `RTSP over TCP, ${MEDIA.bitrate / 1e6} Mbit/s, ${MEDIA.frameRate} frames/s: CPU ms per viewer and second, median of ${rounds}`;
  process.stdout.write(`${title}\n\n${table(['viewers', 'vedette', 'C', 'ratio', 'goal', 'delivered', ''], rows)}\n`);
} finally {
  rmSync(folder, { recursive: true });
}
