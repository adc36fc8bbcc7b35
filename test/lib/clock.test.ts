import { execFileSync } from 'node:child_process';
import { test } from 'tap';
import { MediaClock, systemClock } from '../../daemon/lib/clock.ts';
import { ManualClock } from '../support/manual-clock.ts';

test('one mapping from monotonic to wall clock time', async (t) => {
  const clock = new ManualClock();
  clock.advance(1000);
  const media = new MediaClock(clock);
  t.equal(media.now(), 1000);
  t.equal(media.wallOf(1000), clock.wall());
  t.equal(media.wallOf(250), clock.wall() - 750);
  clock.advance(500);
  t.equal(media.wallOf(media.now()), clock.wall());
});

test('a step of the wall clock is adopted at the next resync, jitter never', async (t) => {
  const clock = new ManualClock();
  const media = new MediaClock(clock);
  const mapped = media.wallOf(0);
  for (const jitter of [1, -2, 49, -49]) {
    clock.epoch += jitter;
    t.equal(media.resync(), false, `${jitter} ms`);
    t.equal(media.wallOf(0), mapped);
    clock.epoch -= jitter;
  }
  for (const step of [50, -50, 1000, -86_400_000, 3.15e11]) {
    clock.epoch += step;
    const before = media.wallOf(0);
    t.equal(media.resync(), true, `${step} ms`);
    t.equal(media.wallOf(0), before + step);
    t.equal(media.resync(), false, 'once');
  }
});

test('small differences that add up are adopted in the end', async (t) => {
  const clock = new ManualClock();
  const media = new MediaClock(clock);
  let adopted = 0;
  for (let i = 0; i < 60; i++) {
    clock.epoch += 1;
    if (media.resync()) adopted += 1;
  }
  t.equal(adopted, 1);
  t.ok(Math.abs(media.wallOf(clock.now()) - clock.wall()) < 50);
});

test('the system clock is CLOCK_MONOTONIC, shared by all processes', async (t) => {
  const before = systemClock.now();
  const other = Number(
    execFileSync(process.execPath, ['-p', 'Number(process.hrtime.bigint()) / 1e6'], { encoding: 'utf8' }),
  );
  const after = systemClock.now();
  t.ok(other > before && other < after, `${before} < ${other} < ${after}`);
  t.ok(Math.abs(systemClock.wall() - Date.now()) < 1000);
  await new Promise<void>((resolve) => systemClock.setTimeout(resolve, 1));
  systemClock.clearTimeout(systemClock.setTimeout(() => t.fail('was cleared'), 1));
  systemClock.clearTimeout(undefined);
  await new Promise((resolve) => setTimeout(resolve, 20));
});
