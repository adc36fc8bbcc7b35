import type { H264Profile, VideoCodec } from '../../config/codecs.ts';

/** What the picture is of (W3C MediaStreamTrack Content Hints, 3.2); motion also stands for "not told". */
export type PictureContent = 'motion' | 'detail' | 'text';

/** What an encoder is asked to do. */
export interface EncoderSettings {
  /** The element's. */
  name: string;
  /** Of H.264. */
  profile: H264Profile;
  /** bit/s. */
  bitrate: number;
  /** Frames from one key frame to the next at most. */
  keyFrameDistance: number;
  width: number;
  height: number;
  frameRate: number;
  content: PictureContent;
  /** How many threads software may use. */
  threads: number;
}

/** What an encoder cannot go beyond. */
export interface EncoderLimits {
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  /** Of 16 x 16 pixels. */
  readonly macroblocksPerSecond: number;
}

/** How one encoder element is driven. */
export interface EncoderDescription {
  readonly codec: VideoCodec;
  readonly hardware: boolean;
  /** Where Debian has it; undefined: nowhere, it comes with its hardware. */
  readonly package?: string;
  /** Device nodes of which one must be there before the element is worth asking for; none for software. */
  readonly nodes: readonly RegExp[];
  readonly limits?: EncoderLimits;
  /** What carries the bit rate, where that may be set while playing: the property, and its value. */
  readonly liveBitrate?: (
    settings: Pick<EncoderSettings, 'bitrate' | 'width' | 'height' | 'frameRate'>,
  ) => NumberProperty;
  /** It goes on with pictures of another size or rate while it plays. */
  readonly renegotiates?: true;
  /** From raw I420 to the codec without B-frames, as a part of a launch string. */
  launch(settings: EncoderSettings): string;
}

/** A property of an element that holds a number. */
export interface NumberProperty {
  readonly property: string;
  readonly value: number;
}

export const kilobits = (bitrate: number): number => Math.max(1, Math.round(bitrate / 1000));

/** The binding passes numbers as 32-bit floats: whole kbit/s come through exactly. */
export const inKilobits =
  (property: string) =>
  ({ bitrate }: { bitrate: number }): NumberProperty => ({ property, value: kilobits(bitrate) });
export const inBits =
  (property: string) =>
  ({ bitrate }: { bitrate: number }): NumberProperty => ({ property, value: kilobits(bitrate) * 1000 });

/** Device nodes of kinds of hardware. */
export const M2M = [/^video\d+$/];
export const DRI = [/^dri\/renderD\d+$/];
export const NVIDIA = [/^nvidia\d+$/];
export const JETSON = [/^nvhost-msenc$/, /^v4l2-nvenc$/];
export const ROCKCHIP = [/^mpp_service$/, /^mpp-service$/];

/** Macroblocks in a second of pictures. */
export function macroblockRate({ width, height, frameRate }: Record<'width' | 'height' | 'frameRate', number>): number {
  return Math.ceil(width / 16) * Math.ceil(height / 16) * frameRate;
}

/** What one thread encodes with ease on a small board: half of 720p30. */
const MACROBLOCKS_PER_THREAD = 60_000;

/** Threads for an encoder in software: what the picture needs, and never all processors, which have more to do. */
export function threadsFor(picture: Record<'width' | 'height' | 'frameRate', number>, processors: number): number {
  return Math.max(1, Math.min(Math.ceil(macroblockRate(picture) / MACROBLOCKS_PER_THREAD), processors - 1));
}
