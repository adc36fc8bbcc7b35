import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'tap';
import { CatchUp } from '../../daemon/rtp/catch-up.ts';
import { GroupOfPictures, squeezedTimestamps } from '../../daemon/rtp/group-of-pictures.ts';

const frame = (keyFrame: boolean, timestamp = 0, byteLength = 1000) => ({ keyFrame, timestamp, byteLength });

test('a group begins with a key frame and goes on to the next', async (t) => {
  const group = new GroupOfPictures();
  group.add(frame(false));
  t.same(group.frames, [], 'nothing before a key frame');
  const first = [frame(true, 1), frame(false, 2), frame(false, 3)];
  for (const each of first) group.add(each);
  t.same(group.frames, first);
  const { frames } = group;
  group.add(frame(true, 4));
  t.same(group.frames, [frame(true, 4)]);
  t.same(frames, first, 'who was given the frames keeps them');
});

test('a group that grows too large is given up up to the next key frame', async (t) => {
  for (const [size, count] of [
    [2 ** 20, 10],
    [10, 2000],
  ] as const) {
    const group = new GroupOfPictures();
    group.add(frame(true, 0, size));
    for (let i = 1; i < count; i++) group.add(frame(false, i, size));
    t.same(group.frames, [], `${count} frames of ${size} bytes`);
    group.add(frame(false));
    t.same(group.frames, []);
    group.add(frame(true));
    t.equal(group.frames.length, 1);
  }
});

test('squeezed times: the newest keeps its own', async (t) => {
  for (const [name, timestamps, room, expected] of [
    ['a millisecond apart', [1000, 4000, 7000], undefined, [6820, 6910, 7000]],
    ['past the end of the numbers', [0xffff_ff00, 10], undefined, [0xffff_ffb0, 10]],
    ['where there is little room', [1000, 4000, 7000], 30, [6980, 6990, 7000]],
    ['where there is none: still in order', [1000, 4000, 7000], 0, [6998, 6999, 7000]],
    ['none', [], undefined, []],
  ] as const) {
    const frames = timestamps.map((timestamp) => frame(true, timestamp));
    t.same(squeezedTimestamps(frames, room), expected, name);
  }
});

test('catching up: in slices, what comes meanwhile behind, then at once', async (t) => {
  const got: number[] = [];
  const reader = new CatchUp<{ byteLength: number; number: number }>(({ number }) => got.push(number));
  const sized = (number: number) => ({ number, byteLength: 15_000 });
  reader.push(sized(0));
  t.same(got, [0], 'who does not catch up gets everything at once');
  reader.begin([1, 2, 3, 4, 5, 6, 7, 8].map(sized));
  t.same(got, [0, 1, 2, 3], 'the first slice');
  reader.push(sized(9));
  t.equal(got.length, 4);
  for (let i = 0; i < 200 && got.length < 10; i++) await delay(5);
  t.same(got, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  reader.push(sized(10));
  t.equal(got.at(-1), 10);
  reader.begin([11, 12, 13, 14, 15].map(sized));
  reader.stop();
  await delay(20);
  t.equal(got.at(-1), 13, 'stopped: no more of it');
});
