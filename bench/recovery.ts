/**
 * How long viewers over RTSP/TCP see nothing new when something fails: capture workers that crash and that hang, a device
 * that comes back, a network camera that comes back, and the WebRTC worker's death, which they must not notice.
 * `node dist/bench/recovery.js [rounds]`.
 *
 * Devices are the test picture and a camera of this process, so that no driver's own start is in it.
 */

import { availableParallelism, loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { CaptureSource } from '../daemon/capture/capture-source.ts';
import { testDevice } from '../daemon/capture/device.ts';
import { MediaClock } from '../daemon/lib/clock.ts';
import { silentLog } from '../daemon/lib/log.ts';
import { MediaStream } from '../daemon/media/media-stream.ts';
import { createTrack } from '../daemon/media/media-stream-track.ts';
import { encodersFrom } from '../test/support/capture-test-source.ts';
import { Daemon } from '../test/support/daemon.ts';
import { freePort } from '../test/support/mosquitto.ts';
import { testServer } from '../test/support/rtsp-server.ts';
import { pictureTail, RtspViewer } from '../test/support/rtsp-viewer.ts';
import { releaseViewers, WebRtcViewer } from '../test/support/webrtc-viewer.ts';
import { quantile, table } from './support/report.ts';
import { negotiate } from './support/whep.ts';

const rounds = Number(process.argv[2] ?? 10);
/** Until a back-off has forgotten the failure before, in milliseconds. */
const SETTLED_MS = 6500;
const PAUSE_MS = 1500;
/** What a failure takes at most. */
const LIMIT_MS = 20_000;

async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = performance.now() + LIMIT_MS;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`not within ${LIMIT_MS} ms: ${what}`);
    await sleep(2);
  }
}

/** Of the daemon's only picture. */
async function captureWorker(daemon: Daemon): Promise<number> {
  let pids: number[] = [];
  await until(() => {
    pids = daemon.children('capture/worker');
    return pids.length === 1;
  }, 'one capture worker');
  return pids[0] as number;
}

/** Milliseconds from a moment to the end of the longest pause after it: what a pipe still held came before the pause. */
function pauseAfter(viewer: RtspViewer, begin: number): number {
  const times = viewer.arrivals.map(({ at }) => at).filter((at) => at > begin);
  const pauses = times.map((at, i) => at - (times[i - 1] ?? begin));
  return (times[pauses.indexOf(Math.max(...pauses))] ?? Number.NaN) - begin;
}

async function signalled(daemon: Daemon, signal: NodeJS.Signals): Promise<number[]> {
  const viewer = await RtspViewer.play(daemon.rtsp);
  await viewer.first();
  const samples: number[] = [];
  for (let round = 0; round < rounds; round++) {
    await sleep(SETTLED_MS);
    const worker = await captureWorker(daemon);
    const begin = performance.now();
    process.kill(worker, signal);
    await until(() => !daemon.children('capture/worker').includes(worker), 'its end');
    const ended = performance.now();
    await until(() => (viewer.arrivals.at(-1)?.at ?? 0) > ended, 'the next picture');
    await sleep(PAUSE_MS);
    samples.push(pauseAfter(viewer, begin));
  }
  viewer.close();
  return samples;
}

/** The pauses of an RTSP viewer, and what a WebRTC viewer who comes back at once waits for. */
async function webRtcDeath(daemon: Daemon): Promise<{ rtsp: number[]; webrtc: number[] }> {
  const viewer = await RtspViewer.play(daemon.rtsp);
  await viewer.first();
  const connect = async (): Promise<WebRtcViewer> => {
    for (;;)
      try {
        return await WebRtcViewer.connect({
          keep: false,
          kinds: ['video'],
          signal: (offer) => negotiate(daemon.page, offer),
        });
      } catch (error) {
        if (!String(error).includes('WHEP: 503')) throw error;
        await sleep(20);
      }
  };
  const [rtsp, webrtc]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    const before = await connect();
    await until(() => before.firstVideoAt !== undefined, 'a picture over WebRTC');
    await sleep(SETTLED_MS);
    const [worker = 0] = daemon.children('webrtc/worker');
    const begin = performance.now();
    process.kill(worker, 'SIGKILL');
    await until(() => !daemon.children('webrtc/worker').includes(worker), 'its end');
    before.close();
    const after = await connect();
    await until(() => after.firstVideoAt !== undefined, 'a picture over WebRTC');
    webrtc.push((after.firstVideoAt ?? Number.NaN) - begin);
    after.close();
    await sleep(PAUSE_MS);
    const times = viewer.arrivals.map(({ at }) => at).filter((at) => at > begin - 100);
    rtsp.push(Math.max(...times.map((at, i) => at - (times[i - 1] ?? at))));
  }
  viewer.close();
  return { rtsp, webrtc };
}

