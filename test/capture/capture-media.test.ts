import { test } from 'tap';
import {
  captureTest,
  checkContinuity,
  collect,
  decode,
  ENCODING,
  encodersFrom,
  stepsOf,
  temporaryFolder,
  until,
} from '../support/capture-test-source.ts';

test('what comes out decodes without a complaint', async (t) => {
  const folder = await temporaryFolder(t);
  for (const encoder of ['x264enc', 'openh264enc'] as const) {
    const { source, track } = captureTest('video', {
      encoders: encodersFrom({ h264: [encoder] }),
      encoding: { ...ENCODING, keyFrameInterval: 1 },
    });
    t.teardown(() => source.close());
    const frames = collect(track);
    track.retain();
    await until(() => frames.length >= 40);
    await source.close();
    const { frames: pictures, complaints } = await decode(folder, frames);
    t.equal(complaints, '', `${encoder}: no complaint`);
    t.equal(pictures.length, frames.length, 'every frame is a picture');
    t.notOk(
      pictures.some(({ pict_type }) => pict_type === 'B'),
      'no B-frames',
    );
    t.match(pictures[0], { width: 320, height: 240, key_frame: 1 });
    t.ok(pictures.filter(({ key_frame }) => key_frame === 1).length >= 3, 'a key frame each second');
    t.same(
      frames.map(({ keyFrame }) => keyFrame),
      pictures.map(({ key_frame }) => key_frame === 1),
      'marked as such',
    );
    checkContinuity(t, frames);
  }
});

test('capture times are true: sound and picture run on one clock', async (t) => {
  for (const kind of ['video', 'audio'] as const) {
    const { source, track } = captureTest(kind);
    t.teardown(() => source.close());
    const ages: number[] = [];
    track.rtp.onFrame((frame) => ages.push(Number(process.hrtime.bigint()) / 1e6 - frame.captureTime));
    track.retain();
    await until(() => ages.length >= 30);
    const least = Math.min(...ages);
    // The fastest frame of many is not held up by a busy machine: encoding and pipes take a few milliseconds.
    t.ok(least > -5 && least < 50, `${kind}: captured ${least.toFixed(1)} ms before it arrived`);
    await source.close();
  }
});

test('sound: an Opus frame every 20 ms', async (t) => {
  const { source, track } = captureTest('audio');
  t.teardown(() => source.close());
  const frames = collect(track);
  track.retain();
  await until(() => frames.length >= 100);
  checkContinuity(t, frames);
  const spans = stepsOf(frames.slice(1));
  t.equal(spans.filter((span) => span === 960).length, spans.length, 'each 960 samples after the one before');
  t.match(track.settings(), { sampleRate: 48_000, channelCount: 2 });
});
