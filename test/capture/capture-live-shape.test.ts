import { test } from 'tap';
import { VIDEO_CODECS } from '../../config/codecs.ts';
import type { RtpFrame } from '../../daemon/rtp/rtp-frame.ts';
import {
  captureTest,
  checkContinuity,
  collect,
  decode,
  ENCODING,
  temporaryFolder,
  until,
} from '../support/capture-test-source.ts';

/** Frames per second over the next second and a half, by their times. */
async function rateOf(frames: RtpFrame[]): Promise<number> {
  const from = frames.length;
  await until(() => (frames.at(-1)?.captureTime ?? 0) - (frames[from]?.captureTime ?? Infinity) >= 1500);
  const seen = frames.slice(from);
  return ((seen.length - 1) * 1000) / ((seen.at(-1) as RtpFrame).captureTime - (seen[0] as RtpFrame).captureTime);
}

test('frame rate and size: live, without another life of the worker', { timeout: 55_000 }, async (t) => {
  const folder = await temporaryFolder(t);
  for (const codec of VIDEO_CODECS) {
    const encoding = { ...ENCODING, codec };
    const { source, track } = captureTest('video', { encoding, settings: { width: 640, height: 384, frameRate: 30 } });
    t.teardown(() => source.close());
    const frames = collect(track);
    track.retain();
    await until(() => frames.length >= 15);
    const pid = source.pid;
    const before = await rateOf(frames);
    await track.configure({
      ...track.configuration,
      encoding: { ...encoding, maxFramerate: 10, scaleResolutionDownBy: 2 },
    });
    await until(() => (frames.at(-1)?.captureTime ?? 0) - (frames.at(-2)?.captureTime ?? 0) > 80);
    const reduced = await rateOf(frames);
    t.ok(
      reduced < 11 && before > 1.5 * reduced,
      `${codec}: from ${before.toFixed(1)} to ${reduced.toFixed(1)} frames/s`,
    );
    t.equal(track.settings().frameRate, 30, 'what is captured is the same');
    await track.configure({ ...track.configuration, encoding });
    const mark = frames.length;
    await until(() => frames.length >= mark + 30);
    const again = await rateOf(frames);
    t.ok(again > 1.5 * reduced, `${codec}: and back to ${again.toFixed(1)}`);
    t.equal(source.pid, pid, 'the same worker');
    t.same(source.stats.restarts, {});
    await source.close();
    checkContinuity(t, frames);
    if (codec !== 'h264') continue;
    const { frames: pictures, complaints } = await decode(folder, frames);
    t.equal(complaints, '');
    t.same([...new Set(pictures.map(({ width, height }) => `${width}x${height}`))], ['640x384', '320x192']);
  }
});
