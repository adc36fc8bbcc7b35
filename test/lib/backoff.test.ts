import { test } from 'tap';
import { Backoff } from '../../daemon/lib/backoff.ts';

test('delays double up to the cap', async (t) => {
  const highest = new Backoff({ minimum: 100, maximum: 1000, random: () => 1 });
  const lowest = new Backoff({ minimum: 100, maximum: 1000, random: () => 0 });
  const take = (backoff: Backoff, count: number): number[] => Array.from({ length: count }, () => backoff.next());
  t.same(take(highest, 7), [100, 200, 400, 800, 1000, 1000, 1000]);
  t.same(take(lowest, 7), [50, 100, 200, 400, 500, 500, 500], 'at most half of it is chance');
  const all = new Backoff({ minimum: 100, maximum: 1000, jitter: 1, random: () => 0.25 });
  t.same(take(all, 5), [25, 50, 100, 200, 250], 'or all of it');
  highest.reset();
  t.same(take(highest, 2), [100, 200]);
});

test('what worked for a moment eases the delays', async (t) => {
  const backoff = new Backoff({ minimum: 100, maximum: 10_000, random: () => 1 });
  backoff.ease(1000);
  t.equal(backoff.next(), 100, 'never longer than it would have been');
  for (let i = 0; i < 20; i++) backoff.next();
  t.equal(backoff.next(), 10_000);
  backoff.ease(1000);
  t.same([backoff.next(), backoff.next()], [800, 1600]);
  backoff.ease(10);
  t.equal(backoff.next(), 100, 'nor shorter than the first');
});

test('no count is too high', async (t) => {
  const backoff = new Backoff({ minimum: 1, maximum: 60_000 });
  for (let i = 0; i < 5000; i++) backoff.next();
  const delay = backoff.next();
  t.ok(delay >= 30_000 && delay <= 60_000);
});

test('two never move in step', async (t) => {
  const [a, b] = [new Backoff({ minimum: 1000, maximum: 1000 }), new Backoff({ minimum: 1000, maximum: 1000 })];
  t.notSame(
    Array.from({ length: 10 }, () => a.next()),
    Array.from({ length: 10 }, () => b.next()),
  );
});
