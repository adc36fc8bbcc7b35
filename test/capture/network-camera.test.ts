/** Cameras on the network: real RTSP peers, which are killed, frozen, changed, and refuse us. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'tap';
import {
  type CaptureWorker,
  type CaptureWorkerOptions,
  startCaptureWorker,
} from '../../daemon/capture/worker-process.ts';
import {
  checkContinuity,
  collect,
  decode,
  ENCODING,
  live,
  temporaryFolder,
  until,
} from '../support/capture-test-source.ts';
import { cameraProcess, cameraSettings, H264_10_SECONDS, networkSource } from '../support/network-camera.ts';
import { type LogEntry, recordingLog } from '../support/recording-log.ts';

test('killed and started again, frozen, of another size: the track goes on', async (t) => {
  const folder = await temporaryFolder(t);
  const camera = await cameraProcess(t, H264_10_SECONDS);
  const { source, track } = networkSource(t, 'video', cameraSettings(camera.url, { timeout: 1 }));
  const frames = collect(track);
  track.retain();
  await live(source);
  await until(() => frames.length >= 15);
  t.same(source.encoders, [], 'passed through');
  camera.kill('SIGKILL');
  await until(() => source.muted);
  t.match(source.mutedReason, /127\.0\.0\.1|Could not|delivered nothing|end/);
  const before = frames.length;
  await until(() => frames.length > before + 5);
  t.match(source.mutedReason, `127.0.0.1:${camera.port} cannot be reached: ECONNREFUSED`, 'while the slate is shown');
  const { port } = camera;
  const other = await cameraProcess(t, H264_10_SECONDS.replace('width=320,height=240', 'width=352,height=288'), {
    port,
  });
  await live(source);
  const back = frames.length;
  await until(() => frames.length >= back + 15);
  t.match(track.settings(), { width: 352, height: 288 });
  other.kill('SIGSTOP');
  await until(() => source.muted);
  t.match(source.mutedReason, /delivered nothing|does not answer/);
  other.kill('SIGCONT');
  await live(source);
  const again = frames.length;
  await until(() => frames.length >= again + 15);
  await source.close();
  checkContinuity(t, frames);
  const { frames: pictures } = await decode(folder, frames);
  t.same([pictures[0]?.width, pictures.at(-1)?.width], [320, 352]);
});

test('wrong password, right password; it is nowhere to be read', async (t) => {
  const folder = await temporaryFolder(t);
  const log: LogEntry[] = [];
  const camera = await cameraProcess(t, H264_10_SECONDS, { user: 'admin', password: 'sesame "quoted" #1' });
  const passwordFile = join(folder, 'password');
  await writeFile(passwordFile, 'wrong-password\n');
  const { source, track } = networkSource(t, 'video', cameraSettings(camera.url, { username: 'admin', passwordFile }), {
    log: recordingLog(log),
  });
  const frames = collect(track);
  track.retain();
  await until(() => source.muted);
  t.match(source.mutedReason, 'does not accept the user name and password');
  await writeFile(passwordFile, 'sesame "quoted" #1\n');
  await live(source);
  await until(() => frames.length >= 20);
  const told = JSON.stringify([log, source.device, source.lastDevice, source.label]);
  t.notMatch(told, /sesame|wrong-password/);
});

test('while it is away it is asked again and again, by the process that will take it', async (t) => {
  const camera = await cameraProcess(t, H264_10_SECONDS);
  const { port } = camera;
  camera.kill('SIGKILL');
  await delay(100);
  const { source, track } = networkSource(t, 'video', cameraSettings(camera.url));
  const frames = collect(track);
  track.retain();
  await until(() => source.muted);
  const { pid } = source;
  t.type(pid, 'number');
  // A few attempts.
  await delay(3000);
  await cameraProcess(t, H264_10_SECONDS, { port });
  const begun = performance.now();
  await live(source);
  t.comment(`back after ${Math.round(performance.now() - begun)} ms`);
  await until(() => frames.length >= 5);
  t.equal(source.pid, pid);
  t.same(source.stats.restarts, {});
});

test('what is decoded: a decoder that gets nothing is not taken for hung', async (t) => {
  const camera = await cameraProcess(t, H264_10_SECONDS);
  const log: LogEntry[] = [];
  const { track } = networkSource(t, 'video', cameraSettings(camera.url, { timeout: 30 }), {
    encoding: { ...ENCODING, scaleResolutionDownBy: 2 },
    log: recordingLog(log),
  });
  const frames = collect(track);
  track.retain();
  await until(() => frames.length >= 15);
  camera.kill('SIGSTOP');
  await delay(5000);
  camera.kill('SIGCONT');
  const before = frames.length;
  await until(() => frames.length >= before + 45);
  t.same(
    log.filter(({ level }) => level === 'warn').map(({ message }) => message),
    [],
  );
  checkContinuity(t, frames);
});

test('what is decoded: a decoder that dies is replaced and counted', async (t) => {
  const camera = await cameraProcess(t, H264_10_SECONDS);
  const workers: CaptureWorker[] = [];
  const startWorker = (options: CaptureWorkerOptions): CaptureWorker => {
    const worker = startCaptureWorker(options);
    workers.push(worker);
    return worker;
  };
  const encoding = { ...ENCODING, scaleResolutionDownBy: 2 };
  const { source, track } = networkSource(t, 'video', cameraSettings(camera.url), { encoding, startWorker });
  const frames = collect(track);
  track.retain();
  await until(() => frames.length >= 15);
  const decoder = workers.at(-1)?.pid as number;
  t.not(decoder, source.pid);
  process.kill(decoder, 'SIGKILL');
  const before = frames.length;
  await until(() => frames.length >= before + 15);
  t.same(source.stats.restarts, { decoder: 1 });
  checkContinuity(t, frames);
});

test('what is decoded: where nothing can do it the source says so', async (t) => {
  const camera = await cameraProcess(t, H264_10_SECONDS);
  const decoders = ['avdec_h264', 'openh264dec', 'v4l2h264dec', 'v4l2slh264dec', 'vaapih264dec', 'vah264dec'];
  const { source, track } = networkSource(t, 'video', cameraSettings(camera.url), {
    encoding: { ...ENCODING, scaleResolutionDownBy: 2 },
    environment: { GST_PLUGIN_FEATURE_RANK: decoders.map((name) => `${name}:NONE`).join(',') },
  });
  track.retain();
  await until(() => source.muted);
  t.match(source.mutedReason, 'missing a plug-in');
});

test('none asked for', async (t) => {
  const camera = await cameraProcess(t, H264_10_SECONDS, { user: 'admin', password: 'x' });
  const { source, track } = networkSource(t, 'video', cameraSettings(camera.url));
  track.retain();
  await until(() => source.muted);
  t.match(source.mutedReason, 'wants a user name and a password');
});

test('a camera without sound says so', async (t) => {
  const camera = await cameraProcess(t, H264_10_SECONDS);
  const { source, track } = networkSource(t, 'audio', cameraSettings(camera.url));
  track.retain();
  await until(() => source.muted);
  t.match(source.mutedReason, 'porch has no audio that can be taken in; it has H264');
});