/** From the moment at which a device is found again. */
async function deviceBack(): Promise<number[]> {
  const clock = new MediaClock();
  const device = testDevice('video');
  const source = new CaptureSource({
    kind: 'video',
    device,
    encoders: encodersFrom(),
    clock,
    cname: 'bench',
    log: silentLog,
    idleTimeout: 0,
  });
  const track = createTrack(source);
  const stream = new MediaStream([track]);
  const server = await testServer({ clock, streams: () => ({ find: () => stream, renditions: () => [stream] }) });
  const viewer = await RtspViewer.play(server.url);
  const samples: number[] = [];
  for (let round = 0; round < rounds; round++) {
    await until(() => !source.muted, 'the picture');
    await sleep(SETTLED_MS);
    source.setDevice(undefined);
    await sleep(2 * PAUSE_MS);
    const begin = performance.now();
    source.setDevice(device);
    await until(() => !source.muted, 'the picture');
    const live = performance.now();
    // What comes from now on is the device's.
    await until(() => (viewer.arrivals.at(-1)?.at ?? 0) > live, 'it at the viewer');
    samples.push((viewer.arrivals.find(({ at }) => at > live)?.at ?? Number.NaN) - begin);
  }
  viewer.close();
  track.stop();
  await source.close();
  await server.stop();
  return samples;
}

/** From the moment at which a camera listens again, a while after it went away. */
async function cameraBack(): Promise<number[]> {
  const port = await freePort();
  const start = async () => {
    const camera = await testServer({ settings: { port }, source: { fps: 30, gop: 30 } });
    const pictures = new Set<string>();
    camera.video.rtp.onFrame(({ packets }) => pictures.add(pictureTail(packets.at(-1) as Buffer)));
    return { camera, pictures };
  };
  let { camera, pictures } = await start();
  const daemon = new Daemon(
    { 'rtsp.port': '0', 'http.port': '0', 'webrtc.port': '0', 'mqtt.embeddedPort': '0' },
    `cameras: {door: {url: "${camera.url}"}}\nstreams: {door: {start: always, video: {device: door}, audio: false}}\n`,
  );
  const samples: number[] = [];
  try {
    await daemon.start();
    const viewer = await RtspViewer.play(daemon.rtsp);
    let begin = 0;
    const shown = (): number | undefined =>
      viewer.arrivals.find(({ at, tail }) => at > begin && pictures.has(tail))?.at;
    for (let round = 0; round < rounds; round++) {
      await until(() => shown() !== undefined, 'the picture');
      await sleep(SETTLED_MS);
      await camera.stop();
      // Anywhere between two attempts.
      await sleep(PAUSE_MS * (2 + Math.random() * 3));
      begin = performance.now();
      ({ camera, pictures } = await start());
      await until(() => shown() !== undefined, 'the picture');
      samples.push((shown() ?? Number.NaN) - begin);
    }
    viewer.close();
  } finally {
    await daemon.stop();
    await camera.stop();
  }
  return samples;
}

const rows: string[][] = [];

function row(name: string, samples: readonly number[], goal: number): void {
  const missed = !(quantile(samples, 0.95) <= goal);
  if (missed) process.exitCode = 1;
  const figures = [quantile(samples, 0.5), quantile(samples, 0.95), Math.max(...samples)];
  rows.push([name, ...figures.map((value) => value.toFixed(0)), `<=${goal}`, missed ? 'missed' : '']);
}

const daemon = await new Daemon({ 'streams.camera.video.device': 'test', 'streams.camera.audio': 'false' }).start();
try {
  row('crash of the capture worker', await signalled(daemon, 'SIGKILL'), 500);
  row('it hangs (SIGSTOP)', await signalled(daemon, 'SIGSTOP'), 1500);
  const { rtsp, webrtc } = await webRtcDeath(daemon);
  row('death of the WebRTC worker: longest pause over RTSP', rtsp, 150);
  row('the same: a viewer over WebRTC who comes again', webrtc, 1000);
} finally {
  await daemon.stop();
  releaseViewers();
}
row('a device is found again', await deviceBack(), 500);
row('a network camera listens again', await cameraBack(), 3000);
process.stdout.write(
  `From a failure, or its end, to the next picture at a viewer over RTSP/TCP, ${rounds} times each, ` +
    `load ${loadavg()[0]?.toFixed(1)} on ${availableParallelism()} cores; milliseconds\n\n${table(
      ['', 'p50', 'p95', 'most', 'goal p95', ''],
      rows,
    )}\n`,
);
