import { Bits } from './bits.ts';

/** Bits of what a profile says of its constraints, after which its level stands (ITU-T H.265, 7.3.3). */
const GENERAL_PROFILE_BITS = 88;
const LEVEL_BITS = 8;
const MAXIMUM_SIZE = 16_384;

/** The size of the pictures, cropped, that a sequence parameter set tells of (7.3.2.2.1); undefined for one that is broken. */
export function readH265Size(sps: Buffer): { width: number; height: number } | undefined {
  try {
    return read(new Bits(sps));
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function read(bits: Bits): { width: number; height: number } | undefined {
  bits.skip(16 + 4);
  const subLayers = bits.take(3);
  bits.skip(1);
  skipProfileTierLevel(bits, subLayers);
  bits.exponential();
  const chroma = bits.exponential();
  if (chroma === 3) bits.skip(1);
  let width = bits.exponential();
  let height = bits.exponential();
  if (bits.take(1) === 1) {
    const [left, right, top, bottom] = [0, 0, 0, 0].map(() => bits.exponential()) as [number, number, number, number];
    width -= (left + right) * (chroma === 1 || chroma === 2 ? 2 : 1);
    height -= (top + bottom) * (chroma === 1 ? 2 : 1);
  }
  return width > 0 && height > 0 && width <= MAXIMUM_SIZE && height <= MAXIMUM_SIZE ? { width, height } : undefined;
}

function skipProfileTierLevel(bits: Bits, subLayers: number): void {
  bits.skip(GENERAL_PROFILE_BITS + LEVEL_BITS);
  const present = Array.from({ length: subLayers }, () => ({ profile: bits.take(1), level: bits.take(1) }));
  if (subLayers > 0) bits.skip(2 * (8 - subLayers));
  for (const { profile, level } of present) bits.skip(profile * GENERAL_PROFILE_BITS + level * LEVEL_BITS);
}
