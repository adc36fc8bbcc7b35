import { type Clock, systemClock } from '../lib/clock.ts';
import { networkOf } from './remote-address.ts';

/** A token bucket: `burst` failures at once, then one for each `interval`. */
interface Rate {
  burst: number;
  /** Milliseconds. */
  interval: number;
}

const PER_KEY: Rate = { burst: 10, interval: 60_000 };
const OVERALL: Rate = { burst: 1000, interval: 1000 };

class Bucket {
  readonly #rate: Rate;
  #level: number;
  #at: number;

  constructor(rate: Rate, now: number) {
    this.#rate = rate;
    this.#level = rate.burst;
    this.#at = now;
  }

  empty(now: number): boolean {
    this.#level = Math.min(this.#rate.burst, this.#level + (now - this.#at) / this.#rate.interval);
    this.#at = now;
    return this.#level < 1;
  }

  take(): void {
    this.#level = Math.max(0, this.#level - 1);
  }
}

/** A map that forgets what was used longest ago. */
class RecentMap<V> {
  readonly #limit: number;
  readonly #map = new Map<string, V>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get(key: string): V | undefined {
    const value = this.#map.get(key);
    if (value !== undefined) this.set(key, value);
    return value;
  }

  set(key: string, value: V): void {
    this.#map.delete(key);
    this.#map.set(key, value);
    if (this.#map.size <= this.#limit) return;
    const oldest = this.#map.keys().next();
    if (oldest.done !== true) this.#map.delete(oldest.value);
  }
}

/** Buckets and known pairs that are kept. */
const LIMIT = 4096;

/**
 * Slows guessing down by what it fails: per network, per user, and over all. A network that has signed in as a user
 * before is not held back by what others do with that user's name, else anybody could lock the owner out.
 */
export class FailureLimiter {
  readonly #clock: Clock;
  readonly #buckets = new RecentMap<Bucket>(LIMIT);
  readonly #known = new RecentMap<true>(LIMIT);
  readonly #overall: Bucket;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
    this.#overall = new Bucket(OVERALL, clock.now());
  }

  /** Whether an attempt may be looked at. @param user undefined for a token, which names nobody */
  permits(remoteAddress: string, user: string | undefined): boolean {
    const now = this.#clock.now();
    const network = networkOf(remoteAddress);
    if (this.#buckets.get(`network ${network}`)?.empty(now)) return false;
    if (user !== undefined && this.#known.get(`${network} ${user}`)) return true;
    if (this.#overall.empty(now)) return false;
    return user === undefined || !this.#buckets.get(`user ${user}`)?.empty(now);
  }

  failed(remoteAddress: string, user: string | undefined): void {
    const now = this.#clock.now();
    const network = networkOf(remoteAddress);
    this.#overall.take();
    this.#bucket(`network ${network}`, now).take();
    if (user !== undefined && !this.#known.get(`${network} ${user}`)) this.#bucket(`user ${user}`, now).take();
  }

  succeeded(remoteAddress: string, user: string): void {
    this.#known.set(`${networkOf(remoteAddress)} ${user}`, true);
  }

  #bucket(key: string, now: number): Bucket {
    const known = this.#buckets.get(key);
    if (known !== undefined) return known;
    const bucket = new Bucket(PER_KEY, now);
    this.#buckets.set(key, bucket);
    return bucket;
  }
}
