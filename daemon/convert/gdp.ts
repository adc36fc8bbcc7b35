/**
 * The GStreamer Data Protocol, version 1.0: what `gdpdepay` reads. It carries each buffer with its time, so that
 * tracks which reach a converter through separate pipes keep the sync that they were captured with.
 */

const HEADER_BYTES = 62;
const PAYLOAD_BUFFER = 1;
const PAYLOAD_CAPS = 2;
/** Events are numbered from here by their GstEventType, which is part of GStreamer's ABI. */
const PAYLOAD_EVENT = 64;
const EVENT_STREAM_START = (40 << 8) | 14;
const EVENT_SEGMENT = (70 << 8) | 14;
const NONE = 0xffff_ffff_ffff_ffffn;

/**
 * What begins a stream: its start, its caps, and a segment.
 * @param from the time in milliseconds at which running time begins: a decoder gives nothing of what is before.
 */
export function gdpStart(streamId: string, caps: string, from = 0): Buffer {
  const start = BigInt(Math.floor(from * 1e6));
  return Buffer.concat([
    text(PAYLOAD_EVENT + EVENT_STREAM_START, `GstEventStreamStart, stream-id=(string)${streamId};`),
    text(PAYLOAD_CAPS, caps),
    text(
      PAYLOAD_EVENT + EVENT_SEGMENT,
      'GstEventSegment, segment=(GstSegment)"segment, flags=(GstSegmentFlags)GST_SEGMENT_FLAG_NONE, rate=(double)1, ' +
        'applied-rate=(double)1, format=(GstFormat)time, ' +
        `base=(guint64)0, offset=(guint64)0, start=(guint64)${start}, stop=(guint64)${NONE}, time=(guint64)0, position=(guint64)0, duration=(guint64)${NONE};";`,
    ),
  ]);
}

/**
 * RTP packets that share a time, for one write.
 * @param milliseconds running time of all of them, 0 or more.
 * @param sequence the number that the first one gets, instead of its own.
 */
export function gdpRtpPackets(packets: readonly Buffer[], milliseconds: number, sequence: number): Buffer {
  const time = BigInt(Math.round(milliseconds * 1e6));
  let size = 0;
  for (const packet of packets) size += HEADER_BYTES + packet.length;
  const bytes = Buffer.alloc(size);
  let at = 0;
  packets.forEach((packet, index) => {
    writeHeader(bytes, at, PAYLOAD_BUFFER, packet.length, time);
    packet.copy(bytes, at + HEADER_BYTES);
    bytes.writeUInt16BE((sequence + index) & 0xffff, at + HEADER_BYTES + 2);
    at += HEADER_BYTES + packet.length;
  });
  return bytes;
}

function text(type: number, value: string): Buffer {
  const payload = Buffer.from(`${value}\0`);
  const bytes = Buffer.alloc(HEADER_BYTES + payload.length);
  writeHeader(bytes, 0, type, payload.length, NONE);
  payload.copy(bytes, HEADER_BYTES);
  return bytes;
}

/** The header without checksums, which its flags say; `time` is both presentation and decoding time. */
function writeHeader(bytes: Buffer, at: number, type: number, length: number, time: bigint): void {
  bytes[at] = 1;
  bytes.writeUInt16BE(type, at + 4);
  bytes.writeUInt32BE(length, at + 6);
  bytes.writeBigUInt64BE(time, at + 10);
  // Duration, offset and end offset: none.
  bytes.fill(0xff, at + 18, at + 42);
  bytes.writeBigUInt64BE(time, at + 44);
}
