import type { VideoDevice } from './device.ts';
import { PREFERENCE, RAW_FORMATS, rawBitsPerPixel } from './pixel-formats.ts';

/** The share of the signalling rate that isochronous transfers really carry: 24 MB/s on USB 2. */
const USB_PAYLOAD_SHARE = 0.4;

/** How a camera shall deliver: one of its own formats. */
export interface CaptureMode {
  /** `raw` with GStreamer's name of the format, or `jpeg` frames. */
  readonly media: { readonly type: 'raw'; readonly format: string } | { readonly type: 'jpeg' };
  readonly width: number;
  readonly height: number;
  /** Frames per second; undefined where the driver does not tell: then it is not asked for. */
  readonly frameRate: number | undefined;
}

/** Ideal values, in pixels and frames per second. */
export interface VideoWish {
  readonly width: number;
  readonly height: number;
  readonly frameRate: number;
}

/** Fitness distance of an ideal value (W3C Media Capture and Streams, 11.3, SelectSettings): 0 for equal, below 1 otherwise. */
const distance = (actual: number, ideal: number): number =>
  actual === ideal ? 0 : Math.abs(actual - ideal) / Math.max(Math.abs(actual), Math.abs(ideal));

/**
 * The camera's mode that is nearest to the wish; among equals the one that is cheapest to take in. Raw modes that the
 * camera's USB port cannot carry are left out as long as there is another.
 * @returns undefined when the camera lists no format that we can use.
 */
export function chooseMode(device: VideoDevice, wish: VideoWish): CaptureMode | undefined {
  let best: { mode: CaptureMode; cost: number } | undefined;
  for (const { pixelFormat, width, height, frameRates } of device.formats) {
    const rank = PREFERENCE.indexOf(pixelFormat);
    if (rank < 0) continue;
    for (const frameRate of frameRates.length > 0 ? frameRates : [undefined]) {
      const mode: CaptureMode = { media: mediaOf(pixelFormat), width, height, frameRate };
      const tooFast =
        device.usbSpeed !== undefined && rawBits(pixelFormat, mode) > device.usbSpeed * 1e6 * USB_PAYLOAD_SHARE;
      const cost =
        (tooFast ? 100 : 0) +
        distance(width, wish.width) +
        distance(height, wish.height) +
        (frameRate === undefined ? 0.1 : distance(frameRate, wish.frameRate)) +
        // Decides among equals only.
        rank / 10_000;
      if (best === undefined || cost < best.cost) best = { mode, cost };
    }
  }
  return best?.mode;
}

function mediaOf(pixelFormat: string): CaptureMode['media'] {
  const format = RAW_FORMATS[pixelFormat];
  return format === undefined ? { type: 'jpeg' } : { type: 'raw', format };
}

function rawBits(pixelFormat: string, { width, height, frameRate = 30 }: CaptureMode): number {
  return width * height * frameRate * rawBitsPerPixel(pixelFormat);
}
