import { NTP_UNIX_SECONDS } from './packet.ts';

/** RTCP (RFC 3550, 6; feedback of RFC 4585 and 5104): what we send, and what viewers tell us. */

const SENDER_REPORT = 200;
const RECEIVER_REPORT = 201;
const SDES = 202;
const BYE = 203;
const TRANSPORT_FEEDBACK = 205;
const PAYLOAD_FEEDBACK = 206;

export interface SenderReport {
  ssrc: number;
  /** Unix milliseconds at which `rtpTime` was sampled. */
  wallClock: number;
  rtpTime: number;
  packetCount: number;
  octetCount: number;
  /** Canonical name, the same for all tracks that a receiver shall play in sync. At most 255 bytes. */
  cname: string;
}

/** A compound packet of sender report and SDES CNAME (RFC 3550, 6.1 wants both). */
export function writeSenderReport(report: SenderReport): Buffer {
  const cname = Buffer.from(report.cname).subarray(0, 255);
  const chunk = (4 + 2 + cname.length + 1 + 3) & ~3;
  const bytes = Buffer.alloc(28 + 4 + chunk);
  bytes[0] = 0x80;
  bytes[1] = SENDER_REPORT;
  bytes.writeUInt16BE(6, 2);
  bytes.writeUInt32BE(report.ssrc, 4);
  const seconds = Math.floor(report.wallClock / 1000);
  bytes.writeUInt32BE((seconds + NTP_UNIX_SECONDS) >>> 0, 8);
  bytes.writeUInt32BE(Math.floor(((report.wallClock - seconds * 1000) / 1000) * 2 ** 32) >>> 0, 12);
  bytes.writeUInt32BE(report.rtpTime >>> 0, 16);
  bytes.writeUInt32BE(report.packetCount >>> 0, 20);
  bytes.writeUInt32BE(report.octetCount >>> 0, 24);
  bytes[28] = 0x81;
  bytes[29] = SDES;
  bytes.writeUInt16BE(chunk / 4, 30);
  bytes.writeUInt32BE(report.ssrc, 32);
  bytes[36] = 1;
  bytes[37] = cname.length;
  cname.copy(bytes, 38);
  return bytes;
}

/** BYE (RFC 3550, 6.6): this source leaves. */
export function writeBye(ssrc: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes[0] = 0x81;
  bytes[1] = BYE;
  bytes.writeUInt16BE(1, 2);
  bytes.writeUInt32BE(ssrc, 4);
  return bytes;
}

/** One report block of a receiver or sender report (RFC 3550, 6.4.1). */
export interface ReportBlock {
  type: 'report';
  /** Our track's SSRC. */
  ssrc: number;
  /** Since the last report, 0 to 1. */
  fractionLost: number;
  /** Signed: duplicates can make it negative. */
  packetsLost: number;
  /** The highest sequence number received, with the count of cycles above it. */
  highestSequence: number;
  /** In units of the RTP clock. */
  jitter: number;
  /** Middle 32 bits of the NTP time of the last sender report received, and the delay since, in 1/65536 s: for the round trip time. */
  lastSenderReport: number;
  delaySinceLastSenderReport: number;
}
/** Generic NACK (RFC 4585, 6.2.1). */
export interface Nack {
  type: 'nack';
  ssrc: number;
  sequenceNumbers: number[];
}
/** Picture loss indication (RFC 4585, 6.3.1) or full intra request (RFC 5104, 4.3.1): the viewer needs a key frame. */
export interface KeyFrameRequest {
  type: 'key-frame';
  ssrc: number;
}
export interface Bye {
  type: 'bye';
  ssrc: number;
}
export type Feedback = ReportBlock | Nack | KeyFrameRequest | Bye;

/** Reads what a viewer sent us; a block that does not fit its packet ends the reading, what came before it counts. */
export function readFeedback(compound: Buffer): Feedback[] {
  const feedback: Feedback[] = [];
  for (let at = 0; at + 8 <= compound.length; ) {
    if ((compound[at] as number) >> 6 !== 2) break;
    const end = at + 4 + compound.readUInt16BE(at + 2) * 4;
    if (end > compound.length) break;
    const padding = (compound[at] as number) & 0x20 ? (compound[end - 1] as number) : 0;
    readPacket(compound.subarray(at, Math.max(at + 4, end - padding)), feedback);
    at = end;
  }
  return feedback;
}

function readPacket(packet: Buffer, feedback: Feedback[]): void {
  const count = (packet[0] as number) & 0x1f;
  switch (packet[1]) {
    case SENDER_REPORT:
    case RECEIVER_REPORT:
      readReports(packet, packet[1] === SENDER_REPORT ? 28 : 8, count, feedback);
      break;
    case BYE:
      for (let i = 0, at = 4; i < count && at + 4 <= packet.length; i++, at += 4)
        feedback.push({ type: 'bye', ssrc: packet.readUInt32BE(at) });
      break;
    case TRANSPORT_FEEDBACK:
      if (count === 1 && packet.length >= 12) feedback.push(readNack(packet));
      break;
    case PAYLOAD_FEEDBACK:
      if (count === 1 && packet.length >= 12) feedback.push({ type: 'key-frame', ssrc: packet.readUInt32BE(8) });
      if (count === 4)
        for (let at = 12; at + 8 <= packet.length; at += 8)
          feedback.push({ type: 'key-frame', ssrc: packet.readUInt32BE(at) });
      break;
    default:
      break;
  }
}

function readReports(packet: Buffer, from: number, count: number, feedback: Feedback[]): void {
  for (let i = 0, at = from; i < count && at + 24 <= packet.length; i++, at += 24) {
    feedback.push({
      type: 'report',
      ssrc: packet.readUInt32BE(at),
      fractionLost: (packet[at + 4] as number) / 256,
      packetsLost: packet.readIntBE(at + 5, 3),
      highestSequence: packet.readUInt32BE(at + 8),
      jitter: packet.readUInt32BE(at + 12),
      lastSenderReport: packet.readUInt32BE(at + 16),
      delaySinceLastSenderReport: packet.readUInt32BE(at + 20),
    });
  }
}

function readNack(packet: Buffer): Nack {
  const sequenceNumbers: number[] = [];
  for (let at = 12; at + 4 <= packet.length; at += 4) {
    const first = packet.readUInt16BE(at);
    const mask = packet.readUInt16BE(at + 2);
    sequenceNumbers.push(first);
    for (let bit = 0; bit < 16; bit++) if (mask & (1 << bit)) sequenceNumbers.push((first + bit + 1) & 0xffff);
  }
  return { type: 'nack', ssrc: packet.readUInt32BE(8), sequenceNumbers };
}
