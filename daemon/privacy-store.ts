import { readFile } from 'node:fs/promises';
import { writeFileAtomic } from './lib/atomic-file.ts';
import type { Log } from './lib/log.ts';

/** Which streams are private: kept over restarts and reboots. */
export class PrivacyStore {
  readonly #file: string;
  readonly #log: Log;
  #private = new Set<string>();
  /** The file cannot be read: no stream is shown before somebody says so. */
  #unknown = false;

  constructor(file: string, log: Log) {
    this.#file = file;
    this.#log = log;
  }

  async load(): Promise<void> {
    try {
      const names: unknown = JSON.parse(await readFile(this.#file, 'utf8'));
      if (!Array.isArray(names)) throw new Error('not a list of streams');
      this.#private = new Set(names.map(String));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      this.#unknown = true;
      this.#log.error(
        { err: error, file: this.#file },
        'which streams are private cannot be read: all are, until each is told otherwise',
      );
    }
  }

  has(name: string): boolean {
    return this.#unknown || this.#private.has(name);
  }

  /** Resolves when it is on the disk. @param names of all streams. */
  async set(name: string, on: boolean, names: readonly string[]): Promise<void> {
    const next = new Set(this.#unknown ? names : this.#private);
    if (on) next.add(name);
    else next.delete(name);
    await writeFileAtomic(this.#file, `${JSON.stringify([...next])}\n`);
    this.#private = next;
    this.#unknown = false;
  }
}
