import { availableParallelism } from 'node:os';
import type { VideoCodec } from '../../config/codecs.ts';
import type { AacEncoder } from '../convert/aac-encoder.ts';
import type { MediaTrackSettings } from '../media/track-dictionaries.ts';
import type {
  ContentHint,
  EncodingParameters,
  EncodingReduction,
  PictureAdjustments,
  TrackConfiguration,
} from '../media/track-source.ts';
import { isAac } from '../rtp/aac.ts';
import type { RtpCodec } from '../rtp/codec.ts';
import { type AudioBranch, type AudioInput, SOUND_QUEUE_ROOM, type SoundContent } from './audio-pipeline.ts';
import { CaptureError } from './capture-error.ts';
import { type CaptureMode, chooseMode, type VideoWish } from './capture-mode.ts';
import { type AudioDevice, type CaptureDevice, STAMPED_PICTURE, type VideoDevice } from './device.ts';
import { SOUND } from './device-capabilities.ts';
import { macroblockRate, type NumberProperty, type PictureContent } from './encoder-description.ts';
import { ENCODERS, type EncoderRanking, type VideoEncoder } from './encoders.ts';
import { isLibcamera, sourceProperties } from './libcamera-controls.ts';
import { launchString, type PipelineDescription } from './pipeline.ts';
import { aacBitrate, type SoundEncoder, soundEncoder, soundShape } from './sound-encoders.ts';
import {
  type BranchShape,
  FRAME_QUEUE_ROOM,
  isTransposed,
  shapeOf,
  type TestPattern,
  type TestPicture,
  type VideoBranch,
  type VideoInput,
} from './video-pipeline.ts';
import type { WorkerCommand, WorkerInput } from './worker-messages.ts';

/** One track that is to be encoded. */
export interface PlannedTrack {
  readonly configuration: TrackConfiguration;
  readonly codec: RtpCodec;
  /** Somebody consumes it. */
  readonly open: boolean;
}

export interface CapturePlanInput {
  readonly device: CaptureDevice;
  /** None while the device is only held open. */
  readonly tracks: readonly PlannedTrack[];
  /** Of pictures. */
  readonly encoders: EncoderRanking;
  /** Where a track is of AAC: what encodes that. */
  readonly aac?: AacEncoder | undefined;
  /** Text on the test picture, before its clock; without one there is no clock either. */
  readonly text: string | undefined;
  readonly pattern: TestPattern;
  /** Unix milliseconds at which the times of {@link RTP_PICTURE} begin. */
  readonly wallClock: number;
  /** A photo of at least this size is to be taken. */
  readonly photo?: { readonly width: number; readonly height: number } | undefined;
}

/** What of a branch can be set while it runs, as far as its encoder goes along. */
export interface BranchTuning {
  readonly encoder?: NumberProperty;
  readonly shape?: Omit<BranchShape, 'scales'>;
  /** Seconds between key frames that nobody asked for; undefined: every frame is one. */
  readonly keyFrameInterval?: number;
}

/** What a worker is told to do, and what will come of it. */
export interface CapturePlan {
  readonly start: Extract<WorkerCommand, { type: 'start' }>;
  /** Of each track. */
  readonly settings: readonly MediaTrackSettings[];
  /** What encodes each track; none where the device's own encoding goes out. */
  readonly encoders: readonly (VideoEncoder | SoundEncoder)[];
  /** Of each track: what its encoder cannot do that is asked for, for a person. */
  readonly limits: readonly (string | undefined)[];
  /** What of each track is set while it runs. */
  readonly tunings: readonly BranchTuning[];
  /** The same for plans that a running worker can go over to: what differs is set while it runs. */
  readonly layout: string;
}

export const AS_CAPTURED: PictureAdjustments = {
  crop: { top: 0, right: 0, bottom: 0, left: 0 },
  orientation: 'none',
  overlay: '',
};
const UNREDUCED: EncodingReduction = { frameRate: 1, bitrate: 1 };
/** bit/s; a bit rate below is not reduced. */
const LEAST_REDUCED = 100_000;
const DEFAULT_SIZE = { width: 1280, height: 720, frameRate: 30 };
/** Pixels at an edge of a JPEG that RTP carries. */
const LARGEST_RTP_JPEG = 2040;
/** H.264 of a camera's picture, by an encoder of little effort. */
const BITS_PER_PIXEL = 0.07;
const OPUS_BITRATE_PER_CHANNEL = 32_000;
const OPUS_BITRATES: Partial<Record<ContentHint, number>> = {
  speech: 24_000,
  'speech-recognition': 24_000,
  music: 64_000,
};

