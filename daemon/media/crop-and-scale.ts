import type { RawPicture } from './track-source.ts';

const BYTES_PER_PIXEL = 4;

/**
 * A picture in another size: the middle of it in the new aspect ratio, each new pixel the mean of those that it covers.
 * What resizeMode "crop-and-scale" (Media Capture and Streams, 4.3.8) does, for single pictures that a program asked for;
 * streams are scaled by GStreamer.
 */
export function cropAndScale(picture: RawPicture, width: number, height: number): RawPicture {
  if (picture.width === width && picture.height === height) return picture;
  const scale = Math.min(picture.width / width, picture.height / height);
  const columns = spans(picture.width, width, scale);
  const old = picture.data;
  const data = Buffer.allocUnsafe(width * height * BYTES_PER_PIXEL);
  let to = 0;
  for (const [top, bottom] of spans(picture.height, height, scale)) {
    for (const [left, right] of columns) {
      let [red, green, blue, alpha] = [0, 0, 0, 0];
      for (let y = top; y < bottom; y++) {
        const end = (y * picture.width + right) * BYTES_PER_PIXEL;
        for (let from = (y * picture.width + left) * BYTES_PER_PIXEL; from < end; from += BYTES_PER_PIXEL) {
          red += old[from] as number;
          green += old[from + 1] as number;
          blue += old[from + 2] as number;
          alpha += old[from + 3] as number;
        }
      }
      const count = (bottom - top) * (right - left);
      data[to] = Math.round(red / count);
      data[to + 1] = Math.round(green / count);
      data[to + 2] = Math.round(blue / count);
      data[to + 3] = Math.round(alpha / count);
      to += BYTES_PER_PIXEL;
    }
  }
  return { data, width, height };
}

/** For each new pixel the old ones that it covers, from and to, in the middle of the old extent. */
function spans(extent: number, count: number, scale: number): [from: number, to: number][] {
  const margin = (extent - count * scale) / 2;
  // Rounding of binary fractions may lead beyond either end.
  const edge = (index: number, last: number): number =>
    Math.min(last, Math.max(0, Math.floor(margin + index * scale + 1e-9)));
  return Array.from({ length: count }, (_, index) => {
    const from = edge(index, extent - 1);
    return [from, Math.max(from + 1, edge(index + 1, extent))];
  });
}
