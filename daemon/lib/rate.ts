/** How fast a counter grows: over at least the last second, at most since the reading before that. Costs nothing between readings. */
export class Rate {
  #older: { time: number; value: number } | undefined;
  #newer: { time: number; value: number } | undefined;
  readonly #span: number;

  /** @param span milliseconds that a rate is taken over at least, once two readings lie that far apart. */
  constructor(span = 1000) {
    this.#span = span;
  }

  /** Reads the counter at a time in milliseconds; returns its growth per second. */
  read(value: number, time: number): number {
    this.#newer ??= { time, value };
    this.#older ??= this.#newer;
    if (time - this.#newer.time >= this.#span) {
      this.#older = this.#newer;
      this.#newer = { time, value };
    }
    const elapsed = time - this.#older.time;
    // A counter that began anew has not run backwards.
    return elapsed <= 0 ? 0 : (Math.max(0, value - this.#older.value) * 1000) / elapsed;
  }
}
