/** The bytes of a NAL unit without those that prevent a start code (ITU-T H.264, 7.4.1; H.265, 7.4.2). */
export function withoutEmulationPrevention(nal: Buffer): Buffer {
  return Buffer.from(nal.filter((byte, index) => !(byte === 3 && nal[index - 1] === 0 && nal[index - 2] === 0)));
}
