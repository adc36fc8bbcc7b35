import { test } from 'tap';
import { SenderClock } from '../../daemon/rtp/sender-clock.ts';

/** What came from a camera whose clock is this far off, after so many milliseconds on its way. */
const reading = (clock: SenderClock, off: number) => (stream: string, sent: number, way: number) =>
  clock.read(stream, sent + off, sent + way);

test('the same time of two streams is the same instant, whatever the clock says', async (t) => {
  for (const off of [0, 1_700_000_000_000, -1_700_000_000_000, 4e12]) {
    const read = reading(new SenderClock(), off);
    t.equal(read('video', 1000, 400), 1400, 'one stream: when it came');
    t.equal(read('audio', 1100, 15), 1115, 'the quicker one tells better');
    t.equal(read('video', 2000, 30), 2015, 'of both');
    t.equal(read('audio', 3000, 300), 3015, 'a moment in which all was slow does not count');
  }
});

test('a clock that goes faster or slower than ours', async (t) => {
  for (const rate of [1.0001, 0.9999]) {
    const clock = new SenderClock();
    for (let now = 0; now < 3_600_000; now += 2000)
      for (const stream of ['video', 'audio']) {
        const off = (clock.read(stream, now * rate, now + 10) ?? Number.NaN) - now;
        if (!(Math.abs(off - 10) < 4)) t.fail(`${rate}, ${stream} after ${now} ms: ${off}`);
      }
  }
});

test('a clock that is set', async (t) => {
  const clock = new SenderClock();
  const day = 86_400_000;
  t.equal(clock.read('video', 1000, 1010), 1010);
  t.equal(clock.read('audio', 1000, 1020), 1010);
  t.equal(clock.read('video', 3000 + day, 3010), undefined, 'it may be a mistake');
  t.equal(clock.read('audio', 3000, 3005), 3005, 'which others know nothing of');
  t.equal(clock.read('video', 5000 + day, 5010), 5010, 'it is not');
  t.equal(clock.read('audio', 5000 + day, 5005), undefined);
  t.equal(clock.read('audio', 7000 + day, 7005), 7005);
  t.equal(clock.read('video', 7000 + day, 7010), 7005, 'the same again');
});

test('what is late once', async (t) => {
  const clock = new SenderClock();
  t.equal(clock.read('video', 1000, 1010), 1010);
  t.equal(clock.read('video', 3000, 9000), undefined);
  t.equal(clock.read('video', 9000, 9010), 9010);
  t.equal(clock.read('video', 11_000, 19_000), undefined);
  t.equal(clock.read('video', 19_000, 19_015), 19_010);
});

test('streams of two clocks have each its own', async (t) => {
  const clock = new SenderClock();
  for (let now = 0; now < 20_000; now += 2000) {
    t.equal(clock.read('video', now, now + 10), now + 10);
    t.equal(clock.read('audio', now + 10_000, now + 5), now + 5);
  }
});
