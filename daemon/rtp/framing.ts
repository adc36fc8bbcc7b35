/**
 * Splits a byte stream into the length-prefixed packets it carries, without copying whole packets: RFC 4571 on the
 * pipes of capture workers, RFC 2326 section 10.12 (`$`, channel, length) on pipes to other children.
 */
abstract class PrefixSplitter {
  #rest: Buffer | undefined;
  readonly #prefix: number;

  constructor(prefix: number) {
    this.#prefix = prefix;
  }

  /** Takes the next bytes of the stream; packets handed on are views into them. */
  push(chunk: Buffer): void {
    const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (bytes.length - at >= this.#prefix) {
      const end = at + this.#prefix + bytes.readUInt16BE(at + this.#prefix - 2);
      if (end > bytes.length) break;
      this.packet(bytes, at, end);
      at = end;
    }
    this.#rest = at === bytes.length ? undefined : bytes.subarray(at);
  }

  protected abstract packet(bytes: Buffer, from: number, to: number): void;
}

/** RFC 4571: a 16-bit length before each packet. */
export class Rfc4571Splitter extends PrefixSplitter {
  readonly #onPacket: (packet: Buffer) => void;

  constructor(onPacket: (packet: Buffer) => void) {
    super(2);
    this.#onPacket = onPacket;
  }

  protected override packet(bytes: Buffer, from: number, to: number): void {
    this.#onPacket(bytes.subarray(from + 2, to));
  }
}

/** The interleaved framing of RTSP: `$`, a channel, a 16-bit length before each packet. */
export class InterleavedSplitter extends PrefixSplitter {
  readonly #onPacket: (channel: number, packet: Buffer) => void;

  constructor(onPacket: (channel: number, packet: Buffer) => void) {
    super(4);
    this.#onPacket = onPacket;
  }

  /** @throws Error when the stream is out of step: only ever a fault of the process that writes it. */
  protected override packet(bytes: Buffer, from: number, to: number): void {
    if (bytes[from] !== 0x24)
      throw new Error(`interleaved stream out of step: 0x${bytes[from]?.toString(16)} where 0x24 is due`);
    this.#onPacket(bytes[from + 1] as number, bytes.subarray(from + 4, to));
  }
}

/** One packet with its interleaved prefix, as RTCP goes out on a channel. */
export function interleave(channel: number, packet: Buffer): Buffer {
  const framed = Buffer.allocUnsafe(4 + packet.length);
  framed[0] = 0x24;
  framed[1] = channel;
  framed.writeUInt16BE(packet.length, 2);
  packet.copy(framed, 4);
  return framed;
}
