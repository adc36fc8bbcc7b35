/** Several tracks over one source: one worker, one capture, for each track its own encoded stream. */
import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'tap';
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

const last = <T>(values: readonly T[]): T => values.at(-1) as T;

test('two sizes at once from one capture', async (t) => {
  const folder = await temporaryFolder(t);
  const { source, track } = captureTest('video');
  t.teardown(() => source.close());
  const { configuration } = track;
  const square = source.encode({
    ...configuration,
    settings: { width: 120, height: 120, frameRate: 5, resizeMode: 'crop-and-scale' },
  });
  const [wide, small] = [collect(track), collect(square)];
  track.retain();
  square.retain();
  await until(() => wide.length >= 20 && small.length >= 8);
  t.same(source.stats.restarts, {});
  t.not(track.rtp.ssrc, square.rtp.ssrc);
  t.match(track.settings(), { width: 320, height: 240, frameRate: 15, resizeMode: 'none' });
  t.match(square.settings(), { width: 120, height: 120, frameRate: 5, resizeMode: 'crop-and-scale' });
  await source.close();
  for (const [frames, width, height] of [
    [wide, 320, 240],
    [small, 120, 120],
  ] as const) {
    checkContinuity(t, frames);
    const { frames: pictures, complaints } = await decode(folder, frames);
    t.equal(complaints, '');
    t.same(pictures[0] && [pictures[0].width, pictures[0].height], [width, height]);
  }
});

test('enabled = false is black at once, for this track alone, without another life', async (t) => {
  const { source, track } = captureTest('video');
  t.teardown(() => source.close());
  const clone = source.encode(track.configuration);
  const [ours, others] = [collect(track), collect(clone)];
  track.retain();
  clone.retain();
  await until(() => ours.length >= 10);
  const pid = source.pid;
  const seen = ours.length;
  await track.configure({ ...track.configuration, enabled: false });
  await until(() => ours.length >= seen + 15);
  const dark = ours.length;
  await track.configure({ ...track.configuration, enabled: true });
  await until(() => ours.length >= dark + 15);
  t.equal(source.pid, pid);
  await source.close();
  const luma = await lumaOf(ours, 320, 240);
  t.ok((luma[5]?.deviation ?? 0) > 20, 'a picture');
  const black = luma[dark - 1];
  t.ok(black !== undefined && black.mean < 2 && black.deviation < 1, 'black');
  t.ok(last(luma).deviation > 20, 'a picture again');
  for (const { deviation } of await lumaOf(others, 320, 240)) if (deviation < 20) t.fail('the clone went dark');
});

test('a track that is not enabled from the beginning has never shown anything', async (t) => {
  const { source, track } = captureTest('video', { enabled: false });
  t.teardown(() => source.close());
  const frames = collect(track);
  track.retain();
  await until(() => frames.length >= 10);
  await source.close();
  for (const { mean } of await lumaOf(frames, 320, 240)) if (mean > 2) t.fail(`light: ${mean}`);
});

test('enabled = false is silence', async (t) => {
  const { source, track } = captureTest('audio');
  t.teardown(() => source.close());
  const frames = collect(track);
  track.retain();
  await until(() => frames.length >= 50);
  const loud = frames.length;
  await track.configure({ ...track.configuration, enabled: false });
  await until(() => frames.length >= loud + 100);
  await source.close();
  t.ok((await peakOf(frames.slice(0, loud))) > 3000);
  t.ok((await peakOf(frames.slice(loud + 40))) < 50);
});

test('held open: the device runs, nothing is encoded, and the first reader has a picture without another life', async (t) => {
  const { source, track } = captureTest('video');
  t.teardown(() => source.close());
  const frames = collect(track);
  const release = source.hold();
  await live(source);
  const pid = source.pid;
  await delay(1000);
  t.equal(frames.length, 0);
  t.equal(source.state, 'live');
  const { width, height, data } = await source.grab();
  t.same([width, height, data.length], [320, 240, 320 * 240 * 4]);
  t.same([...new Set(data.filter((_, at) => at % 4 === 3))], [255], 'opaque');
  const stop = track.retain();
  await until(() => frames.length >= 5);
  stop();
  await delay(300);
  const stopped = frames.length;
  await delay(600);
  t.equal(frames.length, stopped, 'nobody reads, nothing is encoded');
  track.retain();
  await until(() => frames.slice(stopped).some(({ keyFrame }) => keyFrame), 5000);
  t.equal(source.pid, pid);
  checkContinuity(t, frames);
  release();
});

test('a hang of a device of which nothing is encoded is found', async (t) => {
  const { source } = captureTest('video');
  t.teardown(() => source.close());
  source.hold();
  await live(source);
  process.kill(source.pid as number, 'SIGSTOP');
  await until(() => source.muted);
  await live(source);
  t.match(source.stats.restarts, { stall: 1 });
});

test('a track that comes later: another life, in which the others go on', async (t) => {
  const { source, track } = captureTest('video');
  t.teardown(() => source.close());
  const frames = collect(track);
  const muted: boolean[] = [];
  source.observe({ mutedChanged: () => muted.push(source.muted), ended: () => undefined });
  track.retain();
  await until(() => frames.length >= 10);
  const before = frames.length;
  const late = source.encode({ ...track.configuration, settings: { width: 160, height: 120 }, contentHint: 'text' });
  const lateFrames = collect(late);
  late.retain();
  await until(() => lateFrames.length >= 10 && frames.length >= before + 10);
  checkContinuity(t, frames);
  t.same(muted, []);
  t.same(source.stats.restarts, {});
});

test('cut and turned: the size that the track tells is the one that comes', async (t) => {
  const folder = await temporaryFolder(t);
  const { source, track } = captureTest('video', {
    picture: { crop: { top: 25, right: 0, bottom: 25, left: 50 }, orientation: 'clockwise', overlay: 'Porch <%T>' },
  });
  t.teardown(() => source.close());
  const frames = collect(track);
  track.retain();
  await until(() => frames.length >= 5);
  t.match(track.settings(), { width: 120, height: 160, aspectRatio: 0.75 });
  await source.close();
  const { frames: pictures, complaints } = await decode(folder, frames);
  t.equal(complaints, '');
  t.match(pictures[0], { width: 120, height: 160 });
  await t.rejects(
    track.configure({
      ...track.configuration,
      picture: { crop: { top: 0, right: 60, bottom: 0, left: 40 }, orientation: 'none', overlay: '' },
    }),
    { code: 'invalid-value', message: /crop leaves less/ },
  );
});

test('how loud it is: of what is captured, measured when somebody asks', async (t) => {
  const { source, track } = captureTest('audio', { gain: -20 });
  t.teardown(() => source.close());
  t.equal(await source.level(), undefined, 'not open');
  const frames = collect(track);
  track.retain();
  await until(() => frames.length >= 20);
  // A sine of a fifth of full scale.
  const [one, other] = await Promise.all([source.level(), source.level()]);
  for (const level of [one, other])
    t.ok(level && Math.abs(level.peak + 14) < 0.6 && Math.abs(level.rms + 17) < 0.6, JSON.stringify(level));
  await until(() => frames.length >= 60);
  await source.close();
  // A decoder that begins in the middle overshoots at first; without the gain it is 6553.
  const peak = await peakOf(frames.slice(30));
  t.ok(peak > 400 && peak < 2500, `a gain of -20 dB: ${peak} of 32767`);
});
