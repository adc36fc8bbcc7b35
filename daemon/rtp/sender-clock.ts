/** How long what a sender's clock showed tells how it goes by ours, in milliseconds. */
const MEMORY_MS = 30_000;
/** What differs by more is another clock, or one that was set, in milliseconds (GStreamer's `max-ts-offset`). */
const SAME_CLOCK_MS = 3000;

/** How much later our clock showed something than the sender's did, and when. */
interface Reading {
  readonly difference: number;
  readonly at: number;
}

/**
 * The clock of a sender, as it shows in the sender reports of its streams (RFC 3550, 6.4.1). What it says of the time of
 * day is not believed: only that the same time in two of its streams is the same instant. By our clock that is when it
 * would have come by the quickest way that something of any of them came lately.
 */
export class SenderClock {
  /** Of each stream: the readings of late, and the last one where that is of another clock. */
  readonly #streams = new Map<string, { readings: Reading[]; odd: Reading | undefined }>();

  /**
   * Something of a stream that came at `now`, in monotonic milliseconds, was sent when the sender's clock showed `shown`.
   * @returns the monotonic time of that; undefined where the next reading has to tell whether the clock was set.
   */
  read(stream: string, shown: number, now: number): number | undefined {
    const reading = { difference: now - shown, at: now };
    for (const each of this.#streams.values()) each.readings = each.readings.filter(({ at }) => now - at < MEMORY_MS);
    const own = this.#streams.get(stream) ?? { readings: [], odd: undefined };
    this.#streams.set(stream, own);
    if (own.readings.length > 0 && !agree(reading, leastOf(own.readings))) {
      const twice = own.odd !== undefined && agree(reading, own.odd);
      own.odd = reading;
      if (!twice) return undefined;
      own.readings = [];
    }
    own.odd = undefined;
    own.readings.push(reading);
    const least = leastOf(own.readings);
    const others = [...this.#streams.values()].flatMap(({ readings }) => readings);
    return shown + leastOf(others.filter((other) => agree(other, least))).difference;
  }
}

const agree = (a: Reading, b: Reading): boolean => Math.abs(a.difference - b.difference) <= SAME_CLOCK_MS;
const leastOf = (readings: readonly Reading[]): Reading =>
  readings.reduce((least, reading) => (reading.difference < least.difference ? reading : least));
