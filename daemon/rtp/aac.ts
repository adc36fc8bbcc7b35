import type { RtpCodec } from './codec.ts';

/** Sampling frequencies by their index (ISO/IEC 14496-3, 1.6.3.4). */
const SAMPLE_RATES = [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000];
const LOW_COMPLEXITY = 2;
const PAYLOAD_TYPE = 100;

const codecs = new Map<string, RtpCodec>();

/**
 * AAC of low complexity. The same object each time for the same values.
 * @param clockRate sampling frequency in Hz: one that has an index.
 * @param channels 1 or 2.
 */
export function aacCodec(clockRate: number, channels: number): RtpCodec {
  const key = `${clockRate}/${channels}`;
  let codec = codecs.get(key);
  if (codec === undefined) {
    if (!SAMPLE_RATES.includes(clockRate)) throw new RangeError(`AAC has no sampling frequency of ${clockRate} Hz`);
    codec = { kind: 'audio', mimeType: 'audio/mpeg4-generic', payloadType: PAYLOAD_TYPE, clockRate, channels };
    codecs.set(key, codec);
  }
  return codec;
}

export const isAac = ({ mimeType }: RtpCodec): boolean => mimeType === 'audio/mpeg4-generic';

/** AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1) in hexadecimal, frames of 1024 samples. */
export function aacConfig({ clockRate, channels = 1 }: RtpCodec): string {
  const bits = (LOW_COMPLEXITY << 11) | (SAMPLE_RATES.indexOf(clockRate) << 7) | (channels << 3);
  return bits.toString(16).padStart(4, '0');
}

/** The codec that an AudioSpecificConfig in hexadecimal means; undefined for all but plain AAC-LC in mono or stereo. */
export function readAacConfig(config: string): RtpCodec | undefined {
  const bytes = Buffer.from(config, 'hex');
  if (bytes.length < 2) return undefined;
  const bits = bytes.readUInt16BE(0);
  const clockRate = SAMPLE_RATES[(bits >> 7) & 15];
  const channels = (bits >> 3) & 15;
  if (clockRate === undefined || (channels !== 1 && channels !== 2)) return undefined;
  // What may follow says whether spectral bands are replicated (sync extension 0x2b7): a decoder without would halve the rate.
  const replicates = bytes.length >= 5 && bytes.readUInt16BE(2) >> 5 === 0x2b7 && (bytes.readUInt8(4) & 0x80) !== 0;
  const codec = aacCodec(clockRate, channels);
  return bits === Number.parseInt(aacConfig(codec), 16) && !replicates ? codec : undefined;
}

/** High bit-rate mode (RFC 3640, 3.3.6 and 4.1): one access unit behind a header of 16 bits. */
export const AAC_MODE: Readonly<Record<string, string>> = {
  mode: 'AAC-hbr',
  sizelength: '13',
  indexlength: '3',
  indexdeltalength: '3',
};

export const aacFormatParameters = (codec: RtpCodec): string =>
  [
    'streamtype=5',
    'profile-level-id=1',
    ...Object.entries(AAC_MODE).map((pair) => pair.join('=')),
    `config=${aacConfig(codec)}`,
  ].join(';');
