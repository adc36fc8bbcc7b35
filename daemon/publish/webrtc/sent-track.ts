import type { RtpCodec } from '../../rtp/codec.ts';
import { GroupOfPictures, squeezedTimestamps } from '../../rtp/group-of-pictures.ts';
import { marker, sequenceNumber, ssrc, timestamp } from '../../rtp/packet.ts';
import { packetReader } from '../../rtp/payload.ts';

/** Packets kept for retransmission: one second of 10 Mbit/s. A power of two. */
const RING = 1024;

/** One access unit as the worker hands it to its peers; packets are made once for each payload type. */
export class SentFrame {
  readonly keyFrame: boolean;
  readonly #packets: readonly Buffer[];
  #others: Map<number, readonly Buffer[]> | undefined;
  readonly #payloadType: number;

  constructor(packets: readonly Buffer[], keyFrame: boolean) {
    this.#packets = packets;
    this.keyFrame = keyFrame;
    this.#payloadType = ((packets[0] as Buffer)[1] as number) & 0x7f;
  }

  /** RTP time. */
  get timestamp(): number {
    return timestamp(this.#packets[0] as Buffer);
  }

  /** Bytes of all packets. */
  get byteLength(): number {
    return this.#packets.reduce((sum, { length }) => sum + length, 0);
  }

  /** A copy with another time. */
  retimed(time: number): SentFrame {
    const packets = this.#packets.map((packet) => {
      const copy = Buffer.from(packet);
      copy.writeUInt32BE(time, 4);
      return copy;
    });
    return new SentFrame(packets, this.keyFrame);
  }

  /** The packets with this payload type. Nobody may change the bytes. */
  withPayloadType(type: number): readonly Buffer[] {
    if (type === this.#payloadType) return this.#packets;
    this.#others ??= new Map();
    let packets = this.#others.get(type);
    if (packets === undefined) this.#others.set(type, (packets = this.#packets.map((packet) => retyped(packet, type))));
    return packets;
  }
}

export interface SentTrackOptions {
  codec: Pick<RtpCodec, 'kind' | 'mimeType'>;
  ssrc: number;
}

/**
 * A track as it arrives in the worker, for all its viewers alike: whole frames, and the recent packets by sequence
 * number, which is the same for everybody.
 */
export class SentTrack {
  readonly ssrc: number;
  readonly #video: boolean;
  readonly #summarize: ReturnType<typeof packetReader>;
  readonly #ring: (Buffer | undefined)[] = new Array(RING);
  readonly #group = new GroupOfPictures<SentFrame>();
  #unit: Buffer[] = [];
  #keyFrame = false;

  constructor(options: SentTrackOptions) {
    this.ssrc = options.ssrc;
    this.#video = options.codec.kind === 'video';
    this.#summarize = packetReader(options.codec);
  }

  /** Takes the next RTP packet; returns the frame that it completes. A packet of another stream, which had the slot before, is left out. */
  push(packet: Buffer): SentFrame | undefined {
    if (ssrc(packet) !== this.ssrc) return undefined;
    if (!this.#video) return new SentFrame([packet], true);
    this.#ring[sequenceNumber(packet) % RING] = packet;
    const previous = this.#unit.at(-1);
    if (previous !== undefined && timestamp(previous) !== timestamp(packet)) this.#begin();
    this.#unit.push(packet);
    this.#keyFrame ||= this.#summarize(packet).keyFrame;
    if (!marker(packet)) return undefined;
    const frame = new SentFrame(this.#unit, this.#keyFrame);
    this.#begin();
    this.#group.add(frame);
    return frame;
  }

  /** The frames since the last key frame, for one who joins now; see {@link squeezedTimestamps}. */
  joiningFrames(): SentFrame[] {
    const { frames } = this.#group;
    const timestamps = squeezedTimestamps(frames);
    return frames.map((frame, index) => frame.retimed(timestamps[index] as number));
  }

  /** The packet of this number, as long as it is kept. */
  recent(sequence: number, payloadType: number): Buffer | undefined {
    const packet = this.#ring[sequence % RING];
    return packet !== undefined && sequenceNumber(packet) === sequence ? retyped(packet, payloadType) : undefined;
  }

  #begin(): void {
    this.#unit = [];
    this.#keyFrame = false;
  }
}

function retyped(packet: Buffer, type: number): Buffer {
  if (((packet[1] as number) & 0x7f) === type) return packet;
  const copy = Buffer.from(packet);
  copy[1] = (marker(packet) ? 0x80 : 0) | type;
  return copy;
}
