import { MAX_HEAD_BYTES, parseRequestHead, type RtspRequest, type RtspRequestHead } from './request.ts';
import { RtspError } from './rtsp-error.ts';

/** What a viewer sends on its connection: requests, and between them packets on interleaved channels (RFC 2326, 10.12). */
export type RtspInput = { kind: 'request'; request: RtspRequest } | { kind: 'packet'; channel: number; packet: Buffer };

const DOLLAR = 0x24;
const CR = 0x0d;
const LF = 0x0a;

/** Cuts the bytes of a connection into requests and packets. Holds at most one unfinished request or packet. */
export class RequestReader {
  #rest: Buffer = Buffer.alloc(0);
  #head: RtspRequestHead | undefined;

  /** Whether something has begun that is not complete yet. */
  get unfinished(): boolean {
    return this.#rest.length > 0 || this.#head !== undefined;
  }

  /**
   * Takes the next bytes, however they are cut, and hands out what is complete.
   * @throws RtspError when the bytes are no RTSP or exceed a limit; the connection cannot be read any further.
   */
  *push(chunk: Buffer): Generator<RtspInput, void> {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (let input = this.#next(); input !== undefined; input = this.#next()) yield input;
  }

  #next(): RtspInput | undefined {
    if (this.#head !== undefined) return this.#body(this.#head);
    this.#skipLineEnds();
    const first = this.#rest[0];
    if (first === undefined) return undefined;
    if (first === DOLLAR) return this.#packet();
    if (!isLetter(first)) throw new RtspError('bad_request', 'this is a port for RTSP 1.0 without TLS');
    const end = endOfHead(this.#rest);
    if (end === -1 ? this.#rest.length > MAX_HEAD_BYTES : end > MAX_HEAD_BYTES)
      throw new RtspError('head_too_large', `more than ${MAX_HEAD_BYTES} bytes before the body`);
    if (end === -1) return undefined;
    this.#head = parseRequestHead(this.#take(end).toString('latin1'));
    return this.#body(this.#head);
  }

  #body(head: RtspRequestHead): RtspInput | undefined {
    if (this.#rest.length < head.contentLength) return undefined;
    this.#head = undefined;
    const { contentLength, ...rest } = head;
    return { kind: 'request', request: { ...rest, body: this.#take(contentLength) } };
  }

  #packet(): RtspInput | undefined {
    if (this.#rest.length < 4) return undefined;
    const end = 4 + this.#rest.readUInt16BE(2);
    if (this.#rest.length < end) return undefined;
    const channel = this.#rest[1] as number;
    return { kind: 'packet', channel, packet: this.#take(end).subarray(4) };
  }

  /** Some players end a body with a line end that its length does not count. */
  #skipLineEnds(): void {
    let at = 0;
    while (this.#rest[at] === CR || this.#rest[at] === LF) at += 1;
    if (at > 0) this.#take(at);
  }

  #take(length: number): Buffer {
    const taken = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    return taken;
  }
}

const isLetter = (byte: number): boolean => (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a);

/** Where the body begins: after the first empty line, or -1. */
function endOfHead(bytes: Buffer): number {
  for (let at = bytes.indexOf(LF); at !== -1; at = bytes.indexOf(LF, at + 1)) {
    if (bytes[at + 1] === LF) return at + 2;
    if (bytes[at + 1] === CR && bytes[at + 2] === LF) return at + 3;
  }
  return -1;
}
