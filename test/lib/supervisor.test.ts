import { extname } from 'node:path';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { type Test, test } from 'tap';
import { Child, type ChildExit } from '../../daemon/lib/child.ts';
import { silentLog } from '../../daemon/lib/log.ts';
import { Supervisor, type SupervisorOptions } from '../../daemon/lib/supervisor.ts';
import { ManualClock } from '../support/manual-clock.ts';
import type { VersatileCommand } from '../support/versatile-child.ts';

const MODULE = new URL(`../support/versatile-child${extname(import.meta.url)}`, import.meta.url);

type TestChild = Child<VersatileCommand, unknown>;
type TestSupervisor = Supervisor<VersatileCommand, unknown>;

interface Setup {
  clock: ManualClock;
  supervisor: TestSupervisor;
  /** Every life, in order. */
  lives: TestChild[];
  deaths: [ChildExit, number][];
}

/** A supervisor of real processes on a clock that the test turns. */
function setup(t: Test, options: Partial<SupervisorOptions<VersatileCommand, unknown>> = {}): Setup {
  const clock = new ManualClock();
  const lives: TestChild[] = [];
  const deaths: [ChildExit, number][] = [];
  const supervisor: TestSupervisor = new Supervisor({
    name: 'versatile',
    log: silentLog,
    clock,
    backoff: { minimum: 100, maximum: 800 },
    runDelay: () => () => 0,
    start: () => {
      const child: TestChild = new Child({ run: { module: MODULE }, name: 'versatile', log: silentLog });
      lives.push(child);
      return child;
    },
    died: (exit, next) => deaths.push([exit, next]),
    ...options,
  });
  t.teardown(async () => {
    await supervisor.stop();
    for (const life of lives) life.kill();
  });
  return { clock, supervisor, lives, deaths };
}

/** Kills a life and waits until the supervisor has heard of it. */
async function die(life: TestChild | undefined): Promise<void> {
  life?.kill(false);
  await life?.exited;
  await nextTurn();
}

test('a child that dies gets a successor after the back-off', async (t) => {
  const { clock, supervisor, lives, deaths } = setup(t);
  supervisor.start();
  supervisor.start();
  t.equal(lives.length, 1, 'start() is idempotent');
  t.equal(supervisor.child, lives[0]);
  for (const [i, step] of [100, 200, 400, 800, 800].entries()) {
    await die(lives[i]);
    t.equal(supervisor.child, undefined);
    t.equal(supervisor.deaths, i + 1);
    const [exit, delay] = deaths[i] as [ChildExit, number];
    t.same(exit, { asked: false, killed: true, code: null, signal: 'SIGKILL' });
    t.ok(delay >= step / 2 && delay <= step, `${delay} ms of ${step}`);
    clock.advance(delay - 1);
    t.equal(lives.length, i + 1, 'not before its time');
    clock.advance(1);
    t.equal(lives.length, i + 2);
  }
});

test('a life that went well begins the back-off anew', async (t) => {
  for (const watched of [true, false]) {
    const { clock, supervisor, lives, deaths } = setup(t, {
      settled: 5000,
      ...(watched ? { progressTimeout: 1000 } : {}),
    });
    supervisor.start();
    for (let i = 0; i < 4; i++) {
      await die(lives[i]);
      clock.advance(800);
    }
    t.ok((deaths.at(-1) as [ChildExit, number])[1] >= 400);
    for (let i = 0; i < 52; i++) {
      clock.advance(100);
      if (watched) supervisor.progress();
    }
    await die(lives[4]);
    t.ok(
      (deaths.at(-1) as [ChildExit, number])[1] <= 100,
      watched ? 'by its progress' : 'by its age, where nobody watches',
    );
    t.equal(deaths.length, 5);
    await supervisor.stop();
  }
});

