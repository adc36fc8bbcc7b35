/** The bytes of a NAL unit without those that prevent a start code (ITU-T H.264, 7.4.1; H.265, 7.4.2). */
export function withoutEmulationPrevention(nal: Buffer): Buffer {
  return Buffer.from(nal.filter((byte, index) => !(byte === 3 && nal[index - 1] === 0 && nal[index - 2] === 0)));
}

/**
 * Hands on each NAL unit of an aggregation packet (RFC 6184, 5.7.1; RFC 7798, 4.4.2), up to the first size that does not fit.
 * @param from where the first size is.
 */
export function forEachAggregated(packet: Buffer, from: number, take: (nal: Buffer) => void): void {
  for (let at = from; at + 2 < packet.length; ) {
    const end = at + 2 + packet.readUInt16BE(at);
    if (end > packet.length) break;
    take(packet.subarray(at + 2, end));
    at = end;
  }
}
