import { marker, payloadOffset, RTP_HEADER_BYTES, timestamp } from './packet.ts';

/** What the packets of a frame become in the line of a track. */
export interface RtpLine {
  readonly ssrc: number;
  readonly payloadType: number;
  readonly firstSequence: number;
  /** What to add to the source's timestamps. */
  readonly timestampOffset: number;
  /** The last packet has the marker; otherwise it stays where the source has set it. */
  readonly marks: boolean;
  readonly keyFrame: boolean;
  readonly captureTime: number;
}

/**
 * One access unit of video or one audio frame: the RTP packets that share a timestamp, as every viewer of the track
 * gets them. All packets lie in one allocation, each behind room for an interleaved prefix, so that a TCP viewer costs
 * one write of shared bytes. Nobody may change the bytes.
 */
export class RtpFrame {
  readonly packetCount: number;
  /** Whether decoding can begin here (of H.264: an IDR picture is in it; audio: always). */
  readonly keyFrame: boolean;
  /** When it was captured, in monotonic milliseconds. */
  readonly captureTime: number;
  /** All packets behind each other with the prefix `$`, 0, length (RFC 2326, 10.12). */
  readonly #interleaved: Buffer;
  #packets: readonly Buffer[] | undefined;
  #channels: Map<number, Buffer> | undefined;
  #payloadTypes: Map<number, readonly Buffer[]> | undefined;

  constructor(interleaved: Buffer, packetCount: number, keyFrame: boolean, captureTime: number) {
    this.#interleaved = interleaved;
    this.packetCount = packetCount;
    this.keyFrame = keyFrame;
    this.captureTime = captureTime;
  }

  /** Of a source's packets, without their extensions, in the line of a track. */
  static of(packets: readonly Buffer[], line: RtpLine): RtpFrame {
    let size = 0;
    for (const packet of packets) size += 4 + RTP_HEADER_BYTES + packet.length - payloadOffset(packet);
    const bytes = Buffer.allocUnsafe(size);
    let at = 0;
    for (const [index, packet] of packets.entries()) {
      const payload = payloadOffset(packet);
      const ends = line.marks ? index === packets.length - 1 : marker(packet);
      const length = RTP_HEADER_BYTES + packet.length - payload;
      bytes[at] = 0x24;
      bytes[at + 1] = 0;
      bytes.writeUInt16BE(length, at + 2);
      at += 4;
      bytes[at] = 0x80 | ((packet[0] as number) & 0x20);
      bytes[at + 1] = (ends ? 0x80 : 0) | line.payloadType;
      bytes.writeUInt16BE((line.firstSequence + index) & 0xffff, at + 2);
      bytes.writeUInt32BE((timestamp(packet) + line.timestampOffset) >>> 0, at + 4);
      bytes.writeUInt32BE(line.ssrc, at + 8);
      packet.copy(bytes, at + RTP_HEADER_BYTES, payload);
      at += length;
    }
    return new RtpFrame(bytes, packets.length, line.keyFrame, line.captureTime);
  }

  /** The packets: 12-byte header without extension, track's SSRC, sequence and timestamp. Made for those who ask: viewers over TCP do not. */
  get packets(): readonly Buffer[] {
    if (this.#packets === undefined) {
      const packets: Buffer[] = [];
      for (let at = 0; at < this.#interleaved.length; ) {
        const end = at + 4 + this.#interleaved.readUInt16BE(at + 2);
        packets.push(this.#interleaved.subarray(at + 4, end));
        at = end;
      }
      this.#packets = packets;
    }
    return this.#packets;
  }

  get timestamp(): number {
    return this.#interleaved.readUInt32BE(8);
  }

  /** The number of its first packet. */
  get firstSequence(): number {
    return this.#interleaved.readUInt16BE(6);
  }

  /** Bytes of all RTP packets, without any framing. */
  get byteLength(): number {
    return this.#interleaved.length - 4 * this.packetCount;
  }

  /** The frame for an interleaved channel (0 to 255): made once for each channel, shared by all viewers on it. */
  onChannel(channel: number): Buffer {
    if (channel === 0) return this.#interleaved;
    this.#channels ??= new Map();
    let bytes = this.#channels.get(channel);
    if (bytes === undefined) {
      bytes = Buffer.from(this.#interleaved);
      for (let at = 0; at < bytes.length; at += 4 + bytes.readUInt16BE(at + 2)) bytes[at + 1] = channel;
      this.#channels.set(channel, bytes);
    }
    return bytes;
  }

  /** A copy with other times, and other numbers where they are given. */
  rewritten(to: { timestamp: number; captureTime: number; ssrc?: number; firstSequence?: number }): RtpFrame {
    const { timestamp, captureTime, ssrc, firstSequence } = to;
    const bytes = Buffer.from(this.#interleaved);
    for (let at = 0, index = 0; at < bytes.length; at += 4 + bytes.readUInt16BE(at + 2), index++) {
      if (firstSequence !== undefined) bytes.writeUInt16BE((firstSequence + index) & 0xffff, at + 6);
      bytes.writeUInt32BE(timestamp, at + 8);
      if (ssrc !== undefined) bytes.writeUInt32BE(ssrc, at + 12);
    }
    return new RtpFrame(bytes, this.packetCount, this.keyFrame, captureTime);
  }

  /** The packets with another payload type: made once for each type. */
  withPayloadType(type: number): readonly Buffer[] {
    this.#payloadTypes ??= new Map();
    let packets = this.#payloadTypes.get(type);
    if (packets === undefined) {
      packets = this.packets.map((packet) => {
        const copy = Buffer.from(packet);
        copy[1] = (marker(packet) ? 0x80 : 0) | type;
        return copy;
      });
      this.#payloadTypes.set(type, packets);
    }
    return packets;
  }
}
