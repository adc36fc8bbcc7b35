import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const DAYS_OF_A_YEAR = 365;

/** Debian has a folder for each architecture. */
const library = (): string | undefined =>
  readdirSync('/usr/lib')
    .map((folder) => join('/usr/lib', folder, 'faketime/libfaketime.so.1'))
    .find((path) => existsSync(path));

/** The wall clock of a process and its children, which can be set while they run (libfaketime); their other clocks go on. */
export class WallClock {
  static readonly library = library();
  /** For their environment. */
  readonly environment: Record<string, string>;
  readonly #file: string;

  constructor(folder: string) {
    this.#file = join(folder, 'wall-clock');
    this.jump(0);
    this.environment = {
      LD_PRELOAD: WallClock.library ?? '',
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_CACHE_DURATION: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    };
  }

  /** Sets it so far from the true time; it is noticed within about a second. */
  jump(years: number): void {
    writeFileSync(this.#file, `${years < 0 ? '' : '+'}${years * DAYS_OF_A_YEAR}d`);
  }
}
