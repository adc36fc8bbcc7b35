/**
 * The time of day in a picture, in digits of seven segments, as people read it and programs do. All of it is as wide as
 * the picture asks for, so that it survives scaling, and so coarse that it survives an encoder with few bits.
 */

/** Of a picture, in pixels. */
export interface StampedSize {
  readonly width: number;
  readonly height: number;
}

/** A rectangle, in pixels from the upper left corner. */
export interface StampRectangle {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

const DAY_MS = 24 * 60 * 60 * 1000;
/** Units across a picture: as wide as a segment is thick. */
const UNITS = 72;
/** Of a digit. */
const HEIGHT = 7;
/** Where the digits of hours, minutes, seconds and milliseconds begin, in units. */
const DIGITS = [6, 12, 20, 26, 34, 40, 48, 54, 60].map((at) => at + 1);
const SEPARATORS = [19, 33, 47];
/** Around everything, in units. */
const MARGIN = 2;
/** Segments a to g in units from a digit's corner: left, top, right, bottom. */
const SEGMENTS = [
  [1, 0, 3, 1],
  [3, 1, 4, 3],
  [3, 4, 4, 6],
  [1, 6, 3, 7],
  [0, 4, 1, 6],
  [0, 1, 1, 3],
  [1, 3, 3, 4],
] as const;
/** Which segments are lit, by digit, a being the lowest bit. */
const LIT = [0x3f, 0x06, 0x5b, 0x4f, 0x66, 0x6d, 0x7d, 0x07, 0x7f, 0x6f];

const rectangle = ({ width, height }: StampedSize, [left, top, right, bottom]: readonly number[]): StampRectangle => {
  const unit = width / UNITS;
  const x = (units = 0): number => Math.round(units * unit);
  const y = (units = 0): number => Math.round(height / 2 + (units - HEIGHT / 2) * unit);
  return { left: x(left), top: y(top), right: x(right), bottom: y(bottom) };
};

/** What lies under the digits. */
export const stampPlate = (size: StampedSize): StampRectangle =>
  rectangle(size, [(DIGITS[0] ?? 0) - MARGIN, -MARGIN, (DIGITS.at(-1) ?? 0) + 4 + MARGIN, HEIGHT + MARGIN]);

/** The segments of each digit, a to g, the first digit that of ten hours. */
export const stampDigits = (size: StampedSize): StampRectangle[][] =>
  DIGITS.map((at) =>
    SEGMENTS.map(([left, top, right, bottom]) => rectangle(size, [at + left, top, at + right, bottom])),
  );

/** Points between hours, minutes, seconds and milliseconds, for people. */
export const stampSeparators = (size: StampedSize): StampRectangle[] =>
  SEPARATORS.map((at) => rectangle(size, [at - 1, HEIGHT - 1, at, HEIGHT]));

/** Which segments the digits of a time light, in bits. @param wall Unix milliseconds. */
export function stampBits(wall: number): number[] {
  const iso = new Date(wall).toISOString();
  return [...iso.slice(11, 23).replaceAll(/\D/g, '')].map((digit) => LIT[Number(digit)] ?? 0);
}

/** Milliseconds since midnight UTC; undefined where the segments make no time. */
export function stampOf(bits: readonly number[]): number | undefined {
  const digits = bits.map((lit) => LIT.indexOf(lit));
  if (digits.length !== DIGITS.length || digits.includes(-1)) return undefined;
  const text = digits.join('');
  const time = `${text.slice(0, 2)}:${text.slice(2, 4)}:${text.slice(4, 6)}.${text.slice(6)}`;
  const milliseconds = Date.parse(`1970-01-01T${time}Z`);
  return Number.isNaN(milliseconds) || milliseconds >= DAY_MS ? undefined : milliseconds;
}

/** Milliseconds from a stamp to a moment (Unix milliseconds) less than half a day away; negative where it comes after. */
export function stampAge(stamp: number, wall: number): number {
  const age = (((wall - stamp) % DAY_MS) + DAY_MS) % DAY_MS;
  return age < DAY_MS / 2 ? age : age - DAY_MS;
}
