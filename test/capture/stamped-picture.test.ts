/** The test picture that carries the time of its making, and that this can be read from what comes out of an encoder. */
import { test } from 'tap';
import { STAMPED_PICTURE } from '../../daemon/capture/device.ts';
import { stampAge, stampBits, stampOf } from '../../daemon/capture/picture-stamp.ts';
import { StampedPicture } from '../../daemon/capture/stamped-picture.ts';
import { systemClock } from '../../daemon/lib/clock.ts';
import { captureTest, collect, until } from '../support/capture-test-source.ts';
import { pixelsOf } from '../support/decoded.ts';
import { readStamp } from '../support/stamp-viewer.ts';

const at = (time: string): number => Date.parse(`2026-03-29T${time}Z`);

test('what is drawn is read, at any size', (t) => {
  for (const [width, height] of [
    [1920, 1080],
    [1280, 720],
    [640, 480],
    [320, 240],
    [160, 90],
    [720, 1280],
  ] as const) {
    const picture = new StampedPicture({ width, height });
    for (const time of ['00:00:00.000', '23:59:59.999', '12:34:56.789', '08:08:08.888', '01:11:11.117'] as const) {
      picture.stamp(at(time));
      t.equal(readStamp(picture.data, { width, height }), at(time) % 86_400_000, `${width}x${height} ${time}`);
    }
  }
  t.end();
});

test('lines are as long as GStreamer has them', (t) => {
  // 4:2:0 of GstVideoInfo: every plane in lines of whole fours.
  for (const [width, height, bytes] of [
    [16, 16, 384],
    [18, 16, 20 * 16 + 2 * 12 * 8],
    [640, 360, 345_600],
    [642, 362, 644 * 362 + 2 * 324 * 181],
  ] as const)
    t.equal(new StampedPicture({ width, height }).data.length, bytes, `${width}x${height}`);
  t.end();
});

test('what makes no time', (t) => {
  const bits = stampBits(at('12:34:56.789'));
  t.equal(stampOf(bits), at('12:34:56.789') % 86_400_000);
  t.equal(stampOf([]), undefined);
  t.equal(stampOf(bits.slice(1)), undefined);
  t.equal(stampOf([0, ...bits.slice(1)]), undefined, 'a dark digit');
  t.equal(
    stampOf([...stampBits(at('20:00:00.000')).slice(0, 1), ...bits.slice(1, 9)]),
    at('22:34:56.789') % 86_400_000,
  );
  t.equal(stampOf([bits[2] ?? 0, ...bits.slice(1)]), undefined, '32 hours');
  t.equal(readStamp(Buffer.alloc(320 * 240), { width: 320, height: 240 }), undefined, 'a dark picture');
  t.end();
});

test('an age goes over midnight', (t) => {
  t.equal(stampAge(at('23:59:59.900') % 86_400_000, at('00:00:00.050')), 150);
  t.equal(stampAge(50, at('23:59:59.900')), -150);
  t.equal(stampAge(0, at('00:00:00.000')), 0);
  t.end();
});

for (const [width, height, kilobits] of [
  [640, 360, 500],
  // As few as there are.
  [320, 180, 50],
] as const)
  test(`through x264 with ${kilobits} kbit/s at ${width}x${height}`, async (t) => {
    const { source, track } = captureTest('video', {
      device: STAMPED_PICTURE,
      settings: { width, height, frameRate: 15 },
      encoding: { maxBitrate: kilobits * 1000, maxFramerate: undefined, scaleResolutionDownBy: 1, keyFrameInterval: 2 },
    });
    t.teardown(() => source.close());
    const frames = collect(track);
    track.retain();
    await until(() => frames.length >= 60);
    await source.close();
    const offset = systemClock.wall() - systemClock.now();
    const pictures = await pixelsOf(frames, width, height);
    t.equal(pictures.length, frames.length);
    const stamps = pictures.map((luma) => readStamp(luma, { width, height }));
    t.equal(stamps.filter((stamp) => stamp === undefined).length, 0, 'all can be read');
    // By what the RTP says: a picture is captured when it is made.
    const apart = frames
      .map((frame, i) => stampAge(stamps[i] ?? Number.NaN, frame.captureTime + offset))
      .sort((one, other) => one - other);
    const [least, median, most] = [0, apart.length >> 1, -1].map((index) => apart.at(index) ?? Number.NaN);
    t.comment(`captured ${median?.toFixed(1)} ms after the stamp, ${least?.toFixed(1)} to ${most?.toFixed(1)}`);
    t.ok(Math.abs(median ?? Number.NaN) < 10);
  });
