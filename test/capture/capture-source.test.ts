import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'tap';
import { TEST_PICTURE, TEST_TONE, type VideoDevice } from '../../daemon/capture/device.ts';
import {
  alive,
  captureTest,
  checkContinuity,
  collect,
  decode,
  ENCODING,
  encodersFrom,
  live,
  temporaryFolder,
  until,
} from '../support/capture-test-source.ts';

test('on demand: idle, live while retained, idle again, no process left', async (t) => {
  const { source, track } = captureTest('video');
  t.teardown(() => source.close());
  const states: string[] = [];
  source.onStateChange(() => {
    if (states.at(-1) !== source.state) states.push(source.state);
  });
  t.equal(source.state, 'idle');
  t.equal(source.muted, false);
  t.equal(source.pid, undefined);
  const frames = collect(track);
  const release = track.retain();
  await live(source);
  const pid = source.pid as number;
  await until(() => frames.length > 15);
  t.equal(frames[0]?.keyFrame, true, 'the first frame is a key frame');
  t.match(await track.rtp.formatKnown(), /profile-level-id=42C0/, 'constrained baseline');
  t.same(track.settings(), {
    width: 320,
    height: 240,
    frameRate: 15,
    aspectRatio: 320 / 240,
    resizeMode: 'none',
    deviceId: 'test',
    groupId: 'test',
  });
  release();
  release();
  await until(() => source.state === 'idle');
  t.same(states, ['opening', 'live', 'idle']);
  await until(() => source.pid === undefined, 3000);
  t.notOk(alive(pid));
  const again = track.retain();
  await live(source);
  again();
  await source.close();
  t.same(source.stats.restarts, {});
});

test('stops in less than two seconds, twice', async (t) => {
  const { source, track } = captureTest('video');
  track.retain();
  await live(source);
  const pid = source.pid as number;
  const begin = Date.now();
  await Promise.all([source.close(), source.close()]);
  t.ok(Date.now() - begin < 2000, `took ${Date.now() - begin} ms`);
  t.notOk(alive(pid));
});

test('size and frame rate: by another life of the worker, on the same stream', async (t) => {
  const folder = await temporaryFolder(t);
  const { source, track } = captureTest('video');
  t.teardown(() => source.close());
  const frames = collect(track);
  const muted: boolean[] = [];
  source.observe({ mutedChanged: () => muted.push(source.muted), ended: () => undefined });
  track.retain();
  await until(() => frames.length >= 10);
  await track.configure({
    ...track.configuration,
    encoding: { ...ENCODING, scaleResolutionDownBy: 2, maxFramerate: 5 },
  });
  const before = frames.length;
  await until(() => source.state === 'live');
  t.match(track.settings(), { width: 320, height: 240, frameRate: 15 }, 'an encoding is none of the settings');
  await until(() => frames.length >= before + 10);
  await source.close();
  checkContinuity(t, frames);
  const { frames: pictures, complaints } = await decode(folder, frames);
  t.equal(complaints.replaceAll(/.*(Reinit context|changing from).*\n/g, ''), '');
  t.match(pictures[0], { width: 320, height: 240 });
  t.match(pictures.at(-1), { width: 160, height: 120 });
  t.same(muted, [], 'we did it: nothing is muted');
  const unchanged = track.configuration;
  await t.rejects(track.configure({ ...unchanged, encoding: { ...ENCODING, maxBitrate: 1 } }), {
    code: 'invalid-value',
    message: /bitrate is 1; allowed/,
  });
  await t.rejects(track.configure({ ...unchanged, encoding: { ...ENCODING, scaleResolutionDownBy: 0.5 } }), {
    code: 'invalid-value',
  });
  t.equal(track.configuration, unchanged, 'what failed changed nothing');
});

test('the last track that stops closes the device; end() ends the tracks', async (t) => {
  const { source, track } = captureTest('video', { idleTimeout: 60_000 });
  t.teardown(() => source.close());
  const other = source.encode(track.configuration);
  const release = track.retain();
  await live(source);
  track.close();
  track.close();
  t.equal(source.state, 'live');
  other.close();
  t.equal(source.state, 'idle');
  release();
  let ended = 0;
  source.observe({ mutedChanged: () => undefined, ended: () => (ended += 1) });
  await source.end();
  t.equal(ended, 1);
});

