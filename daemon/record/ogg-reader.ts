import type { PartReader } from './part-splitter.ts';

const HEADER_BYTES = 27;
/** Granule positions of Opus count samples at this rate (RFC 7845, 4). */
const SAMPLES_A_MILLISECOND = 48;

/** Ogg (RFC 3533) with one track of Opus: cut between pages. */
export class OggReader implements PartReader {
  /** Where the next page begins. */
  #time = 0;

  measure(bytes: Buffer): number {
    if (bytes.length < HEADER_BYTES) return HEADER_BYTES;
    const segments = bytes[HEADER_BYTES - 1] as number;
    if (bytes.length < HEADER_BYTES + segments) return HEADER_BYTES + segments;
    let length = HEADER_BYTES + segments;
    for (let at = HEADER_BYTES; at < HEADER_BYTES + segments; at++) length += bytes[at] as number;
    return length;
  }

  timeOf(page: Buffer): number {
    const time = this.#time;
    const granule = page.readBigInt64LE(6);
    // -1: no packet ends on this page.
    if (granule >= 0) this.#time = Number(granule) / SAMPLES_A_MILLISECOND;
    return time;
  }
}
