import { test } from 'tap';
import { KeyFrameRequests } from '../../daemon/capture/key-frame-requests.ts';
import type { Clock } from '../../daemon/lib/clock.ts';

/** A clock that is turned by hand. */
class HandClock implements Clock {
  #now = 1000;
  #timers = new Map<object, { at: number; callback: () => void }>();

  now(): number {
    return this.#now;
  }

  wall(): number {
    return this.#now;
  }

  setTimeout(callback: () => void, milliseconds: number): object {
    const timer = {};
    this.#timers.set(timer, { at: this.#now + milliseconds, callback });
    return timer;
  }

  clearTimeout(timer: object | undefined): void {
    if (timer !== undefined) this.#timers.delete(timer);
  }

  advance(milliseconds: number): void {
    this.#now += milliseconds;
    for (const [timer, { at, callback }] of [...this.#timers])
      if (at <= this.#now) {
        this.#timers.delete(timer);
        callback();
      }
  }
}

function setUp(): { clock: HandClock; requests: KeyFrameRequests; sent: () => number } {
  const clock = new HandClock();
  let sent = 0;
  const requests = new KeyFrameRequests({ clock, interval: 300, send: () => (sent += 1) });
  return { clock, requests, sent: () => sent };
}

test('the first at once, the others together when the interval is over', async (t) => {
  const { clock, requests, sent } = setUp();
  requests.request();
  t.equal(sent(), 1);
  clock.advance(10);
  requests.request();
  requests.request();
  t.equal(sent(), 1);
  clock.advance(289);
  t.equal(sent(), 1);
  clock.advance(1);
  t.equal(sent(), 2);
  clock.advance(10_000);
  t.equal(sent(), 2, 'nobody asked again');
  requests.request();
  t.equal(sent(), 3, 'at once again');
});

test('a key frame that was captured after the wish satisfies it, an older one does not', async (t) => {
  const { clock, requests, sent } = setUp();
  requests.request();
  clock.advance(50);
  requests.request();
  requests.satisfied(clock.now() - 20);
  clock.advance(300);
  t.equal(sent(), 2, 'the older one did not count');
  clock.advance(50);
  requests.request();
  clock.advance(10);
  requests.satisfied(clock.now());
  clock.advance(1000);
  t.equal(sent(), 2);
});

test('cancel() forgets what has not gone out', async (t) => {
  const { clock, requests, sent } = setUp();
  requests.request();
  requests.request();
  requests.cancel();
  clock.advance(1000);
  t.equal(sent(), 1);
});
