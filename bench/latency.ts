/**
 * How long a frame takes from the camera to a viewer, by stage, beside a bare `gst-launch-1.0` of the same pipeline that
 * sends to a UDP port, at the same time. `node dist/bench/latency.js [seconds]`.
 *
 * The picture is the one that has the time of its making in it (`vedette --latency`), which the viewer reads when it has
 * decoded it: what is between is all there is, and must be what RTP times and sender reports tell. What passes through is
 * known by its bytes: the time counts from the camera's own writing. On a machine that has more to do,
 * `chrt -r 5 node dist/bench/latency.js` keeps the scheduler out of all of it alike.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stampAge } from '../daemon/capture/picture-stamp.ts';
import { launchString } from '../daemon/capture/pipeline.ts';
import { marker, onvifWallClock, timestamp } from '../daemon/rtp/packet.ts';
import { Daemon } from '../test/support/daemon.ts';
import { testServer } from '../test/support/rtsp-server.ts';
import {
  type Arrival,
  type ClockReport,
  captureTime,
  pictureTail,
  RtspViewer,
  readClocks,
} from '../test/support/rtsp-viewer.ts';
import { type SeenFrame, StampViewer } from '../test/support/stamp-viewer.ts';
import { releaseViewers, WebRtcViewer } from '../test/support/webrtc-viewer.ts';
import { cameraLaunch } from './support/camera-launch.ts';
import { latencyTracing, readLatencyTrace } from './support/latency-trace.ts';
import { quantile, table } from './support/report.ts';
import { negotiate } from './support/whep.ts';

const seconds = Number(process.argv[2] ?? 30);
const SIZE = { width: 1280, height: 720, frameRate: 30 };
/** What the gateway takes for that size. */
const BITRATE = 1_935_000;
const INTERVAL_MS = 1000 / SIZE.frameRate;
const GOAL_MS = INTERVAL_MS + 5;
/** Frames until everything is warm. */
const WARM_UP = 90;
const HOST = '127.0.0.1';

const wall = (at = performance.now()): number => performance.timeOrigin + at;

/** A port at which bare pipelines deliver: each whole frame, as its last packet comes. */
async function udpSink(frame: (packet: Buffer) => void): Promise<{ port: number; socket: Socket }> {
  const socket = createSocket('udp4', (packet) => {
    if (marker(packet)) frame(packet);
  });
  socket.bind(0, HOST);
  await once(socket, 'listening');
  return { port: socket.address().port, socket };
}

/** A pipeline of ours up to its packets with their times, which go to a port. */
function intoUdp(launch: string, port: number): string {
  const [, packets] = /^(.*?rtponviftimestamp) ! rtpstreampay ! fdsink fd=4 /.exec(launch) ?? [];
  if (packets === undefined) throw new Error(`not a pipeline of ours: ${launch}`);
  return `${packets} ! udpsink host=${HOST} port=${port} sync=false async=false`;
}

function bare(launch: string, environment: Record<string, string> = {}): ChildProcess {
  const words = launch.match(/(?:[^\s"]|"[^"]*")+/g) ?? [];
  return spawn('gst-launch-1.0', ['-q', ...words.map((word) => word.replaceAll('"', ''))], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, ...environment },
  });
}

const rows: string[][] = [];

function row(name: string, ours: readonly number[], theirs?: readonly number[], goal?: number): void {
  const cells = (values: readonly number[] | undefined): string[] =>
    [0.5, 0.99].map((share) => (values === undefined ? '' : quantile(values, share).toFixed(1)));
  const missed = goal !== undefined && !(quantile(ours, 0.99) <= goal);
  if (missed) process.exitCode = 1;
  rows.push([
    name,
    ...cells(ours),
    ...cells(theirs),
    goal === undefined ? '' : `<=${goal.toFixed(1)}`,
    missed ? 'missed' : '',
  ]);
}

/** Of the newest frames of a stream, as the gateway says it: from the capture until all viewers have been served. */
async function gatewayLatency(daemon: Daemon): Promise<number[]> {
  const text = await (await fetch(`${new URL(daemon.page).origin}/metrics`)).text();
  return ['0.5', '0.99'].map(
    (share) =>
      Number(new RegExp(`^vedette_latency_seconds{.*quantile="${share}"} (\\S+)$`, 'm').exec(text)?.[1]) * 1000,
  );
}

/** Whole frames of a viewer, those while everything warmed up left out: from when `begin` has it. */
function ages(arrivals: readonly Arrival[], begin: (arrival: Arrival) => number | undefined): number[] {
  return arrivals
    .filter((arrival) => arrival.marker)
    .slice(WARM_UP)
    .flatMap((arrival) => {
      const begun = begin(arrival);
      return begun === undefined ? [] : [wall(arrival.at) - begun];
    });
}

/** A viewer over WebRTC, and the ages of its frames as they are whole. */
async function webRtcAges(page: string): Promise<{ ages: number[]; close: () => void }> {
  let report: ClockReport | undefined;
  const ages: number[] = [];
  const viewer = await WebRtcViewer.connect({
    kinds: ['video'],
    keep: false,
    packet: (_, packet) => {
      report = readClocks(packet) ?? report;
      if (readClocks(packet) === undefined && marker(packet) && report !== undefined)
        ages.push(wall() - captureTime(timestamp(packet), report));
    },
    signal: (offer) => negotiate(page, offer),
  });
  return { ages, close: () => viewer.close() };
}

