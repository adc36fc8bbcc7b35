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
import { NTP_UNIX_SECONDS } from '../daemon/rtp/packet.ts';
import { processCpu } from './support/process-cpu.ts';
import { median, table } from './support/report.ts';

const VIEWERS = [1, 10, 50];
const FPS = 30;
const BITRATE = 8_000_000;
/** Frames from key frame to key frame; a key frame is four times as large as another. */
const GOP = 60;
const PAYLOAD = 1180;
/** Past the time in which the JavaScript is being compiled. */
const WARM_UP_MS = 6000;
const WINDOW_MS = 4000;
const GOAL = 2;

const here = dirname(fileURLToPath(import.meta.url));
const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
const floors = [join(here, 'floor'), join(here, '../../bench/floor'), join(process.cwd(), 'bench/floor')];

/** H.264 as a capture worker delivers it: RFC 6184 in RFC 4571 frames, with the ONVIF extension. */
class Feeder {
  readonly #pipe: Writable;
  readonly #start = performance.now();
  #sequence = 0;
  #timer: NodeJS.Timeout | undefined;
  frames = 0;
  bytes = 0;

  constructor(pipe: Writable) {
    this.#pipe = pipe;
    pipe.on('error', () => undefined);
  }

  start(): void {
    this.#timer = setInterval(
      () => {
        while (this.frames < ((performance.now() - this.#start) * FPS) / 1000) this.#pipe.write(this.#frame());
      },
      1000 / FPS / 2,
    );
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#pipe.end();
  }

  #frame(): Buffer {
    const key = this.frames % GOP === 0;
    const average = BITRATE / 8 / FPS;
    const small = (average * GOP) / (GOP + 3);
    let left = Math.round(key ? 4 * small : small);
    const packets: Buffer[] = [];
    if (key) packets.push(this.#packet(Buffer.from('18000467420c1e000268ce', 'hex'), false));
    for (let first = true; left > 0; first = false) {
      const length = Math.min(left, PAYLOAD);
      left -= length;
      const payload = Buffer.alloc(2 + length, this.frames & 0xff);
      payload[0] = 0x7c;
      payload[1] = (first ? 0x80 : 0) | (left === 0 ? 0x40 : 0) | (key ? 5 : 1);
      packets.push(this.#packet(payload, left === 0));
    }
    this.frames += 1;
    return Buffer.concat(packets);
  }

  #packet(payload: Buffer, marker: boolean): Buffer {
    const packet = Buffer.alloc(2 + 28 + payload.length);
    packet.writeUInt16BE(packet.length - 2, 0);
    packet.writeUInt16BE(0x9060 | (marker ? 0x80 : 0), 2);
    packet.writeUInt16BE(this.#sequence++ & 0xffff, 4);
    packet.writeUInt32BE(Math.round((this.frames * 90_000) / FPS) >>> 0, 6);
    packet.writeUInt32BE(1, 10);
    packet.writeUInt32BE(0xabac0003, 14);
    packet.writeUInt32BE(Math.floor(Date.now() / 1000) + NTP_UNIX_SECONDS, 18);
    packet.writeUInt32BE(Math.floor(((Date.now() % 1000) / 1000) * 2 ** 32), 22);
    payload.copy(packet, 30);
    this.bytes += 4 + 12 + payload.length;
    return packet;
  }
}

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

async function measure(command: readonly string[], sink: string, viewers: number, greeting: string): Promise<Sample> {
  const server = spawn(command[0] as string, command.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
  const feeder = new Feeder(server.stdin as Writable);
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
    await sleep(WARM_UP_MS);
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
      ours.push(await measure(node, sink, viewers, greeting));
      theirs.push(await measure([floor], sink, viewers, ''));
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
  const title = `RTSP over TCP, ${BITRATE / 1e6} Mbit/s, ${FPS} frames/s: CPU ms per viewer and second, median of ${rounds}`;
  process.stdout.write(`${title}\n\n${table(['viewers', 'vedette', 'C', 'ratio', 'goal', 'delivered', ''], rows)}\n`);
} finally {
  rmSync(folder, { recursive: true });
}
