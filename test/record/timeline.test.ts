import { test } from 'tap';
import { Timeline } from '../../daemon/record/timeline.ts';

test('nothing is recorded before the first span', async (t) => {
  const timeline = new Timeline();
  t.equal(timeline.open, false);
  t.equal(timeline.placeOf(5), undefined);
  t.equal(timeline.durationAt(5), 0);
  timeline.end(6);
  t.equal(timeline.durationAt(7), 0);
});

test('pauses are left out', async (t) => {
  const timeline = new Timeline();
  timeline.begin(1000);
  timeline.end(1500);
  timeline.begin(4000);
  t.equal(timeline.open, true);
  timeline.begin(4100);
  timeline.end(4250);
  timeline.end(9000);
  const cases: [captured: number, time: number | undefined, span: number | undefined][] = [
    [999, undefined, undefined],
    [1000, 0, 0],
    [1499, 499, 0],
    [1500, undefined, undefined],
    [3999, undefined, undefined],
    [4000, 500, 1],
    [4249, 749, 1],
    [4250, undefined, undefined],
  ];
  for (const [captured, time, span] of cases)
    t.same(timeline.placeOf(captured), time === undefined ? undefined : { time, span }, `captured at ${captured}`);
  t.equal(timeline.durationAt(4100), 600);
  t.equal(timeline.durationAt(9999), 750);
});

test('a span cannot begin within the one before', async (t) => {
  const timeline = new Timeline();
  timeline.begin(0);
  timeline.end(100);
  timeline.begin(90);
  t.same(timeline.placeOf(95), { time: 95, span: 0 });
  t.same(timeline.placeOf(101), { time: 101, span: 1 });
  timeline.end(50);
  t.equal(timeline.durationAt(200), 100, 'nor end before it began');
});
