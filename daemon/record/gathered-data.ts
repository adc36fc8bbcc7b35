import type { Part, PartReader } from './part-splitter.ts';

/** Small parts are made one Blob when they are this much, which takes them out of the JavaScript heap. */
const CHUNK_BYTES = 1024 * 1024;

/** What has been recorded and not been handed out yet. */
export class GatheredData {
  readonly #reader: PartReader;
  readonly #limit: number;
  /** What stands before the first fragment: the only place to tell the duration of the whole. */
  #head: Buffer[] = [];
  #blobs: Blob[] = [];
  #parts: Buffer[] = [];
  #partBytes = 0;
  #bytes = 0;
  #began = false;
  /** Time of the newest part that has one, and of the first one that is gathered. */
  #newest = 0;
  #start: number | undefined;

  /** @param limit bytes. */
  constructor(reader: PartReader, limit: number) {
    this.#reader = reader;
    this.#limit = limit;
  }

  /** Recorded time at which what is gathered begins, in milliseconds. */
  get start(): number {
    return this.#start ?? this.#newest;
  }

  /** False when that is more than may be held. */
  add({ bytes, time }: Part): boolean {
    this.#bytes += bytes.length;
    if (time !== undefined) {
      this.#began = true;
      this.#newest = time;
      this.#start ??= time;
    }
    if (!this.#began) {
      this.#head.push(bytes);
      return true;
    }
    this.#parts.push(bytes);
    this.#partBytes += bytes.length;
    if (this.#partBytes > CHUNK_BYTES) this.#pack();
    return this.#bytes <= this.#limit;
  }

  /**
   * Hands out what is gathered.
   * @param duration of the whole recording in milliseconds, when this is the end of it.
   */
  take(type: string, duration?: number): Blob {
    this.#pack();
    const { withDuration } = this.#reader;
    const head =
      duration === undefined || withDuration === undefined
        ? this.#head
        : this.#head.map((part) => withDuration(part, duration));
    const blob = new Blob([...head, ...this.#blobs], { type });
    this.#head = [];
    this.#blobs = [];
    this.#bytes = 0;
    this.#start = undefined;
    return blob;
  }

  #pack(): void {
    if (this.#partBytes > 0) this.#blobs.push(new Blob(this.#parts));
    this.#parts = [];
    this.#partBytes = 0;
  }
}
