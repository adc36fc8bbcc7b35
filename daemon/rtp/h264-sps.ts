import { Bits } from './bits.ts';

/** What a sequence parameter set tells of the pictures (ITU-T H.264, 7.3.2.1.1). */
export interface SequenceParameters {
  /** profile_idc: 66 baseline, 77 main, 100 high, ... */
  readonly profile: number;
  /** Pixels, cropped. */
  readonly width: number;
  readonly height: number;
  readonly interlaced: boolean;
}

/** Profiles whose sets go on with the chroma format (7.3.2.1.1). */
const WITH_CHROMA_FORMAT: ReadonlySet<number> = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);
const MAXIMUM_SIZE = 16_384;

/** Reads a set, a NAL unit without start code; undefined for one that is broken. */
export function readSequenceParameters(sps: Buffer): SequenceParameters | undefined {
  try {
    return read(new Bits(sps));
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function read(bits: Bits): SequenceParameters {
  bits.skip(8);
  const profile = bits.take(8);
  bits.skip(16);
  bits.exponential();
  let chroma = 1;
  if (WITH_CHROMA_FORMAT.has(profile)) {
    chroma = bits.exponential();
    if (chroma === 3) bits.skip(1);
    bits.exponential();
    bits.exponential();
    bits.skip(1);
    const lists = bits.take(1) === 0 ? 0 : chroma === 3 ? 12 : 8;
    for (let list = 0; list < lists; list++) {
      const given = bits.take(1) === 1;
      if (given) skipScaling(bits, list);
    }
  }
  bits.exponential();
  const orderType = bits.exponential();
  if (orderType === 0) bits.exponential();
  else if (orderType === 1) {
    bits.skip(1);
    bits.exponential();
    bits.exponential();
    for (let count = bits.exponential(); count > 0; count--) bits.exponential();
  }
  bits.exponential();
  bits.skip(1);
  const columns = bits.exponential() + 1;
  const rows = bits.exponential() + 1;
  const interlaced = bits.take(1) === 0;
  if (interlaced) bits.skip(1);
  bits.skip(1);
  let [cropX, cropY] = [0, 0];
  if (bits.take(1) === 1) {
    cropX = (bits.exponential() + bits.exponential()) * (chroma === 1 || chroma === 2 ? 2 : 1);
    cropY = (bits.exponential() + bits.exponential()) * (chroma === 1 ? 2 : 1) * (interlaced ? 2 : 1);
  }
  const width = columns * 16 - cropX;
  const height = rows * 16 * (interlaced ? 2 : 1) - cropY;
  if (!(width > 0 && height > 0 && width <= MAXIMUM_SIZE && height <= MAXIMUM_SIZE)) throw new RangeError('size');
  return { profile, width, height, interlaced };
}

/** A scaling list of 16 or 64 values, which end early where one says so (7.3.2.1.1.1). */
function skipScaling(bits: Bits, list: number): void {
  let last = 8;
  for (let left = list < 6 ? 16 : 64; left > 0 && last !== 0; left--) {
    const code = bits.exponential();
    last = (last + (code % 2 === 1 ? (code + 1) / 2 : -code / 2) + 256) % 256;
  }
}
