/** A board that is too slow drops frames before the encoder, and says how many and where. */
import { execFileSync, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Test, test } from 'tap';
import type { EncodedTrack } from '../../daemon/capture/encoded-track.ts';
import { captureTest, live, until } from '../support/capture-test-source.ts';

/** What a source and its track have lost by now. */
const lossOf = ({ source, track }: ReturnType<typeof captureTest>) => ({
  ...source.stats.lost,
  encoder: track.droppedFrames,
  stream: track.rtp.stats.dropped,
});

async function capture(t: Test, ...options: Parameters<typeof captureTest>) {
  const made = captureTest(...options);
  const release = made.track.retain();
  t.teardown(async () => {
    release();
    await made.source.close();
  });
  await live(made.source);
  return made;
}

/** Threads of a worker by their name; those of an encoder have that of the queue before it. */
function threads(pid: number, name: string): string[] {
  const folder = `/proc/${pid}/task`;
  return readdirSync(folder).filter((id) => readFileSync(`${folder}/${id}/comm`, 'utf8').trim() === name);
}

/**
 * Leaves the encoder of the first track next to nothing of one processor for most of the time, until the returned
 * function is called: now and then it has its share, so that it is slow, and does not hang.
 */
function slowDownEncoder(t: Test, pid: number): () => void {
  const encoder = threads(pid, 'queue0:src');
  for (const thread of encoder) execFileSync('taskset', ['-pc', '0', thread]);
  const busy = Array.from({ length: 4 }, () => spawn('taskset', ['-c', '0', 'sh', '-c', 'while :; do :; done']));
  const schedule = (policy: string): void => {
    for (const thread of encoder) execFileSync('chrt', [policy, '--pid', '0', thread]);
  };
  let slow = true;
  const timer = setInterval(() => {
    schedule(slow ? '--idle' : '--other');
    slow = !slow;
  }, 300);
  const stop = (): void => {
    clearInterval(timer);
    for (const child of busy) child.kill('SIGKILL');
  };
  t.teardown(stop);
  return () => {
    stop();
    schedule('--other');
  };
}

const frames = ({ rtp }: EncodedTrack): number => rtp.stats.frames;

test('all is well: nothing is counted as dropped', async (t) => {
  const made = [await capture(t, 'video'), await capture(t, 'audio')];
  await sleep(5000);
  for (const one of made) {
    t.ok(frames(one.track) > 40, `${frames(one.track)} frames`);
    t.same(lossOf(one), { capture: 0, conversion: 0, source: 0, encoder: 0, stream: 0 });
  }
});

test('an encoder that is too slow: frames are left out before it, and what comes is fresh', async (t) => {
  const rate = 30;
  const made = await capture(t, 'video', {
    settings: { width: 640, height: 360, frameRate: rate },
    pattern: 'ball',
  });
  const { source, track } = made;
  let [last, missing]: [number | undefined, number] = [undefined, 0];
  track.rtp.onFrame(({ timestamp }) => {
    if (last !== undefined) missing += Math.round(((timestamp - last) >>> 0) / (90_000 / rate)) - 1;
    last = timestamp;
  });
  const end = slowDownEncoder(t, source.pid as number);
  await until(() => track.droppedFrames > 60, 40_000);
  const [p50 = Number.NaN, p99 = Number.NaN] = track.rtp.latency.quantiles([0.5, 0.99]) ?? [];
  t.ok(p50 < 1500, `from capture to viewers: p50 ${Math.round(p50)} ms, p99 ${Math.round(p99)} ms`);
  t.same([source.state, source.stats.restarts], ['live', {}]);
  end();
  await sleep(3000);
  const before = frames(track);
  const { encoder, stream, ...earlier } = lossOf(made);
  t.same(earlier, { capture: 0, conversion: 0, source: 0 }, 'no other stage is blamed');
  const off = missing - stream - encoder;
  // Those on their way when it was looked at, and a rate that is rounded to whole frames.
  t.ok(Math.abs(off) <= 5, `${encoder} counted before the encoder, ${stream} behind it, ${missing} missing`);
  await sleep(3000);
  t.ok(frames(track) > before + 2 * rate, 'it goes on at its full rate');
  t.ok(track.droppedFrames - encoder < rate / 2, `and hardly anything is dropped: ${track.droppedFrames - encoder}`);
});

test('another worker begins at nothing, and the sum goes on', async (t) => {
  const made = await capture(t, 'video');
  const { source, track } = made;
  track.droppedFrames = 7;
  process.kill(source.pid as number, 'SIGKILL');
  await until(() => source.stats.restarts.crash === 1);
  await live(source);
  await sleep(2500);
  t.equal(track.droppedFrames, 7);
});
