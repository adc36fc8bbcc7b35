import type { Clock, Timer } from '../lib/clock.ts';
import type { LogLevel } from '../lib/log.ts';
import { TokenBucket } from './token-bucket.ts';

/** Where the gateway's log can be watched and its level be changed. */
export interface LogPort {
  level: LogLevel;
  /** Calls a listener with each finished line of a level or above, secrets hidden; returns what ends it. */
  tail(level: LogLevel, listener: (line: string) => void): () => void;
}

/** Lines a second that go out for long, and at once. */
const RATE = { perSecond: 20, burst: 100 };
/** Characters of a line that go out; a stack is shorter. */
const MAX_LINE = 8192;

/** Lets somebody far away watch the log for a while; one look at a time, bounded in time, rate and size. */
export class LogTail {
  readonly #log: LogPort;
  readonly #clock: Clock;
  #end: (() => void) | undefined;
  #timer: Timer | undefined;

  constructor(options: { log: LogPort; clock: Clock }) {
    this.#log = options.log;
    this.#clock = options.clock;
  }

  /** Begins, in place of what is being watched. @param send takes one JSON object; what it logs itself is not sent. */
  start(level: LogLevel, seconds: number, send: (line: string) => void): void {
    this.stop();
    const bucket = new TokenBucket({ ...RATE, clock: this.#clock });
    let dropped = 0;
    let sending = false;
    this.#end = this.#log.tail(level, (line) => {
      if (sending) return;
      if (!bucket.take()) {
        dropped += 1;
        return;
      }
      sending = true;
      send(finished(line.trimEnd(), dropped));
      sending = false;
      dropped = 0;
    });
    this.#timer = this.#clock.setTimeout(() => this.stop(), seconds * 1000);
    this.#timer.unref?.();
  }

  /** Idempotent. */
  stop(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#end?.();
    this.#end = undefined;
  }
}

/** A line of bounded length that also says how many before it were left out. */
function finished(line: string, dropped: number): string {
  if (line.length <= MAX_LINE && dropped === 0) return line;
  const { level, time, room, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const short = line.length <= MAX_LINE ? fields : { truncated: true };
  return JSON.stringify({ level, time, room, msg: String(msg ?? '').slice(0, MAX_LINE / 2), ...short, dropped });
}
