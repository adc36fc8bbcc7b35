import type { ReportBlock } from './rtcp.ts';

/** Milliseconds. */
const SHORTEST = 1000;

/**
 * The share of packets that a viewer loses, from its reports. A viewer that asks for packets again reports with each of its
 * requests, many times a second, so that the fraction of its last report speaks of a few packets, and mostly of none that is
 * missing. The difference of two reports' counts is the loss between them, however far apart they are (RFC 3550, 6.4.4).
 */
export class LossMeter {
  #since: { at: number; lost: number; highest: number } | undefined;
  #fraction: number | undefined;

  /** 0 to 1, over about a second, or between two reports that are further apart; undefined before the first report. */
  get fraction(): number | undefined {
    return this.#fraction;
  }

  /** @param now monotonic milliseconds */
  report({ fractionLost, packetsLost: lost, highestSequence: highest }: ReportBlock, now: number): void {
    const since = this.#since;
    if (since === undefined) {
      this.#fraction = fractionLost;
    } else {
      if (now - since.at < SHORTEST) return;
      // Modulo 2^32; less than before: the viewer has begun anew.
      const expected = (highest - since.highest) | 0;
      if (expected > 0) this.#fraction = Math.min(1, Math.max(0, (lost - since.lost) / expected));
    }
    this.#since = { at: now, lost, highest };
  }
}
