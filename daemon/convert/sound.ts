import { isAac } from '../rtp/aac.ts';
import { OPUS, type RtpCodec } from '../rtp/codec.ts';
import type { AacEncoder } from './aac-encoder.ts';

/** What makes samples of each codec: those of G.711 are the payload, the others are told by their parser. */
const DECODERS: Partial<Record<RtpCodec['mimeType'], string>> = {
  'audio/opus': 'opusdec',
  'audio/mpeg4-generic': 'decodebin',
  'audio/PCMA': 'alawdec',
  'audio/PCMU': 'mulawdec',
};

const decoded = ({ mimeType }: RtpCodec): string[] => [
  ...[DECODERS[mimeType] as string, '!', 'audioconvert', '!', 'audioresample', '!'],
  ...['audio/x-raw,rate=48000,channels=2', '!'],
];

/** A sound in, AAC out, in `gst-launch-1.0` arguments: AAC as it is, all else encoded. `rate` in bit/s. */
export const asAac = (codec: RtpCodec, encoder: AacEncoder, rate: number): string[] =>
  isAac(codec) ? ['aacparse'] : [...decoded(codec), encoder, `bitrate=${rate}`, '!', 'aacparse'];

/** The same with Opus. */
export const asOpus = (codec: RtpCodec, rate: number): string[] =>
  codec === OPUS ? ['opusparse'] : [...decoded(codec), 'opusenc', `bitrate=${rate}`, '!', 'opusparse'];
