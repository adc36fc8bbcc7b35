import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'tap';
import { ENCODERS } from '../../daemon/capture/encoders.ts';
import { captureTest, collect, ENCODING, encodersFrom, until } from '../support/capture-test-source.ts';

test('a key frame on demand; many wishes are few requests', async (t) => {
  const { source, track } = captureTest('video', { encoding: { ...ENCODING, keyFrameInterval: 600 } });
  t.teardown(() => source.close());
  const frames = collect(track);
  track.retain();
  await until(() => frames.length >= 15);
  t.equal(track.rtp.stats.keyFrames, 1);
  track.requestKeyFrame();
  await until(() => track.rtp.stats.keyFrames === 2, 5000);
  await delay(400);
  const before = track.rtp.stats.keyFrames;
  for (let i = 0; i < 50; i++) track.requestKeyFrame();
  await until(() => track.rtp.stats.keyFrames > before, 5000);
  await delay(1000);
  t.ok(track.rtp.stats.keyFrames - before <= 2, `${track.rtp.stats.keyFrames - before} key frames for 50 wishes`);
});

test('bit rate: live, without another life of the worker', { timeout: 55_000 }, async (t) => {
  for (const encoder of ['x264enc', 'openh264enc', 'x265enc', 'vp8enc', 'jpegenc'] as const) {
    const { codec } = ENCODERS[encoder];
    const encoding = { ...ENCODING, codec, maxBitrate: codec === 'mjpeg' ? 100_000 : 300_000 };
    const { source, track } = captureTest('video', {
      encoders: encodersFrom({ [codec]: [encoder] }),
      pattern: 'snow',
      settings: { width: 320, height: 240, frameRate: 30 },
      encoding,
    });
    t.teardown(() => source.close());
    const frames = collect(track);
    track.retain();
    await until(() => frames.length >= 45);
    const pid = source.pid;
    const size = (from: number): number =>
      frames.slice(from).reduce((sum, frame) => sum + frame.byteLength, 0) / (frames.length - from);
    const low = size(15);
    await track.configure({ ...track.configuration, encoding: { ...encoding, maxBitrate: 8_000_000 } });
    const changed = frames.length + 15;
    await until(() => frames.length >= changed + 30);
    t.ok(
      size(changed) > 1.5 * low,
      `${encoder}: from ${Math.round(low)} to ${Math.round(size(changed))} bytes a frame`,
    );
    t.equal(source.pid, pid);
    t.same(source.stats.restarts, {});
    await source.close();
  }
});
