/** A camera that flashes and ticks goes, and comes back: lips are in sync again, and time never runs backwards. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Test, test } from 'tap';
import { beat, flashes, ticks } from '../support/lips.ts';
import { cameraGateway, cameraProcess } from '../support/network-camera.ts';
import { runPlayer } from '../support/player.ts';

/** The colours change with each second of the wall clock; one clock stamps both. */
const CAMERA =
  'videotestsrc is-live=true pattern=ball animation-mode=wall-time flip=true ! video/x-raw,width=320,height=240,framerate=30/1 ! ' +
  'x264enc tune=zerolatency speed-preset=ultrafast bitrate=500 key-int-max=15 ! rtph264pay name=pay0 pt=96 ' +
  'audiotestsrc is-live=true wave=ticks samplesperbuffer=480 ! audio/x-raw,rate=48000,channels=2 ! opusenc ! rtpopuspay name=pay1 pt=97';

/** A viewer that keeps what it gets, as it comes. */
function keep(t: Test, path: string, ...input: string[]): ChildProcess {
  const viewer = spawn('ffmpeg', ['-v', 'error', ...input, '-c', 'copy', '-f', 'matroska', path], {
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  t.teardown(() => viewer.kill('SIGKILL'));
  return viewer;
}

/** How much later than the flashes the ticks are, in seconds: the middle one of those within a span of a file's time. */
function lateness(seen: readonly number[], heard: readonly number[], from: number, to: number): number {
  const within = (time: number): boolean => time >= from && time <= to;
  const offsets = heard
    .filter(within)
    .flatMap((tick) => seen.filter(within).map((flash) => tick - flash))
    .filter((offset) => Math.abs(offset) <= 0.5)
    .sort((a, b) => a - b);
  return offsets[Math.floor(offsets.length / 2)] ?? Number.NaN;
}

/** How often the time of a packet is before that of the one before it; the file has milliseconds, of which a player's first frames share some. */
async function stepsBack(path: string, kind: 'v' | 'a'): Promise<number> {
  const { stdout } = await runPlayer('ffprobe', [
    ...`-v error -select_streams ${kind} -show_entries packet=dts_time -of csv=p=0`.split(' '),
    path,
  ]);
  const times = stdout.trim().split('\n').map(parseFloat);
  return times.filter((time, index) => index > 0 && time < (times[index - 1] as number)).length;
}

test('after a crash, a hang and a camera that was away', { timeout: 170_000 }, async (t) => {
  const first = await cameraProcess(t, CAMERA);
  // Each packet has the time at which it came; over TCP only the first one has.
  const { daemon, settled } = await cameraGateway(t, { url: first.url, transport: 'udp' });
  const { urls } = await settled('live');
  const start = (name: string, ...input: string[]) => {
    const path = join(daemon.folder, `${name}.mkv`);
    return { name, path, process: keep(t, path, ...input) };
  };
  const truths = [start('camera', '-rtsp_transport', 'tcp', '-i', first.url)];
  const viewers = [
    start('RTSP', '-rtsp_transport', 'tcp', '-i', urls.rtsp),
    // An encoder of AAC looks ahead by a frame, 21 ms, which FLV does not tell.
    start('RTMP', '-i', urls.rtmp),
  ];
  const begun = performance.now();
  const now = (): number => (performance.now() - begun) / 1000;
  const signalWorkers = (signal: NodeJS.Signals): void => {
    for (const pid of daemon.children('capture/worker')) process.kill(pid, signal);
  };
  const spans: { what: string; from: number; to: number; truth: number }[] = [];
  /** Watches for some seconds, the first of which may be another time's in a viewer's file. */
  const watch = async (what: string): Promise<void> => {
    await settled('live');
    await sleep(3000);
    const from = now();
    await sleep(7000);
    spans.push({ what, from, to: now() - 2, truth: truths.length - 1 });
    await sleep(1000);
  };
  await watch('the beginning');
  signalWorkers('SIGKILL');
  await sleep(500);
  await watch('crashes of both workers');
  signalWorkers('SIGSTOP');
  await settled('muted');
  await watch('a hang');
  first.kill('SIGKILL');
  await settled('muted');
  await sleep(6000);
  const second = await cameraProcess(t, CAMERA, { port: first.port });
  await settled('live');
  truths.push(start('camera again', '-rtsp_transport', 'tcp', '-i', second.url));
  await watch('a camera that was away');
  for (const { process } of [...truths.slice(1), ...viewers]) {
    process.stdin?.write('q');
    if (process.exitCode === null) await once(process, 'exit');
  }
  const truth = await Promise.all(
    truths.map(async ({ path }) => lateness(await flashes(path), await ticks(path), 2, Infinity)),
  );
  for (const { name, path } of viewers) {
    const [seen, heard] = [await flashes(path), await ticks(path)];
    for (const { what, from, to, truth: which } of spans) {
      const off = beat(lateness(seen, heard, from, to) - (truth[which] ?? Number.NaN));
      t.ok(Math.abs(off) < 0.06, `${name}, ${what}: sound is ${Math.round(off * 1000)} ms late`);
    }
    t.same([await stepsBack(path, 'v'), await stepsBack(path, 'a')], [0, 0], `${name}: time only moves forward`);
    const gap = Math.max(...seen.slice(1).map((time, index) => time - (seen[index] as number)));
    t.ok(gap > 5, `${name}: the dark picture between was ${gap.toFixed(1)} s long`);
  }
});
