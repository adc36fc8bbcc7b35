import type { Serializable } from 'node:child_process';
import { Backoff } from './backoff.ts';
import type { Child, ChildExit } from './child.ts';
import { type Clock, systemClock, type Timer } from './clock.ts';
import type { Log } from './log.ts';
import { measureRunDelay } from './run-delay.ts';

export interface SupervisorOptions<Sent extends Serializable, Received> {
  name: string;
  log: Log;
  /** Makes a new life; called for the start and for each restart. */
  start: () => Child<Sent, Received>;
  /** A life ended that we had not asked to end. `next` is the delay before the next begins, in milliseconds; stop() may be called here. */
  died?: (exit: ChildExit, next: number) => void;
  /** Without {@link Supervisor.progress} for this long the child counts as hung and is killed, in milliseconds; none: only its exit counts. */
  progressTimeout?: number;
  /** The same for the time from a life's start to its first progress. */
  startTimeout?: number;
  /** Delays between lives. */
  backoff?: { minimum: number; maximum: number };
  /** Begins to measure how long a process is kept from running, as {@link measureRunDelay}, the default, does. */
  runDelay?: (pid: number) => () => number;
  /** A life with progress (where that is watched) for this long resets the back-off, in milliseconds. */
  settled?: number;
  clock?: Clock;
}

/** After a pause of the whole process the timers come first; what the child has sent meanwhile is read within this time. */
const GRACE_MS = 20;
/** What a child that is kept from running is given at most beyond its limit. */
const MAXIMUM_EXCUSE_MS = 10_000;

/** A child that has been silent for half of what it may. */
interface Silence {
  /** Its last sign of life, or its beginning. */
  readonly since: number;
  readonly runDelay: () => number;
  /** Milliseconds in which it could not have given a sign. */
  excused: number;
  overdue: boolean;
}

/**
 * Keeps one child alive: by its progress, not by its exit alone. The owner calls {@link progress} whenever the child
 * has done something useful (a packet, a heartbeat). A child that gets no processor on an overloaded machine does not
 * hang: what it had to wait for one is added to its time.
 * An end that the owner asked for, by `child.stop()`, is no death: the next life begins at once.
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
  #silence: Silence | undefined;
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

  /** Starts the child and keeps it alive; one that is still stopping ends first. Idempotent. */
  start(): void {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#backoff.reset();
    if (this.#child === undefined) this.#begin();
  }

  /** Stops the child for good, by `message` or else SIGTERM, with the child's own deadline, and waits for its end. Idempotent. */
  async stop(message?: Sent): Promise<void> {
    this.#wanted = false;
    this.#clock.clearTimeout(this.#timer);
    this.#clock.clearTimeout(this.#watchdog);
    await this.#child?.stop(message);
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
    void child.exited.then((exit) => this.#ended(exit));
    this.#watch();
  }

  #watch(): void {
    const { progressTimeout, startTimeout = progressTimeout } = this.#options;
    const limit = this.#lastProgress === undefined ? startTimeout : progressTimeout;
    if (limit === undefined) return;
    const since = this.#lastProgress ?? this.#startedAt;
    const silent = this.#clock.now() - since;
    const half = limit / 2 - silent;
    if (half > 0) {
      this.#watchIn(half);
      return;
    }
    if (this.#silence?.since !== since) this.#silence = this.#beginSilence(since);
    const silence = this.#silence;
    silence.excused = Math.min(silence.excused + silence.runDelay(), MAXIMUM_EXCUSE_MS);
    const left = limit + silence.excused - silent;
    if (left > 0) this.#watchIn(left);
    else if (!silence.overdue) this.#watchIn(GRACE_MS);
    else this.restart(`no sign of life for ${Math.round(silent)} ms`);
    silence.overdue = left <= 0;
  }

  #watchIn(milliseconds: number): void {
    const { progressTimeout = milliseconds } = this.#options;
    // Whole ones, as timers have them: what is left by rounding is no time in which anything happens.
    const wait = Math.ceil(Math.min(milliseconds, progressTimeout));
    this.#watchdog = this.#clock.setTimeout(() => this.#watch(), wait);
    this.#watchdog.unref?.();
  }

  #beginSilence(since: number): Silence {
    const { runDelay = measureRunDelay } = this.#options;
    return { since, runDelay: runDelay(this.#child?.pid ?? 0), excused: 0, overdue: false };
  }

  #ended(exit: ChildExit): void {
    this.#child = undefined;
    this.#clock.clearTimeout(this.#watchdog);
    if (!this.#wanted) return;
    if (exit.asked) {
      this.#begin();
      return;
    }
    this.deaths += 1;
    const { settled = 5000, progressTimeout } = this.#options;
    const fine = this.#lastProgress ?? (progressTimeout === undefined ? this.#clock.now() : this.#startedAt);
    if (fine - this.#startedAt >= settled) this.#backoff.reset();
    const delay = this.#backoff.next();
    this.#options.log.warn(
      { child: this.#options.name, ...exit, delay: Math.round(delay) },
      `${this.#options.name} died`,
    );
    this.#timer = this.#clock.setTimeout(() => this.#begin(), delay);
    this.#options.died?.(exit, delay);
  }
}
