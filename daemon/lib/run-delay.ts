import { readdirSync, readFileSync } from 'node:fs';

/**
 * Begins to measure how long a process is kept from running.
 * @returns what tells the milliseconds since it was asked last, or since the beginning, that the thread which waited
 *   longest for a processor waited for it; 0 where the kernel does not say, as for a process that is gone or stopped.
 */
export function measureRunDelay(pid: number): () => number {
  let before = runDelays(pid);
  return () => {
    const now = runDelays(pid);
    const waited = [...now].map(([thread, delay]) => delay - (before.get(thread) ?? delay));
    before = now;
    return Math.max(0, ...waited) / 1e6;
  };
}

/** By thread, in nanoseconds since its beginning. */
function runDelays(pid: number): Map<string, number> {
  const delays = new Map<string, number>();
  for (const thread of entries(`/proc/${pid}/task`)) {
    try {
      // Documentation/scheduler/sched-stats.rst: time on the processor, time waiting for it, number of time slices.
      delays.set(thread, Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ')[1]));
    } catch {
      // The thread has ended, or this kernel does not count.
    }
  }
  return delays;
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
