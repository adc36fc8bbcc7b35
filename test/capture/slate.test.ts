/** What viewers see while there is nothing to see: a picture that says why, on the same stream. */
import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'tap';
import { TEST_PICTURE, TEST_TONE } from '../../daemon/capture/device.ts';
import {
  captureTest,
  checkContinuity,
  collect,
  decode,
  live,
  temporaryFolder,
  until,
} from '../support/capture-test-source.ts';
import { lumaOf, peakOf } from '../support/decoded.ts';

test('the camera goes and comes back: a dark picture between, one stream', async (t) => {
  const folder = await temporaryFolder(t);
  const { source, track } = captureTest('video', { wishedDevice: 'Front' });
  t.teardown(() => source.close());
  const frames = collect(track);
  track.retain();
  await until(() => frames.length >= 15);
  const bright = frames.length;
  source.setDevice(undefined);
  t.equal(source.state, 'absent');
  await until(() => frames.length >= bright + 8);
  const [slate, again] = [frames.length, await track.photo()];
  t.same([again.width, again.height], [320, 240], 'a snapshot shows it too');
  await t.rejects(source.grab(), { code: 'not-live' }, 'but it is no picture of the camera');
  source.setDevice(TEST_PICTURE);
  await live(source);
  const before = frames.length;
  await until(() => frames.length >= before + 15);
  await source.close();
  checkContinuity(t, frames);
  const { frames: pictures, complaints } = await decode(folder, frames);
  t.equal(complaints, '');
  t.equal(pictures.length, frames.length);
  const luma = await lumaOf(frames, 320, 240);
  t.ok((luma[10]?.mean ?? 0) > 60, 'the camera');
  const dark = luma[slate - 1];
  t.ok(dark !== undefined && dark.mean < 40 && dark.deviation > 5, `dark, with words on it: ${JSON.stringify(dark)}`);
  t.ok((luma.at(-1)?.mean ?? 0) > 60, 'the camera again');
  const gap = Math.max(...frames.slice(1).map((frame, i) => frame.captureTime - (frames[i]?.captureTime ?? 0)));
  t.comment(`the longest still picture: ${Math.round(gap)} ms`);
});

test('a camera that is not there when viewers come: they see why', async (t) => {
  const { source, track } = captureTest('video', { device: undefined, wishedDevice: 'Front' });
  t.teardown(() => source.close());
  const frames = collect(track);
  track.retain();
  await until(() => frames.length >= 5);
  t.match(source.mutedReason, /no camera 'Front' is connected/);
  t.match(await track.rtp.formatKnown(), /profile-level-id/);
});

test('a crash that is mended within a moment shows no slate', async (t) => {
  const { source, track } = captureTest('video');
  t.teardown(() => source.close());
  const frames = collect(track);
  track.retain();
  await until(() => frames.length >= 10);
  // On a busy machine it takes longer than a slate waits, now and then.
  let [lives, took] = [0, Infinity];
  for (let crash = 0; crash < 5 && took >= 900; crash++) {
    lives = track.rtp.stats.sources;
    const begin = performance.now();
    process.kill(source.pid as number, 'SIGKILL');
    await until(() => source.muted);
    await live(source);
    took = performance.now() - begin;
  }
  t.ok(took < 900, `it is mended within a moment: ${Math.round(took)} ms`);
  t.equal(track.rtp.stats.sources, lives + 1);
  await delay(1500);
  t.equal(track.rtp.stats.sources, lives + 1);
});

test('a microphone goes: silence, and sound again', async (t) => {
  const { source, track } = captureTest('audio');
  t.teardown(() => source.close());
  const frames = collect(track);
  track.retain();
  await until(() => frames.length >= 50);
  const loud = frames.length;
  source.setDevice(undefined);
  await until(() => frames.length >= loud + 100);
  const silent = frames.length;
  source.setDevice(TEST_TONE);
  await live(source);
  await until(() => frames.length >= silent + 100);
  await source.close();
  checkContinuity(t, frames);
  t.ok((await peakOf(frames.slice(0, loud))) > 3000);
  t.ok((await peakOf(frames.slice(loud + 60, silent))) < 50);
  t.ok((await peakOf(frames.slice(-40))) > 3000);
});

test('privacy: the device is closed at once, viewers and snapshots see that, and who comes later does not open it', async (t) => {
  const { source, track } = captureTest('video', { idleTimeout: 60_000 });
  t.teardown(() => source.close());
  const frames = collect(track);
  track.retain();
  await until(() => frames.length >= 10);
  await track.configure({ ...track.configuration, privacy: true });
  t.equal(source.state, 'idle');
  const bright = frames.length;
  await until(() => source.pid === undefined, 3000);
  await until(() => frames.length >= bright + 8);
  const { width } = await track.photo();
  t.equal(width, 320);
  const release = track.retain();
  await delay(500);
  t.equal(source.pid, undefined);
  t.equal(source.muted, false, 'not a fault');
  release();
  const dark = frames.length;
  await track.configure({ ...track.configuration, privacy: false });
  await live(source);
  await until(() => frames.length >= dark + 15);
  await source.close();
  checkContinuity(t, frames);
  const luma = await lumaOf(frames, 320, 240);
  for (const { mean } of luma.slice(bright + 1, dark)) if (mean > 40) t.fail(`light while private: ${mean}`);
  t.ok((luma.at(-1)?.mean ?? 0) > 60);
});

test('privacy of one track leaves the others their camera', async (t) => {
  const { source, track } = captureTest('video');
  t.teardown(() => source.close());
  const open = source.encode(track.configuration);
  const [hidden, seen] = [collect(track), collect(open)];
  track.retain();
  open.retain();
  await until(() => hidden.length >= 10);
  const pid = source.pid;
  await track.configure({ ...track.configuration, privacy: true });
  const [before, others] = [hidden.length, seen.length];
  await until(() => hidden.length >= before + 8 && seen.length >= others + 10);
  t.equal(source.pid, pid);
  await source.close();
  checkContinuity(t, hidden);
  t.ok(((await lumaOf(hidden, 320, 240)).at(-1)?.mean ?? 255) < 40);
  t.ok(((await lumaOf(seen, 320, 240)).at(-1)?.mean ?? 0) > 60);
});

test('private from the start: the device is never opened', async (t) => {
  const { source, track } = captureTest('video', { privacy: true });
  t.teardown(() => source.close());
  const frames = collect(track);
  track.retain();
  await until(() => frames.length >= 5);
  t.equal(source.pid, undefined);
  const shown = await lumaOf(frames, 320, 240);
  t.ok((shown[0]?.mean ?? 255) < 40);
});

test('a snapshot of a track that is not enabled is black', async (t) => {
  const { source, track } = captureTest('video', { enabled: false });
  t.teardown(() => source.close());
  const { jpeg, width, height } = await track.photo();
  t.same([width, height], [320, 240]);
  t.ok(jpeg.length < 4000, `${jpeg.length} bytes of one colour`);
  t.equal(source.pid, undefined, 'the device was not opened for it');
});
