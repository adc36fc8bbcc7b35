import type { RawPicture } from './track-source.ts';
import { defineInterface, illegalConstructor, internal } from './web-idl.ts';

/**
 * An uncompressed picture: what grabFrame() gives. HTML's ImageBitmap (8.11) with one member more, for there is no canvas
 * here to draw it on: its pixels.
 */
export class ImageBitmap {
  #width: number;
  #height: number;
  #data: Uint8ClampedArray<ArrayBuffer>;

  static {
    defineInterface(ImageBitmap, { brand: (value) => #data in value });
  }

  /** @internal @throws TypeError always, for scripts: "Illegal constructor". */
  constructor(...[token, picture]: [token?: unknown, picture?: RawPicture]) {
    if (token !== internal || picture === undefined) throw illegalConstructor();
    const { width, height, data } = picture;
    this.#width = width;
    this.#height = height;
    this.#data = new Uint8ClampedArray(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
  }

  /** Pixels; 0 once it is closed. */
  get width(): number {
    return this.#width;
  }

  /** Pixels; 0 once it is closed. */
  get height(): number {
    return this.#height;
  }

  /** 4 bytes a pixel, R G B A, rows from the top without padding, as ImageData has them; empty once it is closed. */
  get data(): Uint8ClampedArray<ArrayBuffer> {
    return this.#data;
  }

  /** Lets go of the pixels. */
  close(): void {
    this.#width = 0;
    this.#height = 0;
    this.#data = new Uint8ClampedArray();
  }
}
