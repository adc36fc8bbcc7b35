import { Worker } from 'node:worker_threads';
import { test } from 'tap';
import { SpinDetector } from '../../../daemon/publish/webrtc/spin-detector.ts';

const SECOND = 1_000_000_000n;

test('a thread counts as spinning when it wanted to run all the time, in each of the last samples', async (t) => {
  const table: { name: string; shares: number[][]; expected: boolean[] }[] = [
    { name: 'one that spins', shares: [[1], [1], [1]], expected: [false, false, true] },
    {
      name: 'one that is busy now and then',
      shares: [[1], [0.2], [1], [1], [1]],
      expected: [false, false, false, false, true],
    },
    {
      name: 'several that are busy in turns',
      shares: [
        [1, 0],
        [0, 1],
        [1, 0],
        [0, 1],
      ],
      expected: [false, false, false, false],
    },
  ];
  for (const { name, shares, expected } of table) {
    let time = 0n;
    let wanted: bigint[] = [];
    const detector = new SpinDetector({
      samples: 3,
      share: 0.9,
      now: () => time,
      read: () => new Map(wanted.map((nanoseconds, i) => [String(i), nanoseconds])),
    });
    wanted = (shares[0] as number[]).map(() => 0n);
    t.notOk(detector.sample());
    const seen = shares.map((row) => {
      time += SECOND;
      wanted = wanted.map((sum, i) => sum + BigInt(Math.round((row[i] ?? 0) * Number(SECOND))));
      return detector.sample();
    });
    t.same(seen, expected, name);
  }
});

test('a real thread, beside what else the machine does', async (t) => {
  const detector = new SpinDetector({ samples: 3, share: 0.8 });
  const samples = async (): Promise<boolean> => {
    let spinning = false;
    for (let i = 0; i < 4; i++) {
      spinning = detector.sample();
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    return spinning;
  };
  t.notOk(await samples(), 'nothing spins');
  const worker = new Worker('for (;;);', { eval: true });
  await new Promise((resolve) => worker.once('online', resolve));
  t.ok(await samples(), 'one does');
  await worker.terminate();
});
