import { forEachAggregated, withoutEmulationPrevention } from './nal.ts';
import { payloadOffset } from './packet.ts';
import { noteSlice, type PacketSummary } from './packet-summary.ts';

/** Types below this one are slices of a picture (H.265, table 7-1: VCL). */
const FIRST_NON_VCL = 32;
/** Pictures at which decoding can begin: BLA, IDR and CRA. */
const FIRST_IRAP = 16;
const LAST_IRAP = 21;
const NAL_VPS = 32;
const NAL_SPS = 33;
const NAL_PPS = 34;
const AGGREGATION = 48;
const FRAGMENTATION = 49;
const FU_START = 0x80;
const NAL_HEADER_BYTES = 2;
/** NAL header, the byte of the VPS id and sub-layers, and the 12 bytes of profile, tier and level (7.3.3). */
const SHORTEST_SPS = 15;

const typeOf = (first: number): number => (first >> 1) & 0x3f;

/** Looks through the NAL units of a packet (RFC 7798, 4.4): single, aggregated, fragmented; sizes are bounds-checked. */
export function summarizeH265(packet: Buffer): PacketSummary {
  const summary: PacketSummary = { picture: false, keyFrame: false };
  const offset = payloadOffset(packet);
  if (offset + NAL_HEADER_BYTES > packet.length) return summary;
  const type = typeOf(packet[offset] as number);
  if (type === FRAGMENTATION) {
    const header = packet[offset + NAL_HEADER_BYTES];
    if (header !== undefined)
      noteType(summary, header & 0x3f, header & FU_START ? packet[offset + NAL_HEADER_BYTES + 1] : undefined);
  } else if (type === AGGREGATION) {
    forEachAggregated(packet, offset + NAL_HEADER_BYTES, (nal) => note(summary, nal));
  } else {
    note(summary, packet.subarray(offset));
  }
  return summary;
}

/** @param first the byte behind the NAL header, where the unit begins here. */
function noteType(summary: PacketSummary, type: number, first: number | undefined): void {
  if (type >= FIRST_NON_VCL) return;
  summary.picture = true;
  if (first !== undefined) noteSlice(summary, first);
  if (type >= FIRST_IRAP && type <= LAST_IRAP) summary.keyFrame = true;
}

function note(summary: PacketSummary, nal: Buffer): void {
  if (nal.length < NAL_HEADER_BYTES) return;
  const type = typeOf(nal[0] as number);
  noteType(summary, type, nal[NAL_HEADER_BYTES]);
  if (type === NAL_VPS) summary.vps = nal;
  else if (type === NAL_SPS && nal.length >= SHORTEST_SPS) summary.sps = nal;
  else if (type === NAL_PPS) summary.pps = nal;
}

/** The `a=fmtp` parameters of RFC 7798, 7.1, for a stream with these parameter sets. */
export function h265FormatParameters(sets: {
  readonly vps: Buffer;
  readonly sps: Buffer;
  readonly pps: Buffer;
}): string {
  const general = withoutEmulationPrevention(sets.sps).subarray(NAL_HEADER_BYTES + 1);
  const first = general[0] ?? 0;
  const profile = `profile-space=${first >> 6};profile-id=${first & 0x1f};tier-flag=${(first >> 5) & 1};level-id=${general[11] ?? 0}`;
  const sprop = (['vps', 'sps', 'pps'] as const).map((name) => `sprop-${name}=${sets[name].toString('base64')}`);
  return [profile, ...sprop].join(';');
}
