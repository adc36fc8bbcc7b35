/** The newest measurements of something. Taking one costs a store; whoever asks for a quantile pays for the sorting. */
export class RecentValues {
  readonly #values: Float64Array;
  #count = 0;

  /** @param size how many are kept. */
  constructor(size = 512) {
    this.#values = new Float64Array(size);
  }

  add(value: number): void {
    this.#values[this.#count % this.#values.length] = value;
    this.#count += 1;
  }

  /** The values that these shares (0 to 1) of all do not exceed, nearest rank; undefined as long as there are none. */
  quantiles<const Shares extends readonly number[]>(shares: Shares): { [K in keyof Shares]: number } | undefined {
    if (this.#count === 0) return undefined;
    const sorted = this.#values.slice(0, this.#count).sort();
    return shares.map((share) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]) as {
      [K in keyof Shares]: number;
    };
  }
}
