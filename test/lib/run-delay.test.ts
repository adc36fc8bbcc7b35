import { spawn } from 'node:child_process';
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
