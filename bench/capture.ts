/**
 * What the worker of a camera takes over what GStreamer takes: CPU time a frame and private memory, beside a bare
 * `gst-launch-1.0` of the very same pipeline at the same time; and one capture with two encodings beside two pipelines.
 * `node dist/bench/capture.js [seconds]`.
 */
import { availableParallelism } from 'node:os';
import { CaptureSource } from '../daemon/capture/capture-source.ts';
import { testDevice } from '../daemon/capture/device.ts';
import type { EncodedTrack } from '../daemon/capture/encoded-track.ts';
import { launchString } from '../daemon/capture/pipeline.ts';
import type { VideoBranch, VideoPipeline } from '../daemon/capture/video-pipeline.ts';
import { MediaClock } from '../daemon/lib/clock.ts';
import { silentLog } from '../daemon/lib/log.ts';
import { encodersFrom } from '../test/support/capture-test-source.ts';
import { bareLaunch, type Cost, measureBothWays, type Running } from './support/capture-cost.ts';
import { table } from './support/report.ts';

const seconds = Number(process.argv[2] ?? 10);
const CPU_GOAL = 1.03;
const MEMORY_GOAL_MB = 12;
const ADJUSTMENTS = { crop: { top: 0, right: 0, bottom: 0, left: 0 }, orientation: 'none', overlay: '' } as const;

interface Size {
  width: number;
  height: number;
  frameRate: number;
}

const HD: Size = { width: 1280, height: 720, frameRate: 30 };
const FULL_HD: Size = { width: 1920, height: 1080, frameRate: 30 };
const SMALL: Size = { width: 640, height: 360, frameRate: 30 };

const branch = (output: Size): VideoBranch => ({
  open: true,
  enabled: true,
  encoder: 'x264enc',
  profile: 'baseline',
  output,
  bitrate: 2_000_000,
  keyFrameInterval: 10,
  content: 'motion',
  adjustments: ADJUSTMENTS,
});

/** The worker as the gateway runs it. */
async function worker(sizes: readonly Size[]): Promise<Running> {
  const source = new CaptureSource({
    kind: 'video',
    device: testDevice('video'),
    encoders: encodersFrom(),
    clock: new MediaClock(),
    cname: 'bench',
    log: silentLog,
    pattern: 'smpte75',
    idleTimeout: 0,
  });
  const tracks = sizes.map(
    (settings): EncodedTrack =>
      source.encode({
        settings: { ...settings, resizeMode: 'crop-and-scale' },
        contentHint: '',
        enabled: true,
        encoding: { maxBitrate: 2_000_000, maxFramerate: undefined, scaleResolutionDownBy: 1, keyFrameInterval: 10 },
      }),
  );
  for (const track of tracks) track.retain();
  await source.live(AbortSignal.timeout(30_000));
  return { pids: [source.pid ?? 0], stop: () => source.close() };
}

/** The same pipelines without any of us; what they write is read and thrown away. */
async function bare(captured: Size, outputs: readonly Size[]): Promise<Running> {
  const pipeline: VideoPipeline = {
    kind: 'video',
    input: { type: 'test', pattern: 'smpte75', wish: captured, clock: false },
    branches: outputs.map(branch),
    processors: availableParallelism(),
  };
  return bareLaunch(launchString(pipeline), outputs.length);
}

const rows: string[][] = [];

function row(name: string, ours: Cost, theirs: Cost, goals: { cpu?: number; memory?: number }): void {
  const ratio = ours.cpu / theirs.cpu;
  const more = ours.memory - theirs.memory;
  const missed = (goals.cpu !== undefined && ratio > goals.cpu) || (goals.memory !== undefined && more > goals.memory);
  if (missed) process.exitCode = 1;
  rows.push([
    name,
    ours.cpu.toFixed(0),
    theirs.cpu.toFixed(0),
    ratio.toFixed(2),
    goals.cpu === undefined ? '' : `<=${goals.cpu}`,
    more.toFixed(1),
    goals.memory === undefined ? '' : `<=${goals.memory}`,
    missed ? 'missed' : '',
  ]);
}

for (const [name, size] of [
  ['720p30', HD],
  ['1080p30', FULL_HD],
] as const) {
  const [ours, theirs] = (await measureBothWays([() => worker([size]), () => bare(size, [size])], seconds)) as [
    Cost,
    Cost,
  ];
  row(`${name}, beside gst-launch`, ours, theirs, { cpu: CPU_GOAL, memory: MEMORY_GOAL_MB });
}
const [one, first, second] = (await measureBothWays(
  [() => worker([HD, SMALL]), () => bare(HD, [HD]), () => bare(HD, [SMALL])],
  seconds,
)) as [Cost, Cost, Cost];
const two = { cpu: first.cpu + second.cpu, memory: first.memory + second.memory };
row('720p30 and 360p30, beside two pipelines', one, two, { cpu: 1 });

process.stdout.write(
  `Capture and encoding of a test picture, ${seconds} s\n\n${table(
    ['', 'worker ms/s', 'GStreamer ms/s', 'ratio', 'goal', 'MB more', 'goal', ''],
    rows,
  )}\n`,
);
