import { CaptureError } from './capture-error.ts';

/** What stands before each part, for `multipartmux` and for who reads that. */
export const PART_BOUNDARY = 'picture';

/** What `multipartmux` writes before a part has less than a third of that. */
const MAXIMUM_HEAD_BYTES = 256;
/** A byte for each pixel of the largest picture that is captured, 8192 x 8192. */
const MAXIMUM_PART_BYTES = 64 * 2 ** 20;

const HEAD_END = '\r\n\r\n';
/** RFC 2046, 5.1.1, as `multipartmux` has it: the line break before a boundary belongs to it. */
const HEAD = new RegExp(
  `^(?:\\r\\n)?--${PART_BOUNDARY}\\r\\nContent-Type: [^\\r\\n]+\\r\\nContent-Length: (\\d{1,8})${HEAD_END}$`,
);

/** Takes the parts out of what `multipartmux` writes, each by its length: one copy for each. */
export class MultipartSplitter {
  readonly #part: (part: Buffer) => void;
  /** As far as it has come, in Latin-1. */
  #head = '';
  /** The part behind the last head, and how much of it is there. */
  #current: Buffer | undefined;
  #filled = 0;

  /** @param part called with each part, which is its own from then on; never with an empty one. */
  constructor(part: (part: Buffer) => void) {
    this.#part = part;
  }

  /**
   * Takes the next bytes of the stream.
   * @throws CaptureError `failed` when something else than a part comes, or one that is too large: of no use from then on.
   */
  push(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; )
      at += this.#current === undefined ? this.#readHead(chunk, at) : this.#fill(this.#current, chunk, at);
  }

  /** @returns how many bytes belong to it. */
  #readHead(chunk: Buffer, at: number): number {
    const before = this.#head.length;
    this.#head += chunk.toString('latin1', at, Math.min(chunk.length, at + MAXIMUM_HEAD_BYTES - before));
    const end = this.#head.indexOf(HEAD_END);
    if (end < 0 && this.#head.length < MAXIMUM_HEAD_BYTES) return chunk.length - at;
    const head = this.#head.slice(0, end + HEAD_END.length);
    const length = Number(HEAD.exec(head)?.[1]);
    if (!(length <= MAXIMUM_PART_BYTES))
      throw new CaptureError(
        'failed',
        `no picture of up to ${MAXIMUM_PART_BYTES} bytes where one is due: ${JSON.stringify(this.#head.slice(0, 80))}`,
      );
    this.#head = '';
    // A buffer without a byte, as a camera may give it, is no picture.
    if (length > 0) this.#current = Buffer.allocUnsafe(length);
    return head.length - before;
  }

  /** @returns how many bytes belong to it. */
  #fill(part: Buffer, chunk: Buffer, at: number): number {
    const copied = chunk.copy(part, this.#filled, at);
    this.#filled += copied;
    if (this.#filled === part.length) {
      this.#current = undefined;
      this.#filled = 0;
      this.#part(part);
    }
    return copied;
  }
}
