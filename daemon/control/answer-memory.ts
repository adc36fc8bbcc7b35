import type { Clock } from '../lib/clock.ts';

interface Entry<Answer> {
  answer: Promise<Answer>;
  /** Undefined while the request is carried out. */
  settled: { at: number; bytes: number } | undefined;
}

export interface AnswerMemoryOptions<Answer> {
  clock: Clock;
  /** Milliseconds that an answer is kept. */
  keep: number;
  maxEntries: number;
  maxBytes: number;
  /** Whether the request was not begun: then it may come again. */
  notBegun: (answer: Answer) => boolean;
  /** The size that counts. */
  bytesOf: (answer: Answer) => number;
}

/** The answers of the last minutes by request, so that a request that comes again is not carried out again. */
export class AnswerMemory<Answer> {
  readonly #options: AnswerMemoryOptions<Answer>;
  /** In the order of arrival. */
  readonly #entries = new Map<string, Entry<Answer>>();
  #bytes = 0;

  constructor(options: AnswerMemoryOptions<Answer>) {
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The answer that was given to this key, or is being made for it; else what `make` makes, which must not reject. */
  once(key: string, make: () => Promise<Answer>): Promise<Answer> {
    this.#forgetOld();
    const known = this.#entries.get(key);
    if (known !== undefined) return known.answer;
    const entry: Entry<Answer> = { answer: make(), settled: undefined };
    this.#entries.set(key, entry);
    void entry.answer.then((answer) => {
      if (this.#options.notBegun(answer)) {
        this.#entries.delete(key);
        return;
      }
      const bytes = this.#options.bytesOf(answer);
      entry.settled = { at: this.#options.clock.now(), bytes };
      this.#bytes += bytes;
      this.#forgetOld();
    });
    return entry.answer;
  }

  #forgetOld(): void {
    const { clock, keep, maxEntries, maxBytes } = this.#options;
    const oldest = clock.now() - keep;
    for (const [key, { settled }] of this.#entries) {
      // What is being carried out stays: its number is bounded by the controller.
      if (settled === undefined) continue;
      if (settled.at >= oldest && this.#entries.size <= maxEntries && this.#bytes <= maxBytes) continue;
      this.#entries.delete(key);
      this.#bytes -= settled.bytes;
    }
  }
}
