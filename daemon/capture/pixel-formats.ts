/** Raw formats that GStreamer 1.22 takes from a camera, cheapest to convert first: V4L2 code -> GStreamer `format`. */
export const RAW_FORMATS: Readonly<Record<string, string>> = {
  YU12: 'I420',
  NV12: 'NV12',
  YV12: 'YV12',
  NV21: 'NV21',
  YUYV: 'YUY2',
  UYVY: 'UYVY',
  YVYU: 'YVYU',
  NV16: 'NV16',
  '422P': 'Y42B',
  BGR3: 'BGR',
  RGB3: 'RGB',
  XR24: 'BGRx',
  AB24: 'RGBA',
  GREY: 'GRAY8',
};
const JPEG_FORMATS: ReadonlySet<string> = new Set(['MJPG', 'JPEG']);
/** Video whose frames build on each other, and GStreamer's name of it. */
export const VIDEO_FORMATS: Readonly<Record<string, string>> = { H264: 'h264', HEVC: 'h265' };
/** What we can use, the cheapest to decode first. */
export const PREFERENCE: readonly string[] = [
  ...Object.keys(RAW_FORMATS),
  ...JPEG_FORMATS,
  ...Object.keys(VIDEO_FORMATS),
];

const BITS_PER_PIXEL: Readonly<Record<string, number>> = {
  YU12: 12,
  NV12: 12,
  YV12: 12,
  NV21: 12,
  GREY: 8,
  BGR3: 24,
  RGB3: 24,
  XR24: 32,
  AB24: 32,
};

/** Bits per pixel, for the load on the bus; compressed formats count as nothing. */
export function rawBitsPerPixel(pixelFormat: string): number {
  return JPEG_FORMATS.has(pixelFormat) || pixelFormat in VIDEO_FORMATS ? 0 : (BITS_PER_PIXEL[pixelFormat] ?? 16);
}

/** Whether a capture pipeline can take this format in. */
export function isUsableFormat(pixelFormat: string): boolean {
  return PREFERENCE.includes(pixelFormat);
}
