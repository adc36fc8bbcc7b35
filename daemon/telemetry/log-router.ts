import { LOG_LEVELS, type Log, type LogLevel } from '../lib/log.ts';

interface Tail {
  rank: number;
  listener: (line: string) => void;
}

/**
 * Where finished lines go: to the output from its level on, and to whoever looks on for a while. Lines below every
 * wanted level are never made.
 */
export class LogRouter {
  readonly #output: { write(line: string): unknown };
  readonly #tails = new Set<Tail>();
  #level: LogLevel;
  #least: number;
  /** Of the line that is being written: the writer calls back before the next one. */
  #rank = 0;

  constructor(output: { write(line: string): unknown }, level: LogLevel) {
    this.#output = output;
    this.#level = level;
    this.#least = LOG_LEVELS.indexOf(level);
  }

  get level(): LogLevel {
    return this.#level;
  }

  set level(level: LogLevel) {
    this.#level = level;
    this.#updateLeast();
  }

  tail(level: LogLevel, listener: (line: string) => void): () => void {
    const tail = { rank: LOG_LEVELS.indexOf(level), listener };
    this.#tails.add(tail);
    this.#updateLeast();
    return () => {
      this.#tails.delete(tail);
      this.#updateLeast();
    };
  }

  /** A log that makes lines only where somebody wants them; its children as well, at all times. */
  gate(log: Log): Log {
    const at =
      (level: LogLevel) =>
      (fields: object, message?: string): void => {
        const rank = LOG_LEVELS.indexOf(level);
        if (rank < this.#least) return;
        this.#rank = rank;
        log[level](fields, message);
      };
    const [debug, info, warn, error] = LOG_LEVELS.map(at);
    return { debug, info, warn, error, child: (bindings) => this.gate(log.child(bindings)) } as Log;
  }

  /** Takes a finished line from the writer. */
  write(line: string): void {
    const rank = this.#rank;
    if (rank >= LOG_LEVELS.indexOf(this.#level)) this.#output.write(line);
    for (const tail of this.#tails) if (rank >= tail.rank) tail.listener(line);
  }

  #updateLeast(): void {
    const ranks = [...this.#tails].map(({ rank }) => rank);
    this.#least = Math.min(LOG_LEVELS.indexOf(this.#level), ...ranks);
  }
}
