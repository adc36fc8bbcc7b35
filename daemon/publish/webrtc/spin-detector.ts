import { readdirSync, readFileSync } from 'node:fs';

export interface SpinDetectorOptions {
  /** How many samples in a row a thread must have been busy in. */
  samples: number;
  /** The share of wall time above which a thread counts as busy, 0 to 1. */
  share: number;
  /** Monotonic nanoseconds. */
  now?: () => bigint;
  /** Thread id -> nanoseconds that the thread ran or stood ready to run. */
  read?: () => ReadonlyMap<string, bigint>;
}

/**
 * Finds a native thread that has gone into an endless loop. What counts is the time for which a thread *wanted* to
 * run, which `schedstat` tells as time on a processor plus time in the run queue: so a loaded machine, where a spinning
 * thread gets little, does not hide it. The main thread is left out: its heartbeat tells of it.
 */
export class SpinDetector {
  readonly #options: SpinDetectorOptions;
  readonly #busy = new Map<string, number>();
  #before: ReadonlyMap<string, bigint> = new Map();
  #at = 0n;

  constructor(options: SpinDetectorOptions) {
    this.#options = options;
  }

  /** Takes a sample; to be called about once a second. @returns whether a thread has been busy in all recent samples. */
  sample(): boolean {
    const { samples, share, now = process.hrtime.bigint, read = readThreads } = this.#options;
    const at = now();
    const threads = read();
    const elapsed = Number(at - this.#at);
    let spinning = false;
    for (const [id, wanted] of threads) {
      const before = this.#before.get(id);
      const busy = before !== undefined && Number(wanted - before) >= share * elapsed;
      const row = busy ? (this.#busy.get(id) ?? 0) + 1 : 0;
      this.#busy.set(id, row);
      spinning ||= row >= samples;
    }
    for (const id of this.#busy.keys()) if (!threads.has(id)) this.#busy.delete(id);
    this.#before = threads;
    this.#at = at;
    return spinning;
  }
}

function readThreads(): ReadonlyMap<string, bigint> {
  const threads = new Map<string, bigint>();
  for (const id of readdirSync('/proc/self/task')) {
    if (id === String(process.pid)) continue;
    try {
      const [ran, waited] = readFileSync(`/proc/self/task/${id}/schedstat`, 'ascii').split(' ');
      threads.set(id, BigInt(ran ?? 0) + BigInt(waited ?? 0));
    } catch {
      // The thread ended meanwhile, or the kernel keeps no such statistics.
    }
  }
  return threads;
}
