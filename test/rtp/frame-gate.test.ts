import { test } from 'tap';
import { FrameGate } from '../../daemon/rtp/frame-gate.ts';
import { SeededRandom } from '../support/seeded-random.ts';

const KEY = { keyFrame: true };
const DELTA = { keyFrame: false };

test('video joins with a key frame', async (t) => {
  const gate = new FrameGate({ highWater: 1000, needsKeyFrame: true });
  t.ok(gate.needsKeyFrame);
  t.notOk(gate.admits(DELTA, 0));
  t.notOk(gate.admits(DELTA, 0));
  t.ok(gate.needsKeyFrame, 'still');
  t.ok(gate.admits(KEY, 0));
  t.notOk(gate.needsKeyFrame);
  t.ok(gate.admits(DELTA, 1000), 'a queue at the mark is not above it');
  t.equal(gate.dropped, 0, 'what came before joining was not lost');
});

test('after an overflow video waits for a short queue and then for a key frame', async (t) => {
  const gate = new FrameGate({ highWater: 800, needsKeyFrame: true });
  t.ok(gate.admits(KEY, 0));
  t.notOk(gate.admits(DELTA, 801), 'overflow');
  t.notOk(gate.needsKeyFrame, 'a key frame would be of no use now');
  t.notOk(gate.admits(KEY, 500), 'still draining');
  t.notOk(gate.admits(DELTA, 100), 'short, but no key frame');
  t.ok(gate.needsKeyFrame);
  t.notOk(gate.admits(DELTA, 0));
  t.ok(gate.admits(KEY, 0));
  t.ok(gate.admits(DELTA, 0));
  t.equal(gate.dropped, 4, 'all that the viewer missed counts');
});

test('an overflow while a key frame is awaited', async (t) => {
  const gate = new FrameGate({ highWater: 800, needsKeyFrame: true });
  t.notOk(gate.admits(KEY, 900), 'a reader that joins with a full queue');
  t.notOk(gate.admits(DELTA, 0));
  t.ok(gate.needsKeyFrame);
  t.ok(gate.admits(KEY, 0));
});

test('sound resumes as soon as the queue is short', async (t) => {
  const gate = new FrameGate({ highWater: 800, needsKeyFrame: false });
  t.notOk(gate.needsKeyFrame);
  t.ok(gate.admits(KEY, 0));
  t.notOk(gate.admits(KEY, 801));
  t.notOk(gate.admits(KEY, 101));
  t.ok(gate.admits(KEY, 100));
  t.notOk(gate.needsKeyFrame);
  t.equal(gate.dropped, 2);
});

test('whatever the queue does, no picture goes out whose reference did not', async (t) => {
  const random = new SeededRandom();
  t.comment(`SEED=${random.seed}`);
  for (let run = 0; run < 100; run++) {
    const gate = new FrameGate({ highWater: 1000, needsKeyFrame: true });
    let whole = false;
    let sent = 0;
    let queued = 0;
    for (let i = 0; i < 500; i++) {
      const frame = random.next() < 0.1 ? KEY : DELTA;
      const admitted = gate.admits(frame, queued);
      if (admitted) {
        if (!frame.keyFrame && !whole) t.fail('a picture went out after one that did not');
        if (queued > 1000) t.fail('a picture went into a full queue');
        queued += random.integer(50, 400);
        sent += 1;
      }
      whole = admitted;
      queued = Math.max(0, queued - random.integer(0, 300));
    }
    t.ok(sent > 0, `${sent} sent, ${gate.dropped} dropped`);
  }
});
