import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Test, test } from 'tap';
import { measureRunDelay } from '../../daemon/lib/run-delay.ts';

/** A process that shares one processor with `others`, and its delay over a second. */
async function delayAmong(t: Test, others: number, script: string): Promise<{ pid: number; delay: () => number }> {
  const run = (code: string) => {
    const child = spawn('taskset', ['-c', '0', 'sh', '-c', code], { stdio: ['ignore', 'pipe', 'inherit'] });
    t.teardown(() => child.kill('SIGKILL'));
    return child;
  };
  for (let i = 0; i < others; i++) run('while :; do :; done');
  const child = run(`echo up; ${script}`);
  await once(child.stdout, 'data');
  return { pid: child.pid as number, delay: measureRunDelay(child.pid as number) };
}

test('a process that has to share its processor waits for it', async (t) => {
  const { pid, delay } = await delayAmong(t, 3, 'while :; do :; done');
  await sleep(1000);
  const waited = delay();
  t.ok(waited > 300, `${Math.round(waited)} ms of a second`);
  process.kill(pid, 'SIGSTOP');
  await sleep(200);
  delay();
  await sleep(500);
  t.equal(delay(), 0, 'one that is stopped does not');
});

test('a process that gets no processor at all waits all the time', async (t) => {
  const { pid, delay } = await delayAmong(t, 6, 'while :; do :; done');
  execFileSync('renice', ['-n', '19', '-p', String(pid)]);
  await sleep(1000);
  delay();
  // Its turn comes each second or so: between two looks it mostly does not run.
  const looks: number[] = [];
  for (let look = 0; look < 20; look++) {
    await sleep(100);
    looks.push(Math.round(delay()));
  }
  t.ok(looks.filter((waited) => waited > 50).length >= 12, `${looks} of a tenth of a second each`);
  const sum = looks.reduce((total, waited) => total + waited, 0);
  t.ok(sum > 1200 && sum < 3500, `${sum} ms of two seconds`);
});

test('a process that has nothing to do does not wait, however busy the machine is', async (t) => {
  const { delay } = await delayAmong(t, 3, 'exec sleep 10');
  await sleep(300);
  delay();
  await sleep(1000);
  t.equal(delay(), 0);
});

test('a process that is gone', (t) => {
  t.equal(measureRunDelay(0)(), 0);
  t.end();
});