test('a long life without progress is no success', async (t) => {
  const { clock, supervisor, lives, deaths } = setup(t, { progressTimeout: 60_000, settled: 5000 });
  supervisor.start();
  await die(lives[0]);
  clock.advance(100);
  clock.advance(30_000);
  await die(lives[1]);
  t.ok((deaths[1] as [ChildExit, number])[1] >= 100, 'the back-off went on');
});

test('a hung child is killed', async (t) => {
  const { clock, supervisor, lives, deaths } = setup(t, { progressTimeout: 500, startTimeout: 3000 });
  supervisor.start();
  clock.advance(2990);
  t.ok(lives[0]?.running, 'it may take longer to start');
  supervisor.progress();
  for (let i = 0; i < 10; i++) {
    clock.advance(400);
    supervisor.progress();
  }
  t.ok(lives[0]?.running, 'while it has something to show');
  clock.advance(530);
  t.match(await lives[0]?.exited, { asked: false, killed: true, signal: 'SIGKILL' }, 'half a second of nothing');
  await nextTurn();
  clock.advance(100);
  t.equal(lives.length, 2);
  clock.advance(3030);
  t.match(await lives[1]?.exited, { signal: 'SIGKILL' }, 'one that never starts');
  await nextTurn();
  t.equal(deaths.length, 2);
});

test('a hang soon after the start is found by the time for progress, not by that for the start', async (t) => {
  const { clock, supervisor, lives } = setup(t, { progressTimeout: 500, startTimeout: 60_000 });
  supervisor.start();
  clock.advance(200);
  supervisor.progress();
  clock.advance(600);
  t.match(await lives[0]?.exited, { signal: 'SIGKILL' });
});

test('a pause of our own process is not blamed on the child', async (t) => {
  const { clock, supervisor, lives } = setup(t, { progressTimeout: 500 });
  supervisor.start();
  supervisor.progress();
  clock.freeze(5000);
  clock.advance(0);
  t.equal(lives.length, 1);
  // Its packets wait in the pipe; now they are read.
  supervisor.progress();
  clock.advance(400);
  await sleep(200);
  t.ok(lives[0]?.running, 'nobody has killed it');
  clock.advance(200);
  t.match(await lives[0]?.exited, { signal: 'SIGKILL' }, 'but then it must go on');
});

test('a child that gets no processor does not hang: it has as much longer', async (t) => {
  /** Of each 10 ms of silence: milliseconds that it was kept from running. */
  const table: [name: string, waited: (silent: number) => number, killedAfter: number][] = [
    ['it had the processor, and nothing came', () => 0, 520],
    ['it had half of the time', () => 5, 770],
    ['it had the processor again after two seconds', (silent) => (silent < 2000 ? 10 : 0), 2270],
    ['it never gets one, and there is an end to it', () => 10, 10_520],
  ];
  for (const [name, waited, killedAfter] of table) {
    const asked: number[] = [];
    const { clock, supervisor, lives } = setup(t, {
      progressTimeout: 500,
      runDelay: (pid) => {
        asked.push(pid);
        let last = clock.now();
        return () => {
          let delay = 0;
          for (; last < clock.now(); last += 10) delay += waited(last - began);
          return delay;
        };
      },
    });
    supervisor.start();
    for (let i = 0; i < 10; i++) {
      clock.advance(200);
      supervisor.progress();
    }
    t.same(asked, [], 'nothing is measured while it goes well');
    const began = clock.now();
    const killed = lives[0]?.exited.then(() => true);
    let silence = 0;
    while (silence < killedAfter - 10) {
      clock.advance(10);
      silence += 10;
    }
    await sleep(50);
    t.ok(lives[0]?.running, `${name}: not yet after ${silence} ms`);
    clock.advance(30);
    t.ok(await killed, `${name}: killed after ${killedAfter} ms`);
    t.same(asked, [lives[0]?.pid]);
    await supervisor.stop();
  }
});

