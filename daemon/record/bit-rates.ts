export interface BitRates {
  readonly video: number;
  readonly audio: number;
}

/** What is aimed at where nothing is said, in bit/s. */
export const DEFAULT_BIT_RATES: BitRates = { video: 2_500_000, audio: 128_000 };

/** Less than this is no picture and no sound. */
const LEAST: BitRates = { video: 10_000, audio: 6_000 };
const AUDIO_SHARE = 0.1;

/** Shares a rate in bit/s out among the kinds of tracks that there are. */
export function shareBitRate(total: number, kinds: ReadonlySet<'audio' | 'video'>): BitRates {
  if (!kinds.has('video')) return { video: 0, audio: Math.max(total, LEAST.audio) };
  if (!kinds.has('audio')) return { video: Math.max(total, LEAST.video), audio: 0 };
  const audio = Math.min(Math.max(Math.round(total * AUDIO_SHARE), LEAST.audio), DEFAULT_BIT_RATES.audio);
  return { video: Math.max(total - audio, LEAST.video), audio };
}
