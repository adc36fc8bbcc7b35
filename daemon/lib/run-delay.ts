import { readdirSync, readFileSync } from 'node:fs';

/** What a thread had of its processor since its beginning. */
interface ThreadRun {
  /** Time on it, time waiting for it, number of time slices: as the kernel writes them. */
  readonly counters: string;
  /** Milliseconds. */
  readonly waited: number;
}

/**
 * Begins to measure how long a process is kept from running.
 * @returns what tells the milliseconds since it was asked last, or since the beginning, that the thread which waited
 *   longest for a processor waited for it; 0 where the kernel does not say, as for a process that is gone or stopped.
 */
export function measureRunDelay(pid: number): () => number {
  let before = threadRuns(pid);
  let beforeAt = performance.now();
  return () => {
    const now = threadRuns(pid);
    const nowAt = performance.now();
    let longest = 0;
    for (const [thread, run] of now) {
      const last = before.get(thread);
      if (last === undefined) continue;
      let { waited } = run;
      // A wait is counted when it ends: of a thread that has not run at all meanwhile only its state tells.
      if (run.counters === last.counters) waited = last.waited + (isRunnable(pid, thread) ? nowAt - beforeAt : 0);
      now.set(thread, { ...run, waited });
      longest = Math.max(longest, waited - last.waited);
    }
    before = now;
    beforeAt = nowAt;
    return longest;
  };
}

/** By thread. */
function threadRuns(pid: number): Map<string, ThreadRun> {
  const runs = new Map<string, ThreadRun>();
  for (const thread of entries(`/proc/${pid}/task`)) {
    try {
      // Documentation/scheduler/sched-stats.rst.
      const counters = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1');
      runs.set(thread, { counters, waited: Number(counters.split(' ')[1]) / 1e6 });
    } catch {
      // The thread has ended, or this kernel does not count.
    }
  }
  return runs;
}

/** Whether a thread would run if it had a processor. */
function isRunnable(pid: number, thread: string): boolean {
  try {
    // proc(5): id (name) state ...; the name may hold spaces and parentheses.
    const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'latin1');
    return stat[stat.lastIndexOf(')') + 2] === 'R';
  } catch {
    return false;
  }
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
