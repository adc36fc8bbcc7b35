import { forEachAggregated } from './nal.ts';
import { payloadOffset } from './packet.ts';
import { noteSlice, type PacketSummary } from './packet-summary.ts';

/** The types from 1 to this one are slices of a picture (H.264, table 7-1: VCL). */
const NAL_IDR = 5;
const NAL_SPS = 7;
const NAL_PPS = 8;
/** NAL header, profile, constraints, level: what `profile-level-id` is made of. */
const SHORTEST_SPS = 4;
const STAP_A = 24;
const FU_A = 28;
const FU_START = 0x80;

/** Looks through the NAL units of a packet (RFC 6184): single NAL unit, STAP-A and FU-A; sizes inside a STAP-A are bounds-checked. */
export function summarizeH264(packet: Buffer): PacketSummary {
  const summary: PacketSummary = { picture: false, keyFrame: false };
  const offset = payloadOffset(packet);
  if (offset >= packet.length) return summary;
  const type = (packet[offset] as number) & 0x1f;
  if (type === FU_A) {
    const header = packet[offset + 1] ?? 0;
    noteType(summary, header & 0x1f, header & FU_START ? packet[offset + 2] : undefined);
  } else if (type === STAP_A) {
    forEachAggregated(packet, offset + 1, (nal) => note(summary, nal));
  } else {
    note(summary, packet.subarray(offset));
  }
  return summary;
}

/** @param first the byte behind the NAL header, where the unit begins here. */
function noteType(summary: PacketSummary, type: number, first: number | undefined): void {
  if (type < 1 || type > NAL_IDR) return;
  summary.picture = true;
  if (first !== undefined) noteSlice(summary, first);
  if (type === NAL_IDR) summary.keyFrame = true;
}

function note(summary: PacketSummary, nal: Buffer): void {
  const type = (nal[0] ?? 0) & 0x1f;
  noteType(summary, type, nal[1]);
  if (type === NAL_SPS && nal.length >= SHORTEST_SPS) summary.sps = nal;
  else if (type === NAL_PPS) summary.pps = nal;
}

/** The `a=fmtp` parameters of RFC 6184, 8.1, for a stream with these parameter sets. */
export function h264FormatParameters({ sps, pps }: { readonly sps: Buffer; readonly pps: Buffer }): string {
  const profile = sps.subarray(1, 4).toString('hex').toUpperCase();
  return `packetization-mode=1;profile-level-id=${profile};sprop-parameter-sets=${sps.toString('base64')},${pps.toString('base64')}`;
}
