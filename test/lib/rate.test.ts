import { test } from 'tap';
import { Rate } from '../../daemon/lib/rate.ts';

test('how fast a counter grows', async (t) => {
  const rate = new Rate();
  t.equal(rate.read(500, 0), 0, 'one reading has no rate');
  t.equal(rate.read(500, 0), 0, 'nor have two at one time');
  t.equal(rate.read(600, 500), 200, 'less than the span is better than nothing');
  t.equal(rate.read(700, 1000), 200);
  t.equal(rate.read(1700, 2000), 1000, 'the last second alone');
  t.equal(rate.read(1700, 2500), 1000 / 1.5, 'at least a second back');
  t.equal(rate.read(1700, 4000), 0);
});
