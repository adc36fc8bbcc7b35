import { VIDEO_CODECS, type VideoCodec } from '../../config/codecs.ts';
import type { AacEncoder } from '../convert/aac-encoder.ts';
import type { EncoderDescription } from './encoder-description.ts';
import { H264_ENCODERS } from './h264-encoders.ts';
import { H265_ENCODERS } from './h265-encoders.ts';
import { JPEG_ENCODERS, VP8_ENCODERS } from './other-encoders.ts';

const ALL = { ...H264_ENCODERS, ...H265_ENCODERS, ...VP8_ENCODERS, ...JPEG_ENCODERS };

/** An encoder element that we know how to drive. */
export type VideoEncoder = keyof typeof ALL;
export const ENCODERS: Readonly<Record<VideoEncoder, EncoderDescription>> = ALL;
export const isVideoEncoder = (name: string): name is VideoEncoder => Object.hasOwn(ENCODERS, name);

/** The encoders of a codec, best first. */
export const encodersOf = (codec: VideoCodec): VideoEncoder[] =>
  (Object.keys(ALL) as VideoEncoder[]).filter((name) => ENCODERS[name].codec === codec);

/** The encoders to choose from for each codec, best first. */
export type EncoderRanking = Partial<Record<VideoCodec, readonly VideoEncoder[]>>;

/** Software alone, as if all of it were installed. */
export const SOFTWARE_ENCODERS: EncoderRanking = Object.fromEntries(
  VIDEO_CODECS.map((codec) => [codec, encodersOf(codec).filter((name) => !ENCODERS[name].hardware)]),
);

/** Where a source gets its encoders from. */
export interface EncoderChoice {
  /** What encodes AAC; undefined: nothing here does. */
  readonly aac: AacEncoder | undefined;
  /** The encoders of this machine for a codec, best first; at least one. @throws CaptureError `not-installed`. */
  choose(codec: VideoCodec): Promise<readonly VideoEncoder[]>;
  /** Why this machine cannot encode a codec; undefined where it can, or nobody has asked yet. */
  problem(codec: VideoCodec): string | undefined;
  /** A pipeline with some of them was refused. */
  distrust(): void;
  /** It failed while it ran, or had no room for one more: another one takes its place for a while. */
  failed(encoder: VideoEncoder, reason: string): void;
}
