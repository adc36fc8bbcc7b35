/**
 * How long a viewer waits: from the start of the daemon to its first RTP packet, and from joining to a whole key frame.
 * `node dist/bench/start.js [rounds]`.
 *
 * Each over RTSP/TCP on the loopback, with the test picture, so that no camera's own start is in it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Daemon } from '../test/support/daemon.ts';
import { freePort } from '../test/support/mosquitto.ts';
import { RtspViewer } from '../test/support/rtsp-viewer.ts';
import { report } from './support/report.ts';

const STREAM = { 'streams.camera.video.device': 'test', 'streams.camera.audio.device': 'test' };
/** Between joins, in milliseconds: wishes for key frames are coalesced. */
const PAUSE_MS = 1500;
const RETRY_MS = 5;

/** Milliseconds from the start of the process to the first packet of a viewer who tries from the beginning. */
async function start(mode: 'always' | 'on-demand'): Promise<{ packet: number; banner: number }> {
  const port = await freePort();
  const daemon = new Daemon({ ...STREAM, 'rtsp.port': String(port), 'streams.camera.start': mode });
  const begin = performance.now();
  const greeted = daemon.start().then(() => performance.now() - begin);
  try {
    const viewer = await firstViewer(`rtsp://127.0.0.1:${port}/camera`);
    const packet = (await viewer.first()).at - begin;
    viewer.close();
    return { packet, banner: await greeted };
  } finally {
    await greeted.catch(() => undefined);
    await daemon.stop();
  }
}

async function firstViewer(url: string): Promise<RtspViewer> {
  for (;;) {
    try {
      return await RtspViewer.play(url);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') throw error;
      await sleep(RETRY_MS);
    }
  }
}

/** Milliseconds from connecting to the last packet of the first picture, which is a key frame. */
async function join(url: string): Promise<number> {
  const begin = performance.now();
  const viewer = await RtspViewer.play(url);
  const first = await viewer.first();
  const last = await viewer.first(({ marker, timestamp }) => marker && timestamp === first.timestamp);
  const key = viewer.arrivals.some(({ idr, timestamp }) => idr && timestamp === first.timestamp);
  viewer.close();
  if (!key) throw new Error('the first picture was no key frame');
  return last.at - begin;
}

const rounds = Number(process.argv[2] ?? 5);
const always: number[] = [];
const banner: number[] = [];
const onDemand: number[] = [];
for (let round = 0; round < rounds; round++) {
  const first = await start('always');
  always.push(first.packet);
  banner.push(first.banner);
  onDemand.push((await start('on-demand')).packet);
}

const joins: number[] = [];
const daemon = await new Daemon(STREAM).start();
try {
  const viewer = await RtspViewer.play(daemon.rtsp);
  await viewer.first();
  for (let round = 0; round < rounds; round++) {
    await sleep(PAUSE_MS);
    joins.push(await join(daemon.rtsp));
  }
  viewer.close();
} finally {
  await daemon.stop();
}

report(`What a viewer waits for, RTSP over TCP, median of ${rounds}`, [
  { name: 'start of the daemon to the first packet, stream that always runs', samples: always, unit: 'ms', goal: 1000 },
  { name: 'the same, stream on demand', samples: onDemand, unit: 'ms', goal: 1000 },
  { name: 'start of the daemon to the banner', samples: banner, unit: 'ms' },
  { name: 'joining to a whole key frame', samples: joins, unit: 'ms', goal: 150 },
]);
