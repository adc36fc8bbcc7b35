import { existsSync, type FSWatcher, watch } from 'node:fs';

/** Watches directories of which some may not be there yet, or go and come again. */
export class DirectoryWatch {
  readonly #directories: readonly string[];
  readonly #changed: (directory: string, name: string | null) => void;
  readonly #watchers = new Map<string, FSWatcher>();

  /** @param changed is told the name of the entry that came, went or changed, where the system tells it. */
  constructor(directories: readonly string[], changed: (directory: string, name: string | null) => void) {
    this.#directories = directories;
    this.#changed = changed;
  }

  /** Watches what has come since the last call. */
  refresh(): void {
    for (const directory of this.#directories) if (!this.#watchers.has(directory)) this.#watch(directory);
  }

  stop(): void {
    for (const directory of [...this.#watchers.keys()]) this.#unwatch(directory);
  }

  #watch(directory: string): void {
    try {
      const watcher = watch(directory, { persistent: false }, (_, name) => {
        if (!existsSync(directory)) this.#unwatch(directory);
        this.#changed(directory, name);
      });
      watcher.on('error', () => this.#unwatch(directory));
      this.#watchers.set(directory, watcher);
    } catch {
      // It is not there, or there are no watches left: whoever relies on this looks by himself now and then.
    }
  }

  #unwatch(directory: string): void {
    this.#watchers.get(directory)?.close();
    this.#watchers.delete(directory);
  }
}
