/** The delays between attempts: exponential up to a cap, with jitter, so that a fleet never moves in step. */
export interface BackoffOptions {
  /** The first delay, in milliseconds. */
  minimum: number;
  /** The longest delay, in milliseconds. */
  maximum: number;
  /** From 0 to below 1; tests pass their own. */
  random?: () => number;
}

export class Backoff {
  readonly #options: BackoffOptions;
  #attempts = 0;

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  /** The delay before the next attempt, in milliseconds: between half and the whole of the current step. */
  next(): number {
    const { minimum, maximum, random = Math.random } = this.#options;
    const step = Math.min(maximum, minimum * 2 ** this.#attempts);
    if (step < maximum) this.#attempts += 1;
    return step / 2 + (step / 2) * random();
  }

  /** The attempt worked, though not for long: the next delay is no longer than this, in milliseconds. */
  ease(longest: number): void {
    const steps = Math.floor(Math.log2(longest / this.#options.minimum));
    this.#attempts = Math.max(0, Math.min(this.#attempts, steps));
  }

  /** The attempt worked: begin with the first delay again. */
  reset(): void {
    this.#attempts = 0;
  }
}
