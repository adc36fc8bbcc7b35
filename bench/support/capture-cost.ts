import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { processCpu } from './process-cpu.ts';

/** V8 tidies up once, some seconds after a start. */
const WARM_UP_MS = 10_000;

/** Something that captures, in processes of its own. */
export interface Running {
  pids: readonly number[];
  stop: () => Promise<void>;
}

export interface Cost {
  /** Milliseconds of CPU a second. */
  cpu: number;
  /** Private memory in MB. */
  memory: number;
}

/**
 * A pipeline of ours without any of us; what it writes is read and thrown away. Resolves when it writes, if it does.
 * @param pipes descriptors that it writes to.
 */
export async function bareLaunch(launch: string, pipes: number): Promise<Running> {
  // gst-launch has its media pipes from descriptor 3 on.
  const words = launch.replaceAll(/fdsink fd=(\d)/g, (_, fd) => `fdsink fd=${Number(fd) - 1}`).split(' ');
  const outputs = Array.from({ length: pipes }, () => 'pipe' as const);
  const child = spawn('gst-launch-1.0', ['-q', ...words], { stdio: ['ignore', 'ignore', 'inherit', ...outputs] });
  const written = outputs.map((_, index) => {
    const pipe = child.stdio[3 + index] as Readable;
    pipe.resume();
    return new Promise((resolve) => pipe.once('data', resolve));
  });
  await Promise.all(written);
  return {
    pids: [child.pid ?? 0],
    stop: async () => {
      child.kill('SIGKILL');
    },
  };
}

function privateMemory(pid: number): number {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1');
  const kilobytes = (name: string): number => Number(new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(rollup)?.[1]);
  return ((kilobytes('Private_Clean') + kilobytes('Private_Dirty')) * 1024) / 1e6;
}

const total = (pids: readonly number[], measured: (pid: number) => number): number =>
  pids.reduce((sum, pid) => sum + measured(pid), 0);

/** All at the same time, so that the machine treats them alike; then they are stopped. */
async function measure(running: readonly Running[], seconds: number): Promise<Cost[]> {
  await sleep(WARM_UP_MS);
  const before = running.map(({ pids }) => total(pids, processCpu));
  const begin = performance.now();
  await sleep(seconds * 1000);
  const elapsed = (performance.now() - begin) / 1000;
  const gone = running.flatMap(({ pids }) => pids).find((pid) => !existsSync(`/proc/${pid}`));
  if (gone) throw new Error(`process ${gone} ended while it was measured: the machine has too much to do`);
  const costs = running.map(({ pids }, index) => ({
    cpu: (total(pids, processCpu) - (before[index] ?? 0)) / 1e6 / elapsed,
    memory: total(pids, privateMemory),
  }));
  await Promise.all(running.map(({ stop }) => stop()));
  return costs;
}

/**
 * What several cost at the same time, in the middle of one order and the other: of readers of one source those that came
 * first are woken first, while its writer still runs, and pay for that.
 */
export async function measureBothWays(starters: readonly (() => Promise<Running>)[], seconds: number): Promise<Cost[]> {
  const inOrder = async (order: readonly (() => Promise<Running>)[]): Promise<Cost[]> => {
    const running: Running[] = [];
    for (const start of order) running.push(await start());
    return measure(running, seconds);
  };
  const there = await inOrder(starters);
  const back = (await inOrder(starters.toReversed())).reverse();
  return there.map((cost, index) => {
    const other = back[index] as Cost;
    return { cpu: (cost.cpu + other.cpu) / 2, memory: (cost.memory + other.memory) / 2 };
  });
}
