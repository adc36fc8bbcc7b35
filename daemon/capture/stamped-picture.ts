import {
  type StampedSize,
  type StampRectangle,
  stampBits,
  stampDigits,
  stampPlate,
  stampSeparators,
} from './picture-stamp.ts';

/** Y, U and V of the bars, from the left (75 %: white, yellow, cyan, green, magenta, red, blue). */
const BARS = [
  [180, 128, 128],
  [162, 44, 142],
  [131, 156, 44],
  [112, 72, 58],
  [84, 184, 198],
  [65, 100, 212],
  [35, 212, 114],
] as const;
const [BLACK, WHITE] = [16, 235];
/** Of the picture's edges: that much in the lower right corner is noise, as in the other test picture. */
const NOISE = { width: 1 / 4, height: 1 / 4 };

const even = (size: number): number => Math.ceil(size / 2) * 2;
/** Of a line, in bytes, as GStreamer has it. */
const stride = (width: number): number => Math.ceil(width / 4) * 4;

/**
 * The test picture that carries the time of its making: colour bars, noise to keep an encoder busy, and the clock. It
 * costs little, since most of it stays as it is from picture to picture.
 */
export class StampedPicture {
  /** I420. */
  readonly data: Buffer;
  readonly #size: StampedSize;
  readonly #stride: number;
  readonly #digits: StampRectangle[][];
  readonly #shown: number[] = [];
  readonly #noise: Buffer;
  #turn = 0;

  constructor(size: StampedSize) {
    const { width, height } = size;
    this.#size = size;
    this.#stride = stride(width);
    this.#digits = stampDigits(size);
    const chroma = { width: stride(even(width) / 2), height: even(height) / 2 };
    this.data = Buffer.alloc(this.#stride * even(height) + 2 * chroma.width * chroma.height);
    let begin = 0;
    for (const [plane, { width: line, height: lines }] of [
      { width: this.#stride, height: even(height) },
      chroma,
      chroma,
    ].entries()) {
      for (let x = 0; x < line; x++) {
        const bar = BARS[Math.min(BARS.length - 1, Math.floor((x * BARS.length) / line))] ?? BARS[0];
        this.data[begin + x] = bar[plane] as number;
      }
      for (let y = 1; y < lines; y++) this.data.copyWithin(begin + y * line, begin, begin + line);
      begin += line * lines;
    }
    this.#noise = Buffer.from(Array.from({ length: 2 * width }, () => Math.random() * 256));
    this.#fill(stampPlate(size), BLACK);
    for (const point of stampSeparators(size)) this.#fill(point, WHITE);
  }

  /** Makes the next picture of it. @param wall Unix milliseconds. */
  stamp(wall: number): void {
    for (const [digit, lit] of stampBits(wall).entries()) {
      if (this.#shown[digit] === lit) continue;
      this.#shown[digit] = lit;
      for (const [segment, place] of (this.#digits[digit] ?? []).entries())
        this.#fill(place, (lit >> segment) & 1 ? WHITE : BLACK);
    }
    const { width, height } = this.#size;
    const [left, top] = [Math.round(width * (1 - NOISE.width)), Math.round(height * (1 - NOISE.height))];
    for (let y = top; y < height; y++) {
      this.#turn = (this.#turn + 7919) % width;
      this.#noise.copy(this.data, y * this.#stride + left, this.#turn, this.#turn + width - left);
    }
  }

  #fill({ left, top, right, bottom }: StampRectangle, luma: number): void {
    for (let y = Math.max(0, top); y < Math.min(bottom, this.#size.height); y++)
      this.data.fill(luma, y * this.#stride + left, y * this.#stride + right);
  }
}

/** Makes pictures at a rate until the process ends; one that comes too late is left out. */
export function makeStampedPictures(
  { frameRate, ...size }: StampedSize & { readonly frameRate: number },
  made: (picture: Buffer) => void,
): void {
  const picture = new StampedPicture(size);
  const interval = 1000 / frameRate;
  let due = performance.now();
  const make = (): void => {
    picture.stamp(Date.now());
    made(picture.data);
    const now = performance.now();
    due += interval * Math.max(1, Math.ceil((now - due) / interval));
    setTimeout(make, due - now);
  };
  make();
}
