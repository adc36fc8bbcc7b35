import { availableParallelism } from 'node:os';
import type { AacEncoder } from '../convert/aac-encoder.ts';
import type { MediaTrackSettings } from '../media/track-dictionaries.ts';
import type {
  ContentHint,
  EncodingParameters,
  EncodingReduction,
  PictureAdjustments,
  TrackConfiguration,
} from '../media/track-source.ts';
import type { RtpCodec } from '../rtp/codec.ts';
import { type AudioBranch, type AudioInput, SOUND_QUEUE_ROOM, type SoundContent } from './audio-pipeline.ts';
import { CaptureError } from './capture-error.ts';
import { type CaptureMode, chooseMode, type VideoWish, wishOf } from './capture-mode.ts';
import { type AudioDevice, type CaptureDevice, STAMPED_PICTURE, type VideoDevice } from './device.ts';
import { SOUND } from './device-capabilities.ts';
import type { NumberProperty, PictureContent } from './encoder-description.ts';
import { evenSize, fitEncoder } from './encoder-fit.ts';
import { ENCODERS, type EncoderRanking, type VideoEncoder } from './encoders.ts';
import { isLibcamera, sourceProperties } from './libcamera-controls.ts';
import { launchString, type PipelineDescription } from './pipeline.ts';
import { type SoundEncoder, soundBitrate, soundEncoder, soundShape } from './sound-encoders.ts';
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
/** H.264 of a camera's picture, by an encoder of little effort. */
const BITS_PER_PIXEL = 0.07;

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
  const planned = tracks.map((track, index) => planBranch(track, settings[index] as VideoWish, encoders));
  const branches = planned.map(({ branch }) => branch);
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
    limits: planned.map(({ limit }) => limit),
    tunings,
    layout: launchString({ ...pipeline, untuned: true, branches: branches.map(neutral) }),
  };
}

/** What is encoded for a track that has a picture of this size and rate, and what of it cannot be. */
function planBranch(
  { configuration, open }: PlannedTrack,
  { width, height, frameRate }: VideoWish,
  encoders: EncoderRanking,
): { branch: VideoBranch; limit: string | undefined } {
  const { contentHint, enabled, picture: adjustments = AS_CAPTURED, reduction = UNREDUCED } = configuration;
  const encoding = configuration.encoding ?? defaultEncoding(width, height, frameRate);
  const content = PICTURES[contentHint] ?? 'motion';
  const scale = encoding.scaleResolutionDownBy;
  if (!(scale >= 1)) throw new CaptureError('invalid-value', `scaleResolutionDownBy is ${scale}; allowed is 1 or more`);
  const { codec = 'h264', profile = 'baseline', keyFrameInterval, maxBitrate } = encoding;
  const { encoder, output, limit } = fitEncoder(codec, encoders, {
    width: width / scale,
    height: height / scale,
    frameRate: Math.min(frameRate, encoding.maxFramerate ?? frameRate, HIGHEST_RATE[content]) * reduction.frameRate,
  });
  const bitrate = Math.round(Math.max(maxBitrate * reduction.bitrate, Math.min(maxBitrate, LEAST_REDUCED)));
  return {
    branch: { open, enabled, encoder, profile, output, bitrate, keyFrameInterval, content, adjustments },
    limit,
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
      width: evenSize(largest.width),
      height: evenSize(largest.height),
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

function planSound({ tracks, pattern, wallClock, aac }: CapturePlanInput, device: AudioDevice): CapturePlan {
  const branches = tracks.map(({ configuration, codec, open }): AudioBranch => {
    const { settings, contentHint, enabled, gain = 0 } = configuration;
    const shape = soundShape(codec, settings.channelCount ?? 2);
    const content = SOUNDS[contentHint] ?? 'generic';
    const bitrate = soundBitrate(codec, shape.channelCount, contentHint);
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
