import { fork } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'tap';
import type { RtpFrame } from '../../daemon/rtp/rtp-frame.ts';
import {
  alive,
  captureTest,
  checkContinuity,
  collect,
  decode,
  live,
  temporaryFolder,
  until,
} from '../support/capture-test-source.ts';

for (const signal of ['SIGKILL', 'SIGSTOP', 'SIGSEGV'] as const) {
  test(`${signal} of the worker: viewers see a gap, the stream goes on`, async (t) => {
    const folder = await temporaryFolder(t);
    const { source, track } = captureTest('video');
    t.teardown(() => source.close());
    const frames = collect(track);
    const muted: (string | undefined)[] = [];
    source.observe({ mutedChanged: () => muted.push(source.mutedReason), ended: () => t.fail('ended') });
    track.retain();
    await until(() => frames.length >= 20);
    const pid = source.pid as number;
    process.kill(pid, signal);
    await until(() => source.muted);
    await live(source);
    const before = frames.length;
    await until(() => frames.length >= before + 15);
    t.not(source.pid, pid);
    await until(() => !alive(pid), 3000);
    checkContinuity(t, frames);
    const { complaints } = await decode(folder, frames);
    t.equal(complaints, '');
    t.equal(muted.length, 2, 'muted and unmuted');
    t.match(muted[0], signal === 'SIGSTOP' ? /delivered nothing/ : /worker ended/);
    t.equal(muted[1], undefined);
    t.same(source.stats.restarts, { [signal === 'SIGSTOP' ? 'stall' : 'crash']: 1 });
    const gaps = frames.slice(1).map((frame, i) => frame.captureTime - (frames[i] as RtpFrame).captureTime);
    t.comment(`${signal}: the longest gap is ${Math.round(Math.max(...gaps))} ms`);
  });
}

test('the daemon is killed: no worker is left behind', async (t) => {
  const daemon = fork(fileURLToPath(new URL(`../support/capture-daemon${extname(import.meta.url)}`, import.meta.url)));
  t.teardown(() => daemon.kill('SIGKILL'));
  const [worker] = (await once(daemon, 'message')) as [number];
  t.equal(alive(worker), true);
  daemon.kill('SIGKILL');
  await until(() => !alive(worker), 5000);
  t.pass('gone');
});