/** Frames per second beyond which the bits are better spent on detail. */
const HIGHEST_RATE: Record<PictureContent, number> = { motion: Infinity, detail: 15, text: 10 };
const PICTURES: Partial<Record<ContentHint, PictureContent>> = { detail: 'detail', text: 'text' };
const SOUNDS: Partial<Record<ContentHint, SoundContent>> = { speech: 'voice', 'speech-recognition': 'voice' };

/**
 * Fits the tracks and the device together. A camera delivers in the one of its modes that is nearest to what the tracks
 * wish; each track gets its own size and rate out of that.
 * @throws CaptureError `invalid-value`.
 */
export function planCapture(input: CapturePlanInput): CapturePlan {
  return input.device.kind === 'videoinput' ? planPicture(input, input.device) : planSound(input, input.device);
}

function planPicture(input: CapturePlanInput, device: VideoDevice): CapturePlan {
  const { tracks, encoders, text, pattern, photo } = input;
  const wishes = tracks.map(({ configuration }) => wishOf(configuration.settings));
  const all = [
    ...(wishes.length > 0 ? wishes : [wishOf({})]),
    ...(photo ? [{ ...photo, frameRate: 0, exact: true }] : []),
  ];
  const shown = device.deviceId === STAMPED_PICTURE.deviceId ? 'stamped' : pattern;
  const source = device.bus === 'test' ? testPicture(all, shown, text !== undefined) : camera(device, all, input);
  const captured = source.type === 'test' ? source.wish : source.mode;
  const capturedRate = captured.frameRate ?? Math.max(...all.map(({ frameRate }) => frameRate));
  const settings = tracks.map(({ configuration }, index) =>
    adjusted(
      trackSettings(device, wishes[index] as VideoWish, { ...captured, frameRate: capturedRate }),
      configuration,
    ),
  );
  const limits: (string | undefined)[] = [];
  const branches = tracks.map(({ configuration, open }, index): VideoBranch => {
    const { width, height, frameRate } = settings[index] as VideoWish;
    const { contentHint, enabled, picture: adjustments = AS_CAPTURED, reduction = UNREDUCED } = configuration;
    const encoding = configuration.encoding ?? defaultEncoding(width, height, frameRate);
    const content = PICTURES[contentHint] ?? 'motion';
    const scale = encoding.scaleResolutionDownBy;
    if (!(scale >= 1))
      throw new CaptureError('invalid-value', `scaleResolutionDownBy is ${scale}; allowed is 1 or more`);
    const { codec = 'h264', profile = 'baseline', keyFrameInterval, maxBitrate } = encoding;
    const size = codedSize(codec, { width: width / scale, height: height / scale });
    const encoder = encoderFor(codec, encoders, size);
    const wanted = Math.min(frameRate, encoding.maxFramerate ?? frameRate, HIGHEST_RATE[content]) * reduction.frameRate;
    const output = { ...size, frameRate: Math.min(wanted, highestRate(encoder, size)) };
    limits.push(limitOf(encoder, encoders[codec]?.[0] ?? encoder, output, wanted));
    const bitrate = Math.round(Math.max(maxBitrate * reduction.bitrate, Math.min(maxBitrate, LEAST_REDUCED)));
    return { open, enabled, encoder, profile, output, bitrate, keyFrameInterval, content, adjustments };
  });
  const pipeline = { kind: 'video', input: source, branches, processors: availableParallelism() } as const;
  const tunings = branches.map((branch) => tuningOf(branch, captured));
  return {
    start: {
      type: 'start',
      launch: launchString(pipeline),
      gates: branches.map(({ open }) => open),
      keyFrameIntervals: tunings.map(({ keyFrameInterval }) => keyFrameInterval),
      input: inputOf(source),
      overlays: branches.map(({ adjustments }) => adjustments.overlay),
      text: source.type === 'test' ? text : undefined,
      queueRoom: FRAME_QUEUE_ROOM,
      ...(source.type === 'test' && source.pattern === 'stamped' && { stamped: source.wish }),
    },
    settings,
    encoders: branches.map(({ encoder }) => encoder),
    limits,
    tunings,
    layout: launchString({ ...pipeline, untuned: true, branches: branches.map(neutral) }),
  };
}

