import type { PartReader } from './part-splitter.ts';

const HEADER_BYTES = 8;

/** The contents of a box at the end of a path of boxes; each may be there several times. */
function* boxes(bytes: Buffer, [type, ...path]: readonly string[]): Generator<Buffer> {
  for (let at = 0; at + HEADER_BYTES <= bytes.length; ) {
    const end = at + Math.max(bytes.readUInt32BE(at), HEADER_BYTES);
    if (bytes.toString('latin1', at + 4, at + HEADER_BYTES) === type) {
      const content = bytes.subarray(at + HEADER_BYTES, end);
      if (path.length === 0) yield content;
      else yield* boxes(content, path);
    }
    at = end;
  }
}

/** Fragmented MP4 (ISO/IEC 14496-12, 8.8): a fragment is `moof` and `mdat` together. */
export class Mp4Reader implements PartReader {
  /** Units in a second, by track. */
  readonly #timescales = new Map<number, number>();

  /** Where tracks begin, in milliseconds: the muxer lets every one begin at 0. */
  readonly #begins = new Map<number, number>();

  trackBegins(track: number, time: number): void {
    this.#begins.set(track + 1, time);
  }

  measure(bytes: Buffer): number {
    if (bytes.length < HEADER_BYTES) return HEADER_BYTES;
    const length = Math.max(bytes.readUInt32BE(0), HEADER_BYTES);
    if (bytes.toString('latin1', 4, HEADER_BYTES) !== 'moof') return length;
    if (bytes.length < length + HEADER_BYTES) return length + HEADER_BYTES;
    return length + bytes.readUInt32BE(length);
  }

  timeOf(part: Buffer): number | undefined {
    for (const track of boxes(part, ['moov', 'trak'])) {
      const [tkhd] = boxes(track, ['tkhd']);
      const [mdhd] = boxes(track, ['mdia', 'mdhd']);
      if (tkhd !== undefined && mdhd !== undefined) {
        // Version 1 has its two times in 64 bits.
        const id = tkhd.readUInt32BE(tkhd[0] === 1 ? 20 : 12);
        this.#timescales.set(id, mdhd.readUInt32BE(mdhd[0] === 1 ? 20 : 12));
      }
    }
    for (const fragment of boxes(part, ['moof', 'traf'])) {
      const [tfhd] = boxes(fragment, ['tfhd']);
      const [tfdt] = boxes(fragment, ['tfdt']);
      if (tfhd === undefined || tfdt === undefined) continue;
      const id = tfhd.readUInt32BE(4);
      const timescale = this.#timescales.get(id);
      if (timescale === undefined) continue;
      const delay = Math.round(((this.#begins.get(id) ?? 0) * timescale) / 1000);
      return (moveDecodeTime(tfdt, delay) / timescale) * 1000;
    }
    return undefined;
  }
}

/** Adds to the time that a fragment begins at, in the bytes; returns the sum. */
function moveDecodeTime(tfdt: Buffer, delay: number): number {
  if (tfdt[0] === 1) {
    const time = tfdt.readBigUInt64BE(4) + BigInt(delay);
    tfdt.writeBigUInt64BE(time, 4);
    return Number(time);
  }
  const time = tfdt.readUInt32BE(4) + delay;
  tfdt.writeUInt32BE(time, 4);
  return time;
}
