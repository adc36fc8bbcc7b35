import { test } from 'tap';
import { timestampDistance } from '../../daemon/rtp/packet.ts';
import { captureTimeOf, RtpTimeline } from '../../daemon/rtp/rtp-timeline.ts';

test('times go on from the newest frame', async (t) => {
  const timeline = new RtpTimeline(90_000);
  const begin = timeline.at(1000);
  const since = (monotonic: number): number => timestampDistance(timeline.at(monotonic), begin);
  t.equal(since(1020), 1800);
  t.equal(since(980), -1800, 'also before what was asked for first');
  t.equal(timeline.lastCaptureTime, undefined, 'nothing has gone out');
  t.equal(timeline.ahead(timeline.at(0)), Infinity);
  // A source whose clock is 10 ms ahead of ours.
  timeline.advance({ timestamp: (begin + 2700) >>> 0, captureTime: 1020 });
  t.equal(timeline.lastCaptureTime, 1020);
  t.equal(since(1120), 11_700, 'the source is followed');
  t.equal(timeline.ahead(begin), -2700);
});

test('a frame that is to go out comes after those that did', async (t) => {
  const timeline = new RtpTimeline(48_000);
  t.equal(timeline.next(500), timeline.at(500), 'the first one anywhere');
  timeline.advance({ timestamp: 0xffff_fff0, captureTime: 1000 });
  for (const [name, captureTime, room, ahead] of [
    ['later', 1020, 0, 960],
    ['at the same time: a millisecond later', 1000, 0, 48],
    ['earlier', 400, 0, 48],
    ['earlier, with room for what comes before it', 400, 480, 528],
    ['later, where there is room', 1020, 480, 960],
  ] as const)
    t.equal(timeline.ahead(timeline.next(captureTime, room)), ahead, name);
});

test('what a time stands for', async (t) => {
  const known = { timestamp: 100, captureTime: 5000 };
  t.equal(captureTimeOf(4600, known, 90_000), 5050);
  t.equal(captureTimeOf(0xffff_ffff - 799, known, 90_000), 4990, 'across the end of the numbers');
});
