import type { Serializable } from 'node:child_process';
import { Backoff } from './backoff.ts';
import type { Child, ChildExit } from './child.ts';
import { type Clock, systemClock, type Timer } from './clock.ts';
import type { Log } from './log.ts';

export interface SupervisorOptions<Sent extends Serializable, Received> {
  name: string;
  log: Log;
  /** Makes a new life; called for the start and for each restart. */
  start: () => Child<Sent, Received>;
  /** A life ended that we had not asked to end. `next` is when the next begins, in milliseconds. */
  died?: (exit: ChildExit, next: number) => void;
  /** Without {@link Supervisor.progress} for this long the child counts as hung and is killed, in milliseconds; none: only its exit counts. */
  progressTimeout?: number;
  /** The same for the time from a life's start to its first progress. */
  startTimeout?: number;
  /** Delays between lives. */
  backoff?: { minimum: number; maximum: number };
  /** A life with progress for this long resets the back-off, in milliseconds. */
  settled?: number;
  clock?: Clock;
}

/**
 * Keeps one child alive: by its progress, not by its exit alone. The owner calls {@link progress} whenever the child
 * has done something useful (a packet, a heartbeat).
 */
export class Supervisor<Sent extends Serializable, Received> {
  readonly #options: SupervisorOptions<Sent, Received>;
  readonly #clock: Clock;
  readonly #backoff: Backoff;
  #child: Child<Sent, Received> | undefined;
  #timer: Timer | undefined;
  #watchdog: Timer | undefined;
  #wanted = false;
  #startedAt = 0;
  #lastProgress: number | undefined;
  /** Lives that ended without being asked to. */
  deaths = 0;

  constructor(options: SupervisorOptions<Sent, Received>) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#backoff = new Backoff(options.backoff ?? { minimum: 100, maximum: 10_000 });
  }

  get child(): Child<Sent, Received> | undefined {
    return this.#child;
  }

  /** Starts the child and keeps it alive. Idempotent. */
  start(): void {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#backoff.reset();
    this.#begin();
  }

  /** Stops the child for good, by `message` or else SIGTERM, with the child's own deadline. Idempotent. */
  async stop(message?: Sent): Promise<void> {
    this.#wanted = false;
    this.#clock.clearTimeout(this.#timer);
    this.#clock.clearTimeout(this.#watchdog);
    const child = this.#child;
    this.#child = undefined;
    await child?.stop(message);
  }

  /** The child did something useful. Cheap: to be called for every packet. */
  progress(): void {
    this.#lastProgress = this.#clock.now();
  }

  /** Ends this life as if it had died, so that the next begins: for one that hangs or reports a failure. */
  restart(reason: string): void {
    this.#options.log.warn({ child: this.#options.name, reason }, `restarting ${this.#options.name}: ${reason}`);
    this.#child?.kill(false);
  }

  #begin(): void {
    this.#startedAt = this.#clock.now();
    this.#lastProgress = undefined;
    const child = this.#options.start();
    this.#child = child;
    void child.exited.then((exit) => this.#ended(child, exit));
    this.#watch();
  }

  #watch(): void {
    const { progressTimeout, startTimeout = progressTimeout } = this.#options;
    const limit = this.#lastProgress === undefined ? startTimeout : progressTimeout;
    if (limit === undefined) return;
    const left = (this.#lastProgress ?? this.#startedAt) + limit - this.#clock.now();
    if (left <= 0) {
      this.restart(`no sign of life for ${Math.round(limit)} ms`);
      return;
    }
    this.#watchdog = this.#clock.setTimeout(() => this.#watch(), left);
    this.#watchdog.unref?.();
  }

  #ended(child: Child<Sent, Received>, exit: ChildExit): void {
    if (this.#child !== child) return;
    this.#child = undefined;
    this.#clock.clearTimeout(this.#watchdog);
    if (!this.#wanted) return;
    this.deaths += 1;
    const { settled = 5000 } = this.#options;
    if (this.#lastProgress !== undefined && this.#lastProgress - this.#startedAt >= settled) this.#backoff.reset();
    const delay = this.#backoff.next();
    this.#options.log.warn({ child: this.#options.name, ...exit, delay: Math.round(delay) }, `${this.#options.name} died`);
    this.#options.died?.(exit, delay);
    this.#timer = this.#clock.setTimeout(() => this.#begin(), delay);
  }
}