/** By the time in the pictures: from their making to their capture as RTP has it, to a viewer, and until that has decoded them. */
function stamped(viewer: StampViewer): Record<'made' | 'come' | 'seen' | 'decoding', number[]> & { unread: number } {
  const warm = viewer.frames.slice(WARM_UP);
  const since = (moment: (frame: SeenFrame) => number): number[] =>
    warm.flatMap((frame) => (frame.stamp === undefined ? [] : [stampAge(frame.stamp, moment(frame))]));
  return {
    made: since(({ arrival }) => viewer.capturedAt(arrival.timestamp) ?? Number.NaN),
    come: since(({ arrival }) => wall(arrival.at)),
    seen: since(({ decodedAt }) => wall(decodedAt)),
    decoding: warm.map(({ arrival, decodedAt }) => decodedAt - arrival.at),
    unread: warm.filter(({ stamp }) => stamp === undefined).length,
  };
}

async function encoded(folder: string): Promise<void> {
  Object.assign(process.env, latencyTracing(join(folder, '%p.trace')));
  const daemon = new Daemon({
    'streams.camera.video.device': 'latency',
    'streams.camera.video.width': String(SIZE.width),
    'streams.camera.video.height': String(SIZE.height),
    'streams.camera.video.frameRate': String(SIZE.frameRate),
    'streams.camera.audio': 'false',
    'streams.camera.start': 'always',
  });
  const theirs: number[] = [];
  const sink = await udpSink((packet) => theirs.push(wall() - (onvifWallClock(packet) ?? Number.NaN)));
  const branch = {
    open: true,
    enabled: true,
    encoder: 'x264enc',
    profile: 'baseline',
    output: SIZE,
    bitrate: BITRATE,
    keyFrameInterval: 2,
    content: 'motion',
    adjustments: { crop: { top: 0, right: 0, bottom: 0, left: 0 }, orientation: 'none', overlay: '' },
  } as const;
  const launch = launchString({
    kind: 'video',
    input: { type: 'test', pattern: 'smpte75', wish: SIZE, clock: true },
    branches: [branch],
    processors: availableParallelism(),
  });
  try {
    await daemon.start();
    const viewer = await StampViewer.play(daemon.rtsp, SIZE);
    const browser = await webRtcAges(daemon.page);
    const other = bare(intoUdp(launch, sink.port));
    await sleep(seconds * 1000);
    const whole = ages(viewer.arrivals, ({ timestamp }) => viewer.capturedAt(timestamp));
    const handed = await gatewayLatency(daemon);
    const [worker] = daemon.children('capture/worker');
    viewer.close();
    browser.close();
    await daemon.stop();
    other.kill('SIGKILL');
    const our = readLatencyTrace(join(folder, `${worker}.trace`), WARM_UP);
    const their = readLatencyTrace(join(folder, `${other.pid}.trace`), WARM_UP);
    const { made, come, seen, decoding, unread } = stamped(viewer);
    row('encoded: picture made to captured', made);
    row('source to encoder', our.before, their.before);
    row('encoder', our.encoder, their.encoder);
    row('parser, payloader, queue', our.after, their.after);
    row('capture until the gateway has served all', handed);
    row('capture to viewer', whole, theirs.slice(WARM_UP), GOAL_MS + quantile(our.encoder, 0.99));
    row('capture to viewer over WebRTC', browser.ages.slice(WARM_UP));
    row('by the time in the picture: made to viewer', come);
    row('decoder of the viewer', decoding);
    row('made to decoded', seen);
    if (unread > 0) throw new Error(`${unread} pictures whose time could not be read`);
  } finally {
    sink.socket.close();
    await daemon.stop();
    for (const name of Object.keys(latencyTracing(''))) delete process.env[name];
  }
}

async function passed(): Promise<void> {
  const camera = await testServer({ source: { ...SIZE, fps: SIZE.frameRate, kbps: BITRATE / 1000, gop: 60 } });
  const written = new Map<string, number>();
  camera.video.rtp.onFrame(({ packets }) => written.set(pictureTail(packets.at(-1) as Buffer), wall()));
  const theirs: number[] = [];
  const sink = await udpSink((packet) => {
    const begun = written.get(pictureTail(packet));
    if (begun !== undefined) theirs.push(wall() - begun);
  });
  const daemon = new Daemon(
    { 'rtsp.port': '0', 'http.port': '0', 'webrtc.port': '0', 'mqtt.embeddedPort': '0' },
    `cameras: {door: {url: "${camera.url}"}}\nstreams: {door: {start: always, video: {device: door}, audio: false}}\n`,
  );
  try {
    await daemon.start();
    const viewer = await RtspViewer.play(daemon.rtsp);
    const other = bare(intoUdp(cameraLaunch(camera.url), sink.port));
    await sleep(seconds * 1000);
    const whole = ages(viewer.arrivals, ({ tail }) => written.get(tail));
    const handed = await gatewayLatency(daemon);
    viewer.close();
    other.kill('SIGKILL');
    row('passed through: arrival until the gateway has served all', handed);
    row("camera's write to viewer", whole, theirs.slice(WARM_UP), GOAL_MS);
  } finally {
    sink.socket.close();
    await daemon.stop();
    await camera.stop();
  }
}

const folder = mkdtempSync(join(tmpdir(), 'vedette-bench-'));
try {
  await encoded(folder);
  await passed();
} finally {
  releaseViewers();
  rmSync(folder, { recursive: true });
}
process.stdout.write(
  `From the camera to a viewer over RTSP/TCP, ${SIZE.width}x${SIZE.height} at ${SIZE.frameRate}/s, ${seconds} s, ` +
    `load ${loadavg()[0]?.toFixed(1)} on ${availableParallelism()} cores; milliseconds\n\n${table(
      ['', 'p50', 'p99', 'bare p50', 'bare p99', 'goal p99', ''],
      rows,
    )}\n`,
);
