import { payloadOffset } from './packet.ts';
import type { PacketSummary } from './packet-summary.ts';

const EXTENDED = 0x80;
const START_OF_PARTITION = 0x10;
const PARTITION = 0x07;
const PICTURE_ID = 0x80;
const LEVEL_ZERO_INDEX = 0x40;
const LAYER_OR_KEY_INDEX = 0x30;
/** Of the first byte of a frame (RFC 6386, 9.1): 0 for a key frame. */
const INTER_FRAME = 0x01;

/** Reads the payload descriptor (RFC 7741, 4.2); only the first packet of a frame tells whether it is a key frame. */
export function summarizeVp8(packet: Buffer): PacketSummary {
  const summary: PacketSummary = { picture: false, keyFrame: false };
  let at = payloadOffset(packet);
  const first = packet[at++];
  if (first === undefined) return summary;
  if ((first & EXTENDED) !== 0) {
    const extension = packet[at++] ?? 0;
    // A picture ID of 15 bits has its first bit set.
    if ((extension & PICTURE_ID) !== 0) at += ((packet[at] ?? 0) & 0x80) !== 0 ? 2 : 1;
    if ((extension & LEVEL_ZERO_INDEX) !== 0) at += 1;
    if ((extension & LAYER_OR_KEY_INDEX) !== 0) at += 1;
  }
  const payload = packet[at];
  if (payload === undefined) return summary;
  summary.picture = true;
  summary.keyFrame = (first & START_OF_PARTITION) !== 0 && (first & PARTITION) === 0 && (payload & INTER_FRAME) === 0;
  return summary;
}
