import type { MediaTrackSettings } from '../media/track-dictionaries.ts';
import type { VideoDevice } from './device.ts';
import { PREFERENCE, RAW_FORMATS, rawBitsPerPixel, VIDEO_FORMATS } from './pixel-formats.ts';

/** The share of the signalling rate that isochronous transfers really carry: 24 MB/s on USB 2. */
const USB_PAYLOAD_SHARE = 0.4;
const DEFAULT_SIZE = { width: 1280, height: 720, frameRate: 30 };

/** How a camera shall deliver: one of its own formats. */
export interface CaptureMode {
  /** `raw` with GStreamer's name of the format, `jpeg` frames, or `video` whose frames build on each other. */
  readonly media:
    | { readonly type: 'raw'; readonly format: string }
    | { readonly type: 'jpeg' }
    | { readonly type: 'video'; readonly format: string };
  readonly width: number;
  readonly height: number;
  /** Frames per second; undefined where the driver does not tell: then it is not asked for. */
  readonly frameRate: number | undefined;
}

/** `h264` or `h265`, where frames build on each other. */
export const codedFormat = ({ media }: CaptureMode): string => (media.type === 'video' ? media.format : '');

/** Ideal values, in pixels and frames per second. */
export interface VideoWish {
  readonly width: number;
  readonly height: number;
  readonly frameRate: number;
  /** The size is made by scaling where the camera does not have it ("crop-and-scale"). */
  readonly exact?: boolean;
}

/** What a track wishes of a camera. */
export function wishOf({ width, height, frameRate, resizeMode }: MediaTrackSettings): VideoWish {
  return {
    width: width ?? DEFAULT_SIZE.width,
    height: height ?? DEFAULT_SIZE.height,
    frameRate: frameRate ?? DEFAULT_SIZE.frameRate,
    exact: resizeMode === 'crop-and-scale',
  };
}

/** Fitness distance of an ideal value (W3C Media Capture and Streams, 11.3, SelectSettings): 0 for equal, below 1 otherwise. */
const distance = (actual: number, ideal: number): number =>
  actual === ideal ? 0 : Math.abs(actual - ideal) / Math.max(Math.abs(actual), Math.abs(ideal));

/** How far a mode is from a wish; a mode that is too small for an exact size cannot serve it at all. */
function misfit(mode: CaptureMode, { width, height, frameRate, exact = false }: VideoWish): number {
  const tooSmall = exact && (mode.width < width || mode.height < height);
  return (
    (tooSmall ? 10 : 0) +
    distance(mode.width, width) +
    distance(mode.height, height) +
    (mode.frameRate === undefined ? 0.1 : distance(mode.frameRate, frameRate))
  );
}

/**
 * The camera's mode that is nearest to all wishes; among equals the one that is cheapest to take in. Where wishes differ,
 * every one that asks for no more than the mode has can be cut out of it. Raw modes that the camera's USB port cannot
 * carry are left out as long as there is another.
 * @returns undefined when the camera lists no format that we can use.
 */
export function chooseMode(device: VideoDevice, wishes: readonly VideoWish[]): CaptureMode | undefined {
  // What satisfies the largest wish can be scaled down for the others.
  const largest = Math.max(...wishes.map(({ width, height }) => width * height));
  const fastest = Math.max(...wishes.map(({ frameRate }) => frameRate));
  const decisive = wishes
    .filter(({ width, height }) => width * height === largest)
    .map((wish) => ({ ...wish, frameRate: fastest }));
  let best: { mode: CaptureMode; cost: number } | undefined;
  for (const { pixelFormat, width, height, frameRates } of device.formats) {
    const rank = PREFERENCE.indexOf(pixelFormat);
    if (rank < 0) continue;
    for (const frameRate of frameRates.length > 0 ? frameRates : [undefined]) {
      const mode: CaptureMode = { media: mediaOf(pixelFormat), width, height, frameRate };
      const tooFast =
        device.usb?.speed !== undefined && rawBits(pixelFormat, mode) > device.usb.speed * 1e6 * USB_PAYLOAD_SHARE;
      const cost =
        (tooFast ? 100 : 0) +
        decisive.reduce((sum, wish) => sum + misfit(mode, wish), 0) +
        // Decides among equals only.
        rank / 10_000;
      if (best === undefined || cost < best.cost) best = { mode, cost };
    }
  }
  return best?.mode;
}

function mediaOf(pixelFormat: string): CaptureMode['media'] {
  const [raw, video] = [RAW_FORMATS[pixelFormat], VIDEO_FORMATS[pixelFormat]];
  if (raw !== undefined) return { type: 'raw', format: raw };
  return video === undefined ? { type: 'jpeg' } : { type: 'video', format: video };
}

function rawBits(pixelFormat: string, { width, height, frameRate = 30 }: CaptureMode): number {
  return width * height * frameRate * rawBitsPerPixel(pixelFormat);
}
