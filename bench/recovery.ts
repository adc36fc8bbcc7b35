/**
 * How long viewers over RTSP/TCP see nothing new when something fails: capture workers that crash and that hang, a device
 * that comes back, a network camera that comes back, and the WebRTC worker's death, which they must not notice. Beside
 * each round the same is done without us: a bare `gst-launch-1.0` of the same pipeline from its start to its first packet,
 * a viewer over WebRTC whom nothing happens to. `node dist/bench/recovery.js [rounds]`; a round takes some 40 s.
 *
 * Devices are the test picture and a camera of this process, so that no driver's own start is in it.
 */

import { availableParallelism, loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { planCapture } from '../daemon/capture/capture-plan.ts';
import { CaptureSource } from '../daemon/capture/capture-source.ts';
import { testDevice } from '../daemon/capture/device.ts';
import { SOFTWARE_ENCODERS } from '../daemon/capture/encoders.ts';
import { MediaClock } from '../daemon/lib/clock.ts';
import { silentLog } from '../daemon/lib/log.ts';
import { MediaStream } from '../daemon/media/media-stream.ts';
import { createTrack } from '../daemon/media/media-stream-track.ts';
import { H264 } from '../daemon/rtp/codec.ts';
import { encodersFrom } from '../test/support/capture-test-source.ts';
import { Daemon } from '../test/support/daemon.ts';
import { freePort } from '../test/support/mosquitto.ts';
import { testServer } from '../test/support/rtsp-server.ts';
import { pictureTail, RtspViewer } from '../test/support/rtsp-viewer.ts';
import { releaseViewers, WebRtcViewer } from '../test/support/webrtc-viewer.ts';
import { cameraLaunch } from './support/camera-launch.ts';
import { bareLaunch } from './support/capture-cost.ts';
import { quantile, table } from './support/report.ts';
import { negotiate } from './support/whep.ts';

const rounds = Number(process.argv[2] ?? 10);
/** Until a back-off has forgotten the failure before, in milliseconds. */
const SETTLED_MS = 5500;
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

/** What was measured round by round, and beside it what it is measured against. */
class Rounds {
  readonly samples: number[] = [];
  readonly bare: number[] = [];
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
  }

  add(sample: number, bare: number): void {
    this.samples.push(sample);
    this.bare.push(bare);
    process.stderr.write(
      `${this.#name}: ${this.samples.length} of ${rounds}: ${sample.toFixed(0)} ms, bare ${bare.toFixed(0)} ms\n`,
    );
  }

  row(goal: number): void {
    const { samples, bare } = this;
    const missed = !(quantile(samples, 0.95) <= goal);
    if (missed) process.exitCode = 1;
    const figures = [quantile(samples, 0.5), quantile(samples, 0.95), Math.max(...samples)];
    const ratio = quantile(samples, 0.5) / quantile(bare, 0.5);
    rows.push([
      this.#name,
      ...figures.map((value) => value.toFixed(0)),
      `<=${goal}`,
      ...[quantile(bare, 0.5).toFixed(0), ratio.toFixed(2), missed ? 'missed' : ''],
    ]);
  }
}

const rows: string[][] = [];

/** Milliseconds from the start of a bare pipeline to its first packet. */
async function bareStart(launch: string): Promise<number> {
  const begin = performance.now();
  const bare = await bareLaunch(launch, 1);
  const took = performance.now() - begin;
  await bare.stop();
  return took;
}

/** The pipeline of the gateway's test picture. */
const TEST_LAUNCH = planCapture({
  device: testDevice('video'),
  tracks: [{ configuration: { settings: {}, contentHint: '', enabled: true }, codec: H264, open: true }],
  encoders: SOFTWARE_ENCODERS,
  pattern: 'smpte75',
  text: undefined,
  wallClock: 0,
}).start.launch;

/** Milliseconds from a moment to the end of the longest pause after it: what a pipe still held came before the pause. */
function pauseAfter(viewer: RtspViewer, begin: number): number {
  const times = viewer.arrivals.map(({ at }) => at).filter((at) => at > begin);
  const pauses = times.map((at, i) => at - (times[i - 1] ?? begin));
  return (times[pauses.indexOf(Math.max(...pauses))] ?? Number.NaN) - begin;
}

async function signalled(daemon: Daemon, signal: NodeJS.Signals, result: Rounds): Promise<Rounds> {
  const viewer = await RtspViewer.play(daemon.rtsp);
  await viewer.first();
  for (let round = 0; round < rounds; round++) {
    await sleep(SETTLED_MS);
    const worker = await captureWorker(daemon);
    const begin = performance.now();
    process.kill(worker, signal);
    await until(() => !daemon.children('capture/worker').includes(worker), 'its end');
    const ended = performance.now();
    await until(() => (viewer.arrivals.at(-1)?.at ?? 0) > ended, 'the next picture');
    await sleep(PAUSE_MS);
    result.add(pauseAfter(viewer, begin), await bareStart(TEST_LAUNCH));
  }
  viewer.close();
  return result;
}

