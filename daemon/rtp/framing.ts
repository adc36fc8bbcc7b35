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
    let at = this.#rest === undefined ? 0 : this.#finish(this.#rest, chunk);
    while (chunk.length - at >= this.#prefix) {
      const end = at + this.#prefix + chunk.readUInt16BE(at + this.#prefix - 2);
      if (end > chunk.length) break;
      this.packet(chunk, at, end);
      at = end;
    }
    if (at < chunk.length) this.#rest = chunk.subarray(at);
  }

  /** Completes the packet that began in the chunk before, which is the only one that is copied; returns where the next begins. */
  #finish(rest: Buffer, chunk: Buffer): number {
    const head =
      rest.length >= this.#prefix ? rest : Buffer.concat([rest, chunk.subarray(0, this.#prefix - rest.length)]);
    const length = head.length < this.#prefix ? this.#prefix : this.#prefix + head.readUInt16BE(this.#prefix - 2);
    const missing = length - rest.length;
    const whole = Buffer.concat([rest, chunk.subarray(0, missing)]);
    if (missing > chunk.length || head.length < this.#prefix) {
      this.#rest = whole;
      return chunk.length;
    }
    this.#rest = undefined;
    this.packet(whole, 0, length);
    return missing;
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
