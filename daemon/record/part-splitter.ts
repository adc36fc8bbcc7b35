/** A piece of a container that is only whole together: a box, a fragment, an element, a page. */
export interface Part {
  readonly bytes: Buffer;
  /** Where a fragment, a cluster or a page begins: its time in milliseconds. */
  readonly time?: number | undefined;
}

/** What tells the parts of one container. */
export interface PartReader {
  /** How long the part is that these bytes begin with; more than are there: at least so many are needed to tell. */
  measure(bytes: Buffer): number;
  /** Its time, where it is one to begin a Blob with. Called once for each part, in order. */
  timeOf(part: Buffer): number | undefined;
  /** The media of a track, counted from 0 in the order of the muxer's inputs, begin at this time: for containers that lose it. */
  trackBegins?(track: number, time: number): void;
  /** The same part with the duration of the whole, in milliseconds, where it is the one to tell it. */
  withDuration?(part: Buffer, duration: number): Buffer;
}

/** Cuts what a muxer writes to a pipe where the container may be cut. */
export class PartSplitter {
  readonly #reader: PartReader;
  #chunks: Buffer[] = [];
  #length = 0;
  #needed = 1;

  constructor(reader: PartReader) {
    this.#reader = reader;
  }

  push(chunk: Buffer): Part[] {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    if (this.#length < this.#needed) return [];
    const parts: Part[] = [];
    let bytes = Buffer.concat(this.#chunks, this.#length);
    while (bytes.length > 0) {
      this.#needed = this.#reader.measure(bytes);
      if (this.#needed > bytes.length) break;
      const part = bytes.subarray(0, this.#needed);
      parts.push({ bytes: part, time: this.#reader.timeOf(part) });
      bytes = bytes.subarray(this.#needed);
    }
    if (bytes.length === 0) this.#needed = 1;
    this.#chunks = bytes.length === 0 ? [] : [bytes];
    this.#length = bytes.length;
    return parts;
  }
}