/** The pauses of an RTSP viewer, and what a WebRTC viewer who comes back at once waits for. */
async function webRtcDeath(daemon: Daemon): Promise<{ rtsp: Rounds; webrtc: Rounds }> {
  const rtsp = new Rounds('death of the WebRTC worker: longest pause over RTSP');
  const webrtc = new Rounds('the same: a viewer over WebRTC who comes again');
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
  const longestPause = (from: number, to: number): number => {
    const times = viewer.arrivals.map(({ at }) => at).filter((at) => at > from && at < to);
    return Math.max(...times.map((at, i) => at - (times[i - 1] ?? at)));
  };
  for (let round = 0; round < rounds; round++) {
    const undisturbed = performance.now();
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
    webrtc.add((after.firstVideoAt ?? Number.NaN) - begin, (before.firstVideoAt ?? Number.NaN) - undisturbed);
    after.close();
    await sleep(PAUSE_MS);
    const end = performance.now();
    rtsp.add(longestPause(begin - 100, end), longestPause(begin - (end - begin), begin));
  }
  viewer.close();
  return { rtsp, webrtc };
}

/** From the moment at which a device is found again. */
async function deviceBack(): Promise<Rounds> {
  const result = new Rounds('a device is found again');
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
  for (let round = 0; round < rounds; round++) {
    await until(() => !source.muted, 'the picture');
    await sleep(PAUSE_MS);
    source.setDevice(undefined);
    await sleep(2 * PAUSE_MS);
    const begin = performance.now();
    source.setDevice(device);
    await until(() => !source.muted, 'the picture');
    const live = performance.now();
    // What comes from now on is the device's.
    await until(() => (viewer.arrivals.at(-1)?.at ?? 0) > live, 'it at the viewer');
    const sample = (viewer.arrivals.find(({ at }) => at > live)?.at ?? Number.NaN) - begin;
    result.add(sample, await bareStart(TEST_LAUNCH));
  }
  viewer.close();
  track.stop();
  await source.close();
  await server.stop();
  return result;
}

const SOURCE = { fps: 30, gop: 30 };

/** From the moment at which a camera listens again, a while after it went away. */
async function cameraBack(): Promise<Rounds> {
  const result = new Rounds('a network camera listens again');
  const port = await freePort();
  const start = async () => {
    const camera = await testServer({ settings: { port }, source: SOURCE });
    const pictures = new Set<string>();
    camera.video.rtp.onFrame(({ packets }) => pictures.add(pictureTail(packets.at(-1) as Buffer)));
    return { camera, pictures };
  };
  let { camera, pictures } = await start();
  const daemon = new Daemon(
    { 'rtsp.port': '0', 'http.port': '0', 'webrtc.port': '0', 'mqtt.embeddedPort': '0' },
    `cameras: {door: {url: "${camera.url}"}}\nstreams: {door: {start: always, video: {device: door}, audio: false}}\n`,
  );
  /** Another camera, that nobody has joined yet. */
  const bare = async (): Promise<number> => {
    const other = await testServer({ source: SOURCE });
    const took = await bareStart(cameraLaunch(other.url));
    await other.stop();
    return took;
  };
  try {
    await daemon.start();
    const viewer = await RtspViewer.play(daemon.rtsp);
    let begin = 0;
    const shown = (): number | undefined =>
      viewer.arrivals.find(({ at, tail }) => at > begin && pictures.has(tail))?.at;
    for (let round = 0; round < rounds; round++) {
      await until(() => shown() !== undefined, 'the picture');
      await sleep(PAUSE_MS);
      await camera.stop();
      // Anywhere between two attempts.
      await sleep(PAUSE_MS * (2 + Math.random() * 3));
      begin = performance.now();
      ({ camera, pictures } = await start());
      await until(() => shown() !== undefined, 'the picture');
      result.add((shown() ?? Number.NaN) - begin, await bare());
    }
    viewer.close();
  } finally {
    await daemon.stop();
    await camera.stop();
  }
  return result;
}

const daemon = await new Daemon({ 'streams.camera.video.device': 'test', 'streams.camera.audio': 'false' }).start();
try {
  (await signalled(daemon, 'SIGKILL', new Rounds('crash of the capture worker'))).row(500);
  (await signalled(daemon, 'SIGSTOP', new Rounds('it hangs (SIGSTOP)'))).row(1500);
  const { rtsp, webrtc } = await webRtcDeath(daemon);
  rtsp.row(150);
  webrtc.row(1000);
} finally {
  await daemon.stop();
  releaseViewers();
}
(await deviceBack()).row(500);
(await cameraBack()).row(3000);
process.stdout.write(
  `From a failure, or its end, to the next picture at a viewer over RTSP/TCP, ${rounds} times each, ` +
    `load ${loadavg()[0]?.toFixed(1)} on ${availableParallelism()} cores; milliseconds\n\n${table(
      ['', 'p50', 'p95', 'most', 'goal p95', 'bare p50', 'ratio', ''],
      rows,
    )}\n`,
);