function tuningOf(branch: VideoBranch, captured: CaptureMode | VideoWish): BranchTuning {
  const { encoder, bitrate, output, keyFrameInterval } = branch;
  const { codec, liveBitrate, renegotiates } = ENCODERS[encoder];
  const { caps, reduces } = shapeOf(branch, captured);
  return {
    ...(liveBitrate && { encoder: liveBitrate({ ...output, bitrate }) }),
    ...(renegotiates && { shape: { caps, reduces } }),
    ...(codec !== 'mjpeg' && { keyFrameInterval }),
  };
}

/** The best encoder for pictures of this size. */
function encoderFor(
  codec: VideoCodec,
  encoders: EncoderRanking,
  size: { width: number; height: number },
): VideoEncoder {
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
function highestRate(encoder: VideoEncoder, size: { width: number; height: number }): number {
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

/** What a codec can be had in: even sizes of 4:2:0, and of JPEG over RTP whole blocks of 8 up to 255 (RFC 2435, 3.1). */
function codedSize(
  codec: VideoCodec,
  { width, height }: { width: number; height: number },
): { width: number; height: number } {
  if (codec !== 'mjpeg') return { width: scaled(width, 1), height: scaled(height, 1) };
  const size = { width: 8 * Math.max(2, Math.round(width / 8)), height: 8 * Math.max(2, Math.round(height / 8)) };
  if (size.width > LARGEST_RTP_JPEG || size.height > LARGEST_RTP_JPEG)
    throw new CaptureError(
      'invalid-value',
      `mjpeg of ${size.width} x ${size.height} does not fit into RTP, which carries up to ${LARGEST_RTP_JPEG} x ${LARGEST_RTP_JPEG}; a larger scaleResolutionDownBy makes it smaller`,
    );
  return size;
}

export function wishOf({ width, height, frameRate, resizeMode }: MediaTrackSettings): VideoWish {
  return {
    width: width ?? DEFAULT_SIZE.width,
    height: height ?? DEFAULT_SIZE.height,
    frameRate: frameRate ?? DEFAULT_SIZE.frameRate,
    exact: resizeMode === 'crop-and-scale',
  };
}

/** What one track has of what is captured: all of it, or, beside a track that needs more, what it would have had alone. */
function trackSettings(device: VideoDevice, wish: VideoWish, captured: VideoWish): MediaTrackSettings {
  const alone = wish.exact || device.bus === 'test' ? wish : (chooseMode(device, [wish]) ?? wish);
  const { width, height } = alone;
  return {
    width,
    height,
    aspectRatio: width / height,
    frameRate: Math.min(alone.frameRate ?? captured.frameRate, captured.frameRate),
    resizeMode: wish.exact ? 'crop-and-scale' : 'none',
  };
}

/** The size of a picture that is cut and turned. */
function adjusted(settings: MediaTrackSettings, { picture }: TrackConfiguration): MediaTrackSettings {
  if (picture === undefined) return settings;
  const { crop, orientation } = picture;
  const cut = { width: 1 - (crop.left + crop.right) / 100, height: 1 - (crop.top + crop.bottom) / 100 };
  if (!(cut.width > 0.05 && cut.height > 0.05))
    throw new CaptureError('invalid-value', 'crop leaves less than 5 % of the picture');
  const width = even((settings.width ?? 0) * cut.width);
  const height = even((settings.height ?? 0) * cut.height);
  const size = isTransposed(orientation) ? { width: height, height: width } : { width, height };
  return { ...settings, ...size, aspectRatio: size.width / size.height };
}

const even = (pixels: number): number => 2 * Math.round(pixels / 2);

function defaultEncoding(width: number, height: number, frameRate: number): EncodingParameters {
  const bitrate = width * height * frameRate * BITS_PER_PIXEL;
  return {
    maxBitrate: Math.max(100_000, Math.round(bitrate / 1000) * 1000),
    maxFramerate: undefined,
    scaleResolutionDownBy: 1,
    keyFrameInterval: 2,
  };
}

/** What can be changed while it runs does not count. */
function neutral<T extends VideoBranch | AudioBranch>(branch: T): T {
  return { ...branch, open: false, enabled: true };
}

/** The test picture is as large as the largest wish, and as fast as the fastest. */
function testPicture(wishes: readonly VideoWish[], pattern: TestPicture, clock: boolean): VideoInput {
  const largest = wishes.reduce((one, other) => (other.width * other.height > one.width * one.height ? other : one));
  return {
    type: 'test',
    pattern,
    clock,
    wish: {
      width: scaled(largest.width, 1),
      height: scaled(largest.height, 1),
      frameRate: Math.max(...wishes.map(({ frameRate }) => frameRate)),
    },
  };
}

function inputOf({ type }: VideoInput): WorkerInput | undefined {
  return type === 'push' ? 'frames' : type === 'rtp' ? 'rtp' : undefined;
}

function camera(
  device: VideoDevice,
  wishes: readonly VideoWish[],
  { wallClock }: Pick<CapturePlanInput, 'wallClock'>,
): VideoInput {
  const mode = chooseMode(device, wishes);
  if (mode === undefined)
    throw new CaptureError('invalid-value', `${device.label} has no picture format that can be used (raw or JPEG)`);
  if (device.rtsp !== undefined) return { type: 'rtsp', rtsp: device.rtsp, mode };
  if (isLibcamera(device)) return { type: 'libcamera', id: device.path, mode, properties: sourceProperties(device) };
  if (device.bus === 'push') return { type: 'push', mode };
  return device.bus === 'rtp' ? { type: 'rtp', mode, wallClock } : { type: 'v4l2', path: device.path, mode };
}

/** H.264 of 4:2:0 has even sizes. */
const scaled = (size: number, by: number): number => Math.max(16, Math.round(size / by / 2) * 2);

function planSound({ tracks, pattern, wallClock, aac }: CapturePlanInput, device: AudioDevice): CapturePlan {
  const branches = tracks.map(({ configuration, codec, open }): AudioBranch => {
    const { settings, contentHint, enabled, gain = 0 } = configuration;
    const shape = soundShape(codec, settings.channelCount ?? 2);
    const content = SOUNDS[contentHint] ?? 'generic';
    const opus = (OPUS_BITRATES[contentHint] ?? OPUS_BITRATE_PER_CHANNEL) * shape.channelCount;
    const bitrate = isAac(codec) ? aacBitrate(codec) : opus;
    return { open, enabled, codec, encoder: soundEncoder(codec, aac), ...shape, content, bitrate, gain };
  });
  const describe = (these: readonly AudioBranch[]): PipelineDescription => ({
    kind: 'audio',
    input: soundInput(device, pattern, wallClock),
    branches: these,
  });
  return {
    start: {
      type: 'start',
      launch: launchString(describe(branches)),
      gates: branches.map(({ open }) => open),
      keyFrameIntervals: [],
      input: device.bus === 'rtp' ? 'rtp' : undefined,
      overlays: [],
      text: undefined,
      queueRoom: SOUND_QUEUE_ROOM,
    },
    settings: branches.map(({ sampleRate, channelCount }) => ({ ...SOUND, sampleRate, channelCount })),
    encoders: branches.map(({ encoder }) => encoder),
    limits: [],
    tunings: [],
    layout: launchString(describe(branches.map(neutral))),
  };
}

function soundInput({ bus, path, sound, rtsp }: AudioDevice, pattern: TestPattern, wallClock: number): AudioInput {
  if (bus === 'test') return { type: 'test', silent: pattern === 'black' };
  if (bus === 'rtp' && sound !== undefined) return { type: 'rtp', codec: sound, wallClock };
  return rtsp === undefined ? { type: 'alsa', path } : { type: 'rtsp', rtsp };
}
