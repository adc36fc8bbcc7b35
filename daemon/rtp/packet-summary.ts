/** What one RTP packet of a picture tells about the frame that it belongs to. */
export interface PacketSummary {
  /** Something of a picture begins or continues here; not parameter sets alone. */
  picture: boolean;
  /** It is of a picture at which decoding can begin. */
  keyFrame: boolean;
  /** How many slices of H.264 or H.265 begin in it. */
  slices?: number;
  /** One of them is the first of a picture. */
  begins?: boolean;
  /** Parameter sets that are in it whole, as NAL units without start code; of H.264 and H.265. */
  vps?: Buffer;
  sps?: Buffer;
  pps?: Buffer;
}

/** Notes a slice by its first byte behind the NAL header: its first bit is set in a picture's first one (H.264, 7.3.3; H.265, 7.3.6.1). */
export function noteSlice(summary: PacketSummary, first: number): void {
  summary.slices = (summary.slices ?? 0) + 1;
  if (first & 0x80) summary.begins = true;
}
