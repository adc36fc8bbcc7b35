/**
 * RTP packets (RFC 3550, 5.1) as they lie in a Buffer. The getters trust that {@link isRtp} was asked first.
 */

export const RTP_HEADER_BYTES = 12;

/** Whether the bytes are a whole RTP packet of version 2 with a header, CSRC list and extension that fit. */
export function isRtp(packet: Buffer): boolean {
  if (packet.length < RTP_HEADER_BYTES || (packet[0] as number) >> 6 !== 2) return false;
  return payloadOffset(packet) <= packet.length;
}

export const payloadType = (packet: Buffer): number => (packet[1] as number) & 0x7f;
export const marker = (packet: Buffer): boolean => ((packet[1] as number) & 0x80) !== 0;
export const sequenceNumber = (packet: Buffer): number => packet.readUInt16BE(2);
export const timestamp = (packet: Buffer): number => packet.readUInt32BE(4);
export const ssrc = (packet: Buffer): number => packet.readUInt32BE(8);

/** Where the payload begins: past the fixed header, the CSRC list and the header extension. May lie past the end of a broken packet. */
export function payloadOffset(packet: Buffer): number {
  const first = packet[0] as number;
  const offset = RTP_HEADER_BYTES + (first & 0x0f) * 4;
  if ((first & 0x10) === 0) return offset;
  if (offset + 4 > packet.length) return offset + 4;
  return offset + 4 + packet.readUInt16BE(offset + 2) * 4;
}

/** The profile word of GStreamer's and ONVIF's replay extension, whose body begins with a 64-bit NTP time (ONVIF Streaming Specification, 6.3). */
const ONVIF_EXTENSION = 0xabac;
/** Seconds between the epochs of NTP (1900) and Unix (1970). */
export const NTP_UNIX_SECONDS = 2_208_988_800;

/** Where the body of a packet's ONVIF extension begins, or undefined where there is none. */
function onvifBody(packet: Buffer): number | undefined {
  const first = packet[0] as number;
  if ((first & 0x10) === 0) return undefined;
  const offset = RTP_HEADER_BYTES + (first & 0x0f) * 4;
  if (offset + 12 > packet.length || packet.readUInt16BE(offset) !== ONVIF_EXTENSION) return undefined;
  return packet.readUInt16BE(offset + 2) < 2 ? undefined : offset + 4;
}

/** The wall clock time in a packet's ONVIF extension as Unix milliseconds, or undefined where there is none. */
export function onvifWallClock(packet: Buffer): number | undefined {
  const body = onvifBody(packet);
  return body === undefined ? undefined : ntpTime(packet, body);
}

/** An NTP time as Unix milliseconds. */
function ntpTime(packet: Buffer, at: number): number {
  // NTP seconds start again at 0 in 2036; read modulo 2^32 they reach from 1970 to 2106.
  const seconds = (packet.readUInt32BE(at) - NTP_UNIX_SECONDS) >>> 0;
  const fraction = packet.readUInt32BE(at + 4);
  return seconds * 1000 + (fraction * 1000) / 2 ** 32;
}

/** The profile word of extension elements with one-byte headers (RFC 8285, 4.2). */
const ONE_BYTE_EXTENSION = 0xbede;
/** The header of an element of 8 bytes with the id 1. */
const NTP_ELEMENT = 0x17;

/**
 * The NTP time (RFC 6051, 3.3) in a packet's first extension element, which has the id 1, as Unix milliseconds;
 * undefined where there is none, NaN where it is 0: not known.
 */
export function ntpExtension(packet: Buffer): number | undefined {
  const first = packet[0] as number;
  const offset = RTP_HEADER_BYTES + (first & 0x0f) * 4;
  if ((first & 0x10) === 0 || offset + 16 > packet.length) return undefined;
  if (packet.readUInt16BE(offset) !== ONE_BYTE_EXTENSION || packet[offset + 4] !== NTP_ELEMENT) return undefined;
  return packet.readBigUInt64BE(offset + 5) === 0n ? Number.NaN : ntpTime(packet, offset + 5);
}

/** Whether the extension's D bit says that something is missing before this packet. */
export function onvifDiscontinuity(packet: Buffer): boolean {
  const body = onvifBody(packet);
  return body !== undefined && body + 8 < payloadOffset(packet) && ((packet[body + 8] as number) & 0x20) !== 0;
}

/** The CSeq of the extension in packets that are nothing but a sign of what has reached the source; other packets have 0. */
export const ARRIVED = 1;

/** Whether a packet goes on to nobody, see {@link ARRIVED}. */
export function hasArrived(packet: Buffer): boolean {
  const body = onvifBody(packet);
  return body !== undefined && body + 9 < payloadOffset(packet) && packet[body + 9] === ARRIVED;
}

/** Signed distance from b to a in 32-bit RTP time: positive when a is later. */
export const timestampDistance = (a: number, b: number): number => (a - b) | 0;
/** Signed distance from b to a in 16-bit sequence numbers: positive when a is later. */
export const sequenceDistance = (a: number, b: number): number => ((a - b) << 16) >> 16;
