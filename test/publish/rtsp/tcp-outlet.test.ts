import { Writable } from 'node:stream';
import { test } from 'tap';
import { TcpOutlet } from '../../../daemon/publish/rtsp/tcp-outlet.ts';

/** A sink that takes what it is told to take: its queue is what Node would hold. */
class Sink extends Writable {
  #pending: (() => void) | undefined;

  constructor() {
    super({ highWaterMark: 2 ** 30 });
  }

  override _write(_chunk: Buffer, _encoding: string, done: () => void): void {
    this.#pending = done;
  }

  /** Takes writes until the queue is empty. */
  async take(): Promise<void> {
    while (this.#pending !== undefined) {
      const done = this.#pending;
      this.#pending = undefined;
      done();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

const FRAME = Buffer.alloc(10_000);

test('a viewer that reads is never behind', async (t) => {
  const sink = new Sink();
  const outlet = new TcpOutlet(sink);
  for (let now = 0; now < 10_000; now += 500) {
    for (let frame = 0; frame < 15; frame++) outlet.write(FRAME);
    await sink.take();
    // The newest frames are always on their way.
    outlet.mark(now);
    t.equal(outlet.sample(now, 20_000), true, 'progress');
    t.equal(outlet.laggingSince, undefined);
    t.equal(outlet.queuedBytes, 0);
  }
});

test('a viewer that reads is never behind, however seldom the kernel is asked', async (t) => {
  const sink = new Sink();
  const outlet = new TcpOutlet(sink);
  for (let now = 0; now < 60_000; now += 500) {
    for (let frame = 0; frame < 15; frame++) outlet.write(FRAME);
    await sink.take();
    outlet.mark(now);
    if (now % 7000 === 0) t.equal(outlet.sample(now, 20_000), true, 'progress');
    t.equal(outlet.laggingSince, undefined);
  }
});

test('what the kernel holds counts, before Node notices anything', async (t) => {
  const sink = new Sink();
  const outlet = new TcpOutlet(sink);
  let held = 0;
  const lagging: (number | undefined)[] = [];
  for (let now = 0; now <= 4000; now += 500) {
    for (let frame = 0; frame < 15; frame++) outlet.write(FRAME);
    await sink.take();
    held += 15 * FRAME.length;
    outlet.mark(now);
    t.equal(outlet.sample(now, held), false, 'no progress');
    lagging.push(outlet.laggingSince);
  }
  t.same(lagging, [undefined, undefined, undefined, undefined, undefined, 2500, 2500, 2500, 2500]);
  t.equal(outlet.queuedBytes, Number.POSITIVE_INFINITY);
  // It reads again: half of it, then all.
  t.equal(outlet.sample(4500, held / 2), true);
  t.equal(outlet.laggingSince, 2500, 'still behind');
  t.equal(outlet.sample(5000, 0), true);
  t.equal(outlet.laggingSince, undefined);
  t.equal(outlet.queuedBytes, 0);
});

test('so does what Node holds', async (t) => {
  const sink = new Sink();
  const outlet = new TcpOutlet(sink);
  for (let now = 0; now <= 3000; now += 500) {
    outlet.write(FRAME);
    outlet.mark(now);
    outlet.sample(now, 0);
  }
  t.equal(outlet.laggingSince, 2500);
  await sink.take();
  outlet.sample(3500, 0);
  t.equal(outlet.laggingSince, undefined);
});

test('a viewer with nothing to get is not behind, and gives no sign of life', async (t) => {
  const outlet = new TcpOutlet(new Sink());
  for (let now = 0; now <= 60_000; now += 500) {
    outlet.mark(now);
    t.equal(outlet.sample(now, 0), false);
  }
  t.equal(outlet.laggingSince, undefined);
});

test('nothing is written to a stream that has ended', async (t) => {
  const sink = new Sink();
  sink.on('error', (error) => t.error(error));
  const outlet = new TcpOutlet(sink);
  sink.destroy();
  outlet.write(FRAME);
  t.equal(sink.writableLength, 0);
});
