/** Limits on what one RTMP connection may make us hold. A player sends only short commands. */
export interface ChunkLimits {
  /** Bytes of a message, from its 24-bit length field. */
  messageBytes: number;
  /** Chunk streams in use at once; each may hold a message of its own. */
  chunkStreams: number;
  /** The chunk size that a player may set. */
  chunkBytes: number;
}

export const PLAYER_LIMITS: ChunkLimits = { messageBytes: 16_384, chunkStreams: 8, chunkBytes: 65_536 };

const HANDSHAKE_BYTES = 1 + 1536 + 1536;
const MESSAGE_HEADER_BYTES = [11, 7, 3, 0] as const;
const DEFAULT_CHUNK_BYTES = 128;
const EXTENDED_TIMESTAMP = 0xff_ff_ff;
const SET_CHUNK_SIZE = 1;

interface ChunkStream {
  length: number;
  type: number;
  extended: boolean;
  received: number;
}

/**
 * Reads along with an RTMP connection (Adobe's RTMP 1.0, 5.2 and 5.3) and says when it goes past the limits, before
 * node-media-server, which has none, sees the bytes: its memory follows whatever length a header claims. What the two
 * could read differently is refused as well, since bytes could hide in the difference; no player sends it.
 */
export class ChunkGuard {
  readonly #limits: ChunkLimits;
  readonly #streams = new Map<number, ChunkStream>();
  #handshakeLeft = HANDSHAKE_BYTES;
  #chunkBytes = DEFAULT_CHUNK_BYTES;
  readonly #header = Buffer.alloc(18);
  #headerBytes = 0;
  #current: ChunkStream | undefined;
  #payloadLeft = 0;
  /** The four bytes of a Set Chunk Size message as they come. */
  readonly #control = Buffer.alloc(4);

  constructor(limits: ChunkLimits = PLAYER_LIMITS) {
    this.#limits = limits;
  }

  /** Takes the next bytes; returns what is wrong with them, or undefined. After a complaint the connection is to be closed. */
  push(bytes: Buffer): string | undefined {
    let at = Math.min(this.#handshakeLeft, bytes.length);
    this.#handshakeLeft -= at;
    while (at < bytes.length) {
      if (this.#current !== undefined && this.#payloadLeft > 0) {
        at += this.#takePayload(this.#current, bytes, at);
        const complaint = this.#messageDone(this.#current);
        if (complaint !== undefined) return complaint;
        continue;
      }
      this.#header[this.#headerBytes++] = bytes[at++] as number;
      if (this.#headerBytes < this.#headerLength()) continue;
      const complaint = this.#beginChunk();
      if (complaint !== undefined) return complaint;
    }
    return undefined;
  }

  /** How long this chunk's header is, as far as the bytes read so far tell. */
  #headerLength(): number {
    const basic = this.#basicLength();
    if (this.#headerBytes < basic) return basic;
    const format = (this.#header[0] as number) >> 6;
    const length = basic + (MESSAGE_HEADER_BYTES[format] as number);
    if (this.#headerBytes < length) return length;
    const extended =
      format === 3
        ? (this.#streams.get(this.#chunkStreamId())?.extended ?? false)
        : this.#header.readUIntBE(basic, 3) === EXTENDED_TIMESTAMP;
    return extended ? length + 4 : length;
  }

  #basicLength(): number {
    return ((this.#header[0] as number) & 0x3f) === 0 ? 2 : 1;
  }

  #chunkStreamId(): number {
    const id = (this.#header[0] as number) & 0x3f;
    return id === 0 ? 64 + (this.#header[1] as number) : id;
  }

  #beginChunk(): string | undefined {
    const basic = this.#basicLength();
    const format = (this.#header[0] as number) >> 6;
    const id = this.#chunkStreamId();
    this.#headerBytes = 0;
    if (id === 1) return 'chunk stream id of three bytes';
    let stream = this.#streams.get(id);
    if (stream === undefined) {
      if (format > 1) return 'chunk of a message that has not begun';
      if (this.#streams.size >= this.#limits.chunkStreams)
        return `more than ${this.#limits.chunkStreams} chunk streams`;
      stream = { length: 0, type: 0, extended: false, received: 0 };
      this.#streams.set(id, stream);
    }
    // A message header in the middle of a message would change the length that its parser has made room for.
    if (stream.received > 0 && format !== 3) return 'message header inside a message';
    if (format < 3) stream.extended = this.#header.readUIntBE(basic, 3) === EXTENDED_TIMESTAMP;
    if (format < 2) {
      stream.length = this.#header.readUIntBE(basic + 3, 3);
      stream.type = this.#header[basic + 6] as number;
      if (stream.length > this.#limits.messageBytes) return `message of ${stream.length} bytes`;
      if (stream.length === 0) return 'empty message';
    }
    if (stream.received === 0 && stream.type === SET_CHUNK_SIZE && format !== 0) return 'chunk size in a short header';
    this.#current = stream;
    this.#payloadLeft = Math.min(this.#chunkBytes, stream.length - stream.received);
    return undefined;
  }

  #takePayload(stream: ChunkStream, bytes: Buffer, at: number): number {
    const taken = Math.min(this.#payloadLeft, bytes.length - at);
    if (stream.type === SET_CHUNK_SIZE && stream.received < 4)
      bytes.copy(this.#control, stream.received, at, at + taken);
    stream.received += taken;
    this.#payloadLeft -= taken;
    return taken;
  }

  #messageDone(stream: ChunkStream): string | undefined {
    if (stream.received < stream.length) return undefined;
    stream.received = 0;
    if (stream.type !== SET_CHUNK_SIZE) return undefined;
    for (const other of this.#streams.values()) if (other.received > 0) return 'chunk size inside a message';
    const size = stream.length < 4 ? 0 : this.#control.readUInt32BE(0);
    if (size < 1 || size > this.#limits.chunkBytes) return `chunk size ${size}`;
    this.#chunkBytes = size;
    return undefined;
  }
}
