import { NTP_UNIX_SECONDS } from '../../daemon/rtp/packet.ts';

export interface RtpFields {
  payload?: Buffer;
  payloadType?: number;
  marker?: boolean;
  sequence?: number;
  timestamp?: number;
  ssrc?: number;
  csrcs?: readonly number[];
  /** Unix milliseconds, put into an extension of the profile 0xABAC as GStreamer's rtponviftimestamp does. */
  wall?: number;
  /** That extension's D bit. */
  discontinuity?: boolean;
  /** Its CSeq. */
  cseq?: number;
  /** Any other extension: profile and body, whose length is a multiple of 4. */
  extension?: { profile: number; body: Buffer };
  /** Padding bytes, the count included. */
  padding?: number;
}

/** An RTP packet (RFC 3550, 5.1) written for tests, independently of the code under test. */
export function rtpPacket(fields: RtpFields = {}): Buffer {
  const { payload = Buffer.from([0x41, 1, 2, 3]), csrcs = [], padding = 0 } = fields;
  const extension =
    fields.wall === undefined
      ? fields.extension
      : { profile: 0xabac, body: onvifBody(fields.wall, fields.discontinuity, fields.cseq) };
  const header = Buffer.alloc(12);
  header[0] = 0x80 | (padding > 0 ? 0x20 : 0) | (extension === undefined ? 0 : 0x10) | csrcs.length;
  header[1] = (fields.marker ? 0x80 : 0) | (fields.payloadType ?? 96);
  header.writeUInt16BE((fields.sequence ?? 0) & 0xffff, 2);
  header.writeUInt32BE((fields.timestamp ?? 0) >>> 0, 4);
  header.writeUInt32BE(fields.ssrc ?? 0x01020304, 8);
  const parts: Buffer[] = [header];
  for (const csrc of csrcs) {
    const word = Buffer.alloc(4);
    word.writeUInt32BE(csrc);
    parts.push(word);
  }
  if (extension !== undefined) {
    const head = Buffer.alloc(4);
    head.writeUInt16BE(extension.profile, 0);
    head.writeUInt16BE(extension.body.length / 4, 2);
    parts.push(head, extension.body);
  }
  parts.push(payload);
  if (padding > 0) {
    const pad = Buffer.alloc(padding);
    pad[padding - 1] = padding;
    parts.push(pad);
  }
  return Buffer.concat(parts);
}

/** 64-bit NTP time, then flags, sequence and padding (ONVIF Streaming Specification, 6.3): 12 bytes. */
function onvifBody(wall: number, discontinuity = false, cseq = 0): Buffer {
  const body = Buffer.alloc(12);
  const microseconds = BigInt(Math.round(wall * 1000));
  const ntp = ((microseconds + BigInt(NTP_UNIX_SECONDS) * 1_000_000n) << 32n) / 1_000_000n;
  body.writeBigUInt64BE(BigInt.asUintN(64, ntp));
  if (discontinuity) body[8] = 0x20;
  body[9] = cseq;
  return body;
}

/** The byte stream of RFC 4571. */
export function rfc4571(packets: readonly Buffer[]): Buffer {
  return Buffer.concat(
    packets.flatMap((packet) => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(packet.length);
      return [length, packet];
    }),
  );
}