test('stop()', async (t) => {
  const { clock, supervisor, lives, deaths } = setup(t, { progressTimeout: 500 });
  await supervisor.stop();
  supervisor.start();
  const ends = await Promise.all([
    supervisor.stop({ do: 'exit', code: 0 }).then(() => lives[0]?.running),
    supervisor.stop().then(() => lives[0]?.running),
  ]);
  t.same(ends, [false, false], 'each waits until the child is gone');
  await supervisor.stop();
  clock.advance(60_000);
  t.equal(lives.length, 1);
  t.equal(deaths.length, 0, 'no death');
  t.equal(clock.pending, 0, 'no timer is left');
});

test('stop() while a restart is due', async (t) => {
  const { clock, supervisor, lives } = setup(t);
  supervisor.start();
  await die(lives[0]);
  await supervisor.stop();
  clock.advance(60_000);
  t.equal(lives.length, 1);
});

test('stop() in died()', async (t) => {
  const stopping: Promise<void>[] = [];
  const { clock, supervisor, lives } = setup(t, { died: () => stopping.push(supervisor.stop()) });
  supervisor.start();
  await die(lives[0]);
  await Promise.all(stopping);
  t.equal(stopping.length, 1);
  clock.advance(60_000);
  t.equal(lives.length, 1, 'is for good');
});

test('start() after stop() waits for the old child', async (t) => {
  const { supervisor, lives, deaths } = setup(t);
  supervisor.start();
  const stopping = supervisor.stop();
  supervisor.start();
  t.equal(lives.length, 1, 'two of them would fight for one device');
  await stopping;
  await nextTurn();
  t.equal(lives.length, 2);
  t.equal(deaths.length, 0);
  t.ok(supervisor.child?.running);
});

test('an end that the owner asked for', async (t) => {
  const { supervisor, lives, deaths } = setup(t);
  supervisor.start();
  await lives[0]?.stop();
  await nextTurn();
  t.equal(lives.length, 2, 'is followed by the next life at once');
  t.equal(deaths.length, 0);
});

test('restart()', async (t) => {
  const { clock, supervisor, lives, deaths } = setup(t);
  supervisor.restart('nothing runs');
  supervisor.start();
  supervisor.restart('it says the device is lost');
  t.match(await lives[0]?.exited, { asked: false, killed: true, signal: 'SIGKILL' });
  await nextTurn();
  t.equal(deaths.length, 1, 'is a death');
  clock.advance(100);
  t.equal(lives.length, 2);
});

test('a process that hangs in earnest, on the real clock', async (t) => {
  const lives: TestChild[] = [];
  let beats = 0;
  const died: ChildExit[] = [];
  const supervisor: TestSupervisor = new Supervisor({
    name: 'versatile',
    log: silentLog,
    progressTimeout: 1000,
    startTimeout: 20_000,
    backoff: { minimum: 10, maximum: 100 },
    start: () => {
      const child: TestChild = new Child({ run: { module: MODULE }, name: 'versatile', log: silentLog });
      lives.push(child);
      child.onMessage((message) => {
        if (message === 'ready') child.send({ do: 'heartbeat', every: 50 });
        else beats += 1;
        supervisor.progress();
      });
      return child;
    },
    died: (exit) => died.push(exit),
  });
  t.teardown(() => supervisor.stop());
  supervisor.start();
  while (beats < 5) await sleep(20);
  process.kill(lives[0]?.pid as number, 'SIGSTOP');
  const stoppedAt = performance.now();
  t.match(await lives[0]?.exited, { asked: false, killed: true, signal: 'SIGKILL' });
  t.ok(performance.now() - stoppedAt > 800, 'not before its time');
  beats = 0;
  while (beats < 5) await sleep(20);
  t.equal(lives.length, 2);
  t.equal(died.length, 1);
  process.kill(lives[1]?.pid as number, 'SIGKILL');
  beats = 0;
  while (beats < 5) await sleep(20);
  t.equal(lives.length, 3, 'and after a plain death');
  await supervisor.stop();
  t.equal(lives[2]?.running, false);
});