test('an encoder that is not installed: error, and the choice is looked at again', async (t) => {
  let distrusted = 0;
  const { source, track } = captureTest('video', {
    encoders: encodersFrom(
      {},
      {
        choose: async () => (distrusted === 0 ? ['mpph264enc'] : ['x264enc']),
        distrust: () => (distrusted += 1),
      },
    ),
  });
  t.teardown(() => source.close());
  track.retain();
  await until(() => source.state === 'error');
  t.match(source.stateReason, /mpph264enc/);
  await live(source);
  t.equal(distrusted, 1);
  t.same(source.encoders, ['x264enc']);
});

const GONE: VideoDevice = {
  ...TEST_PICTURE,
  deviceId: 'gone',
  label: 'Gone camera',
  bus: 'usb-1',
  path: '/dev/video-that-is-not-there',
  formats: [{ pixelFormat: 'YUYV', width: 320, height: 240, frameRates: [15] }],
};

test('a camera that does not open: muted with a reason, tried again, live as soon as there is one', async (t) => {
  const { source, track } = captureTest('video', { device: GONE, present: async () => true });
  t.teardown(() => source.close());
  track.retain();
  await until(() => source.muted);
  t.match(source.mutedReason, /video-that-is-not-there|does not open/);
  await until(() => (source.stats.restarts.device ?? 0) >= 2);
  t.equal(source.muted, true);
  source.setDevice(undefined);
  t.equal(source.state, 'absent');
  t.match(source.stateReason, /no camera/);
  t.equal(source.label, 'Gone camera');
  source.setDevice(TEST_PICTURE);
  await live(source);
  t.equal(source.muted, false);
  t.equal(source.label, 'Test picture');
});

test('a camera that was pulled out: its worker waits for it, before the table of devices tells and after', async (t) => {
  const { source, track } = captureTest('video', { device: GONE });
  t.teardown(() => source.close());
  track.retain();
  await until(() => source.muted);
  t.equal(source.stateReason, "no camera 'Gone camera' is connected");
  const { pid } = source;
  t.type(pid, 'number');
  await delay(1000);
  t.equal(source.state, 'backoff');
  source.setDevice(undefined);
  t.equal(source.state, 'absent');
  source.setDevice(TEST_PICTURE);
  await live(source);
  t.equal(source.pid, pid, 'no other process has begun');
  t.same(source.stats.restarts, {});
});

test('while its camera is away a worker stands by, and takes it when it comes', async (t) => {
  const { source, track } = captureTest('video', { device: undefined, wishedDevice: 'Front door' });
  t.teardown(() => source.close());
  track.retain();
  t.equal(source.state, 'absent');
  t.equal(source.stateReason, "no camera 'Front door' is connected");
  const { pid } = source;
  t.type(pid, 'number');
  source.setDevice(undefined);
  t.equal(source.pid, pid, 'a look at the devices without news changes nothing');
  source.setDevice(TEST_PICTURE);
  t.equal(source.state, 'opening');
  await live(source);
  t.equal(source.pid, pid);
  t.same(source.stats.restarts, {});
});

test('a worker that stands by has other pipes than are wanted by now: another one takes the camera', async (t) => {
  const { source, track } = captureTest('video', { device: undefined });
  t.teardown(() => source.close());
  track.retain();
  const { pid } = source;
  source.encode(track.configuration);
  source.setDevice(TEST_PICTURE);
  await live(source);
  t.not(source.pid, pid);
});

test('a microphone that does not open: muted with a reason', async (t) => {
  const { source, track } = captureTest('audio', {
    device: { ...TEST_TONE, deviceId: 'gone', label: 'Gone microphone', bus: 'usb', path: 'plughw:CARD=None,DEV=0' },
    present: async () => true,
  });
  t.teardown(() => source.close());
  track.retain();
  await until(() => source.muted);
  t.match(source.mutedReason, /device/i);
  t.match(source.stats.restarts, { device: Number });
});
