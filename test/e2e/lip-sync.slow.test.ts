/** A camera that flashes and ticks goes, and comes back: lips are in sync again, and time never runs backwards. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Test, test } from 'tap';
import { type CameraProxyOptions, cameraProxy } from '../support/camera-proxy.ts';
import { beat, flashes, ticks } from '../support/lips.ts';
import { type CameraGateway, cameraGateway, cameraProcess } from '../support/network-camera.ts';
import { runPlayer } from '../support/player.ts';
import { WebRtcRecording } from '../support/webrtc-recording.ts';
import { releaseViewers } from '../support/webrtc-viewer.ts';

/** The picture changes its colours with each 50th frame, two seconds, and there is a tick with each second. */
const CAMERA =
  'videotestsrc is-live=true pattern=ball animation-mode=frames flip=true ! video/x-raw,width=320,height=240,framerate=25/1 ! ' +
  'x264enc tune=zerolatency speed-preset=ultrafast bitrate=500 key-int-max=15 ! rtph264pay name=pay0 pt=96 ' +
  'audiotestsrc is-live=true wave=ticks samplesperbuffer=480 ! audio/x-raw,rate=48000,channels=2 ! opusenc ! rtpopuspay name=pay1 pt=97';
/** How far sound may be from its picture, in seconds. */
const TOLERANCE = 0.06;
/** An encoder of AAC looks ahead by a frame, which FLV does not tell. */
const AAC_LOOK_AHEAD = 0.021;

interface Recording {
  readonly name: string;
  readonly path: string;
  /** How much later its sound is by itself, in seconds. */
  readonly delay: number;
  stop(): Promise<void>;
}

/** A viewer that keeps what it gets, as it comes. */
function player(t: Test, name: string, path: string, input: readonly string[], delay = 0): Recording {
  const viewer: ChildProcess = spawn('ffmpeg', ['-v', 'error', ...input, '-c', 'copy', '-f', 'matroska', path], {
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  t.teardown(() => viewer.kill('SIGKILL'));
  const stop = async (): Promise<void> => {
    viewer.stdin?.write('q');
    if (viewer.exitCode === null) await once(viewer, 'exit');
  };
  return { name, path, delay, stop };
}

/** Viewers of each protocol. */
async function viewersOf(t: Test, { daemon, settled }: CameraGateway): Promise<[Recording, Recording, Recording]> {
  const { urls } = await settled('live');
  const path = (name: string): string => join(daemon.folder, `${name}.mkv`);
  const { origin } = new URL(daemon.page);
  const webrtc = await WebRtcRecording.start(`${origin}/streams/door/whep`);
  t.teardown(releaseViewers);
  const stop = async (): Promise<void> => {
    await webrtc.save(path('WebRTC'));
    // What its sender says of the time of day is ours, whatever the camera's clock shows.
    for (const kind of ['video', 'audio'] as const) {
      const age = webrtc.age(kind);
      t.ok(age > -50 && age < 1000, `WebRTC, ${kind}: ${Math.round(age)} ms after its capture`);
    }
  };
  return [
    player(t, 'RTSP', path('RTSP'), ['-rtsp_transport', 'tcp', '-i', urls.rtsp]),
    player(t, 'RTMP', path('RTMP'), ['-i', urls.rtmp], AAC_LOOK_AHEAD),
    { name: 'WebRTC', path: path('WebRTC'), delay: 0, stop },
  ];
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

/** How often, in a file of a player, the time of a packet is before that of the one before it; the file has milliseconds, of which its first frames share some. */
async function stepsBack(path: string, kind: 'v' | 'a'): Promise<number> {
  const { stdout } = await runPlayer('ffprobe', [
    ...`-v error -select_streams ${kind} -show_entries packet=dts_time -of csv=p=0`.split(' '),
    path,
  ]);
  const times = stdout.trim().split('\n').map(parseFloat);
  return times.filter((time, index) => index > 0 && time < (times[index - 1] as number)).length;
}

for (const transport of ['tcp', 'udp'])
  test(`over ${transport}: after a crash, a hang and a camera that was away`, { timeout: 170_000 }, async (t) => {
    const first = await cameraProcess(t, CAMERA);
    const gateway = await cameraGateway(t, { url: first.url, transport });
    const { daemon, settled } = gateway;
    const viewers = await viewersOf(t, gateway);
    const begun = performance.now();
    const now = (): number => (performance.now() - begun) / 1000;
    const signalWorkers = (signal: NodeJS.Signals): void => {
      for (const pid of daemon.children('capture/worker')) process.kill(pid, signal);
    };
    const spans: { what: string; from: number; to: number }[] = [];
    /** Watches for some seconds, the first of which may be another time's in a viewer's file. */
    const watch = async (what: string): Promise<void> => {
      await settled('live');
      // The first sender reports of a camera come within five seconds.
      await sleep(6000);
      const from = now();
      await sleep(7000);
      spans.push({ what, from, to: now() - 2 });
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
    await cameraProcess(t, CAMERA, { port: first.port });
    await watch('a camera that was away');
    for (const { stop } of viewers) await stop();
    for (const { name, path, delay } of viewers) {
      const [seen, heard] = [await flashes(path), await ticks(path)];
      for (const { what, from, to } of spans) {
        const off = beat(lateness(seen, heard, from, to) - delay);
        t.ok(Math.abs(off) < TOLERANCE, `${name}, ${what}: sound is ${Math.round(off * 1000)} ms late`);
      }
      if (name !== 'WebRTC')
        t.same([await stepsBack(path, 'v'), await stepsBack(path, 'a')], [0, 0], `${name}: time only moves forward`);
      const gap = Math.max(...seen.slice(1).map((time, index) => time - (seen[index] as number)));
      t.ok(gap > 5, `${name}: the dark picture between was ${gap.toFixed(1)} s long`);
    }
  });

/** Puts a camera's clock this many seconds later. */
const setClock = (seconds: number, packet: Buffer): true => {
  if (packet[1] === 200) packet.writeUInt32BE((packet.readUInt32BE(8) + seconds) >>> 0, 8);
  return true;
};
const YEARS = 10 * 365 * 86_400;

for (const [name, options] of Object.entries({
  'a connection that is held up at its beginning': {
    holdUp: (connection) => (connection % 2 === 0 ? 500 : 0),
  },
  'a camera whose clock is years off': { report: (packet) => setClock(-YEARS, packet) },
  'a camera whose clock is set': {
    report: (packet, age) => setClock(age > 8000 ? 3600 : 0, packet),
  },
  'a camera without sender reports, of which a connection is held up': {
    report: () => false,
    holdUp: (connection) => (connection % 2 === 0 ? 500 : 0),
  },
} satisfies Record<string, Omit<CameraProxyOptions, 'port'>>))
  test(name, async (t) => {
    const camera = await cameraProcess(t, CAMERA);
    const port = await cameraProxy(t, { port: camera.port, ...options });
    const gateway = await cameraGateway(t, { url: `rtsp://127.0.0.1:${port}/cam` });
    const viewers = await viewersOf(t, gateway);
    await sleep(20_000);
    for (const { stop } of viewers) await stop();
    for (const { name, path, delay } of viewers) {
      const off = beat(lateness(await flashes(path), await ticks(path), 10, 18) - delay);
      t.ok(Math.abs(off) < TOLERANCE, `${name}: sound is ${Math.round(off * 1000)} ms late`);
      if (name !== 'WebRTC')
        t.same([await stepsBack(path, 'v'), await stepsBack(path, 'a')], [0, 0], `${name}: time only moves forward`);
    }
  });
