/** The delays between attempts: exponential up to a cap, with jitter, so that a fleet never moves in step. */
export interface BackoffOptions {
  /** The first delay, in milliseconds. */
  minimum: number;
  /** The longest delay, in milliseconds. */
  maximum: number;
  /** The share of each delay that chance decides, 0 to 1; default: half. */
  jitter?: number;
  /** From 0 to below 1; tests pass their own. */
  random?: () => number;
}

export class Backoff {
  readonly #options: BackoffOptions;
  #attempts = 0;

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  /** The delay before the next attempt, in milliseconds: the current step less, at most, its share of chance. */
  next(): number {
    const { minimum, maximum, jitter = 0.5, random = Math.random } = this.#options;
    const step = Math.min(maximum, minimum * 2 ** this.#attempts);
    if (step < maximum) this.#attempts += 1;
    return step * (1 - jitter * (1 - random()));
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
