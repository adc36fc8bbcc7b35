/**
 * What passing a camera's H.264 on takes, beside decoding and encoding it, and beside bare `gst-launch-1.0` pipelines:
 * all from one camera at the same time. `node dist/bench/passthrough.js [seconds]`.
 */

import { availableParallelism, loadavg } from 'node:os';
import { CaptureSource } from '../daemon/capture/capture-source.ts';
import { MediaClock } from '../daemon/lib/clock.ts';
import { silentLog } from '../daemon/lib/log.ts';
import { encodersFrom } from '../test/support/capture-test-source.ts';
import { testServer } from '../test/support/rtsp-server.ts';
import { cameraLaunch, networkCamera } from './support/camera-launch.ts';
import { bareLaunch, type Cost, measureBothWays, type Running } from './support/capture-cost.ts';
import { commandOf, processTree } from './support/process-memory.ts';
import { table } from './support/report.ts';

const seconds = Number(process.argv[2] ?? 10);
const SIZE = { width: 1280, height: 720, frameRate: 30 };
const KBPS = 4000;
/** Of what passing it on takes, to others at the same time. */
const GOALS = { encoding: 0.2, pipeline: 1.1 };

/** The capture workers of this process. */
const workers = (): number[] => processTree(process.pid).filter((pid) => commandOf(pid).includes('capture/worker.'));

/** The camera as the gateway has it: where it is decoded that is another process. */
async function captured(url: string, passthrough: boolean): Promise<Running> {
  const others = workers();
  const { cameras, device } = networkCamera(url);
  const source = new CaptureSource({
    kind: 'video',
    device,
    openNetworkDevice: cameras.open,
    encoders: encodersFrom(),
    clock: new MediaClock(),
    cname: 'bench',
    log: silentLog,
    idleTimeout: 0,
  });
  const track = source.encode({
    settings: SIZE,
    contentHint: '',
    enabled: true,
    passthrough,
    encoding: { maxBitrate: KBPS * 1000, maxFramerate: undefined, scaleResolutionDownBy: 1, keyFrameInterval: 2 },
  });
  const first = new Promise((resolve) => track.rtp.onFrame(resolve));
  track.retain();
  await first;
  const pids = workers().filter((pid) => !others.includes(pid));
  return { pids, stop: () => source.close() };
}

const camera = await testServer({ source: { ...SIZE, fps: SIZE.frameRate, kbps: KBPS, gop: 60 } });
const depayload = `rtspsrc location=${camera.url} protocols=tcp latency=200 ! application/x-rtp,media=video ! rtph264depay ! fakesink sync=false`;
const [passed, encoded, same, least] = (await measureBothWays(
  [
    () => captured(camera.url, true),
    () => captured(camera.url, false),
    () => bareLaunch(cameraLaunch(camera.url), 1),
    () => bareLaunch(depayload, 0),
  ],
  seconds,
)) as [Cost, Cost, Cost, Cost];
await camera.stop();

const rows = (
  [
    ['decoding and encoding it', encoded, GOALS.encoding],
    ['gst-launch of the same pipeline', same, GOALS.pipeline],
    ['gst-launch rtspsrc ! rtph264depay ! fakesink', least, undefined],
  ] as const
).map(([name, other, goal]) => {
  const ratio = passed.cpu / other.cpu;
  const missed = goal !== undefined && ratio > goal;
  if (missed) process.exitCode = 1;
  return [
    name,
    ...[other.cpu.toFixed(0), ratio.toFixed(2), goal === undefined ? '' : `<=${goal}`],
    ...[other.memory.toFixed(1), missed ? 'missed' : ''],
  ];
});
process.stdout.write(
  `A camera's H.264, ${SIZE.width}x${SIZE.height} at ${SIZE.frameRate}/s and ${KBPS / 1000} Mbit/s, passed on: ` +
    `${passed.cpu.toFixed(0)} ms/s, ${passed.memory.toFixed(1)} MB private; ${seconds} s, ` +
    `load ${loadavg()[0]?.toFixed(1)} on ${availableParallelism()} cores\n\n${table(
      ['beside', 'ms/s', 'ratio', 'goal', 'MB', ''],
      rows,
    )}\n`,
);
