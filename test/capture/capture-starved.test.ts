/** A worker on an overloaded board is late; one that hangs is dead. */
import { execFileSync, spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'tap';
import { captureTest, live, until } from '../support/capture-test-source.ts';

/** What a sound that flows is allowed to be silent for. */
const LIMIT_MS = 700;

test('a sound that gets next to no processor is not taken for one that hangs', async (t) => {
  const { source, track } = captureTest('audio');
  const release = track.retain();
  t.teardown(async () => {
    release();
    await source.close();
  });
  await live(source);
  const pid = source.pid as number;
  for (const thread of readdirSync(`/proc/${pid}/task`)) execFileSync('renice', ['-n', '19', '-p', thread]);
  execFileSync('taskset', ['-acp', '0', String(pid)]);
  const busy = Array.from({ length: 6 }, () => spawn('taskset', ['-c', '0', 'sh', '-c', 'while :; do :; done']));
  const end = (): void => {
    for (const child of busy) child.kill('SIGKILL');
  };
  t.teardown(end);
  let [longest, last] = [0, performance.now()];
  track.rtp.onFrame(() => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  });
  const begin = performance.now();
  while (performance.now() - begin < 20_000 && longest < LIMIT_MS + 300) await sleep(100);
  t.ok(longest > LIMIT_MS + 300, `nothing was heard for ${Math.round(longest)} ms`);
  t.same(source.stats.restarts, {}, 'and the worker lives on');
  t.equal(source.pid, pid);
  process.kill(pid, 'SIGSTOP');
  await until(() => source.stats.restarts.stall === 1, 15_000);
  end();
  await live(source);
  t.not(source.pid, pid, 'one that is stopped is replaced all the same');
});
