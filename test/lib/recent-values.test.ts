import { test } from 'tap';
import { RecentValues } from '../../daemon/lib/recent-values.ts';

test('quantiles of the newest values', async (t) => {
  const values = new RecentValues(100);
  t.equal(values.quantiles([0.5]), undefined);
  values.add(7);
  t.same(values.quantiles([0, 0.5, 1]), [7, 7, 7]);
  for (let value = 1000; value > 900; value--) values.add(value);
  t.same(values.quantiles([0.5, 0.99, 1]), [950, 999, 1000], 'the first one has given way');
  values.add(1);
  t.same(values.quantiles([0, 1]), [1, 999]);
});
