import { test } from 'tap';
import { FailureLimiter } from '../../daemon/access/failure-limiter.ts';
import { ManualClock } from '../support/manual-clock.ts';

/** Attempts that all fail, as long as they are permitted. */
function guess(limiter: FailureLimiter, attempts: number, address: (i: number) => string, user: (i: number) => string) {
  let looked = 0;
  for (let i = 0; i < attempts; i++) {
    if (!limiter.permits(address(i), user(i))) continue;
    looked += 1;
    limiter.failed(address(i), user(i));
  }
  return looked;
}

test('one network: ten at once, then one a minute', (t) => {
  const clock = new ManualClock();
  const limiter = new FailureLimiter(clock);
  const again = () =>
    guess(
      limiter,
      10_000,
      () => '192.0.2.1',
      (i) => `user${i}`,
    );
  t.equal(again(), 10);
  t.equal(again(), 0);
  clock.advance(60_000);
  t.equal(again(), 1);
  clock.advance(3_600_000);
  t.equal(again(), 10, 'no more than at the beginning');
  t.equal(limiter.permits('192.0.2.2', 'ann'), true, 'others are not held back');
  t.end();
});

test('a /64 is one network', (t) => {
  const limiter = new FailureLimiter(new ManualClock());
  t.equal(
    guess(
      limiter,
      1000,
      (i) => `2001:db8::${i.toString(16)}`,
      (i) => `user${i}`,
    ),
    10,
  );
  t.equal(limiter.permits('2001:db8:0:1::1', 'x'), true);
  t.end();
});

test('one user from many networks: ten, and whoever signed in before stays in', (t) => {
  const limiter = new FailureLimiter(new ManualClock());
  limiter.succeeded('192.0.2.200', 'ann');
  t.equal(
    guess(
      limiter,
      100,
      (i) => `192.0.2.${i}`,
      () => 'ann',
    ),
    10,
  );
  t.equal(limiter.permits('192.0.2.150', 'ann'), false);
  t.equal(limiter.permits('192.0.2.200', 'ann'), true);
  t.equal(limiter.permits('192.0.2.150', 'bob'), true);
  t.equal(
    guess(
      limiter,
      100,
      () => '192.0.2.200',
      () => 'ann',
    ),
    10,
    'but has no more guesses than anybody',
  );
  t.end();
});

test('over all networks and users there is a limit too', (t) => {
  const limiter = new FailureLimiter(new ManualClock());
  limiter.succeeded('198.51.100.1', 'ann');
  const address = (i: number) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;
  t.equal(
    guess(limiter, 20_000, address, (i) => `user${i}`),
    1000,
  );
  t.equal(limiter.permits('198.51.100.1', 'ann'), true);
  t.equal(limiter.permits('198.51.100.2', 'ann'), false);
  t.end();
});

test('tokens count for their network alone', (t) => {
  const limiter = new FailureLimiter(new ManualClock());
  for (let i = 0; i < 10; i++) limiter.failed('192.0.2.1', undefined);
  t.equal(limiter.permits('192.0.2.1', undefined), false);
  t.equal(limiter.permits('192.0.2.2', undefined), true);
  t.end();
});
