import type { RtpCodec } from './codec.ts';
import { summarizeH264 } from './h264.ts';
import { summarizeH265 } from './h265.ts';
import type { PacketSummary } from './packet-summary.ts';
import { summarizeVp8 } from './vp8.ts';

/** JPEG frames do not build on each other (RFC 2435). */
const IMAGE: PacketSummary = { picture: true, keyFrame: true };
/** Nor do they of a sound, as far as a listener cares. */
const SOUND = IMAGE;

const READERS: Readonly<Record<RtpCodec['mimeType'], (packet: Buffer) => PacketSummary>> = {
  'video/H264': summarizeH264,
  'video/H265': summarizeH265,
  'video/VP8': summarizeVp8,
  'video/JPEG': () => IMAGE,
  'audio/opus': () => SOUND,
  'audio/mpeg4-generic': () => SOUND,
  'audio/PCMA': () => SOUND,
  'audio/PCMU': () => SOUND,
};

/** How the packets of a codec are read. What is broken in them is left out, never thrown at. */
export const packetReader = ({ mimeType }: Pick<RtpCodec, 'mimeType'>): ((packet: Buffer) => Readonly<PacketSummary>) =>
  READERS[mimeType];
