import type { VideoCodec } from '../../config/codecs.ts';
import { CaptureError } from './capture-error.ts';
import type { VideoWish } from './capture-mode.ts';
import { macroblockRate } from './encoder-description.ts';
import { ENCODERS, type EncoderRanking, type VideoEncoder } from './encoders.ts';

/** Pixels at an edge of a JPEG that RTP carries. */
const LARGEST_RTP_JPEG = 2040;

interface Size {
  readonly width: number;
  readonly height: number;
}

/** What encodes a picture, and what comes out of that. */
export interface EncoderFit {
  readonly encoder: VideoEncoder;
  /** In a size that the codec can have, and no faster than the encoder keeps up with. */
  readonly output: VideoWish;
  /** Why not the best encoder has it, or why there are fewer frames than are wanted, for a person. */
  readonly limit: string | undefined;
}

/**
 * Fits a picture and the encoders of the machine together: the best encoder that takes its size has it.
 * @param wanted in pixels and frames per second.
 * @throws CaptureError `invalid-value` where no encoder takes a picture of that size, or RTP does not carry it.
 */
export function fitEncoder(codec: VideoCodec, encoders: EncoderRanking, wanted: VideoWish): EncoderFit {
  const size = codedSize(codec, wanted);
  const encoder = encoderFor(codec, encoders, size);
  const output = { ...size, frameRate: Math.min(wanted.frameRate, highestRate(encoder, size)) };
  return { encoder, output, limit: limitOf(encoder, encoders[codec]?.[0] ?? encoder, output, wanted.frameRate) };
}

/** An edge of a picture of 4:2:0, which has even sizes, in pixels. */
export const evenSize = (pixels: number): number => Math.max(16, Math.round(pixels / 2) * 2);

/** What a codec can be had in: even sizes of 4:2:0, and of JPEG over RTP whole blocks of 8 up to 255 (RFC 2435, 3.1). */
function codedSize(codec: VideoCodec, { width, height }: Size): Size {
  if (codec !== 'mjpeg') return { width: evenSize(width), height: evenSize(height) };
  const size = { width: 8 * Math.max(2, Math.round(width / 8)), height: 8 * Math.max(2, Math.round(height / 8)) };
  if (size.width > LARGEST_RTP_JPEG || size.height > LARGEST_RTP_JPEG)
    throw new CaptureError(
      'invalid-value',
      `mjpeg of ${size.width} x ${size.height} does not fit into RTP, which carries up to ${LARGEST_RTP_JPEG} x ${LARGEST_RTP_JPEG}; a larger scaleResolutionDownBy makes it smaller`,
    );
  return size;
}

/** The best encoder for pictures of this size. */
function encoderFor(codec: VideoCodec, encoders: EncoderRanking, size: Size): VideoEncoder {
  const ranking = encoders[codec] ?? [];
  const fits = ranking.find((name) => {
    const { limits } = ENCODERS[name];
    return limits === undefined || (size.width <= limits.width && size.height <= limits.height);
  });
  const { limits } = ENCODERS[ranking[0] as VideoEncoder] ?? {};
  if (fits !== undefined) return fits;
  const most = limits === undefined ? '' : `: ${ranking[0]} takes up to ${limits.width} x ${limits.height}`;
  throw new CaptureError('invalid-value', `nothing encodes ${codec} of ${size.width} x ${size.height} here${most}`);
}

/** Whole frames per second that an encoder keeps up with at a size. */
function highestRate(encoder: VideoEncoder, size: Size): number {
  const { limits } = ENCODERS[encoder];
  if (limits === undefined) return Infinity;
  return Math.max(1, Math.floor(limits.macroblocksPerSecond / macroblockRate({ ...size, frameRate: 1 })));
}

/** Why not the best encoder has it, or why that gets fewer frames than are wanted. */
function limitOf(encoder: VideoEncoder, best: VideoEncoder, output: VideoWish, wanted: number): string | undefined {
  const size = `${output.width} x ${output.height}`;
  const most = ENCODERS[best].limits;
  if (best !== encoder && most !== undefined)
    return `${best} takes up to ${most.width} x ${most.height}: ${size} is encoded by ${encoder}`;
  if (output.frameRate >= wanted) return undefined;
  return `${encoder} keeps up with ${output.frameRate} frames per second at ${size}`;
}
