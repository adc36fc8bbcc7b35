import type { EncodingSettings } from '../../config/settings.ts';
import type { MediaTrackSettings } from '../media/track-dictionaries.ts';
import { CaptureError } from './capture-error.ts';
import { chooseMode, type VideoWish } from './capture-mode.ts';
import type { AudioDevice, CaptureDevice, VideoDevice } from './device.ts';
import { ENCODERS, type H264Encoder } from './encoders.ts';
import { type AudioPipeline, launchString, type TestPattern, type VideoInput, type VideoPipeline } from './pipeline.ts';
import type { WorkerCommand } from './worker-messages.ts';

/** Ideal values of a capture: for a picture in pixels and frames per second, for sound the channels. */
export interface CaptureWish extends Partial<VideoWish> {
  readonly channelCount?: number;
}

const DEFAULT_WISH: VideoWish = { width: 1280, height: 720, frameRate: 30 };
const OPUS_BITRATE_PER_CHANNEL = 32_000;

export interface CapturePlanInput {
  readonly device: CaptureDevice;
  readonly wish: CaptureWish;
  /** Of a picture. */
  readonly encoding: EncodingSettings;
  readonly encoder: H264Encoder;
  /** Text on the test picture, before its clock; without one there is no clock either. */
  readonly text: string | undefined;
  readonly pattern: TestPattern;
}

/** What a worker is told to do, and what will come of it. */
export interface CapturePlan {
  readonly start: Extract<WorkerCommand, { type: 'start' }>;
  readonly settings: MediaTrackSettings;
  /** The element that encodes. */
  readonly encoder: H264Encoder | 'opusenc';
  /** How the bit rate is set while it runs, where that is possible. */
  readonly liveBitrate?: { readonly property: string; value(bitsPerSecond: number): number };
}

/**
 * Fits wish, encoding and device together. A camera delivers in the one of its modes that is nearest to the wish.
 * @throws CaptureError `invalid-value`.
 */
export function planCapture(input: CapturePlanInput): CapturePlan {
  return input.device.kind === 'videoinput' ? planPicture(input, input.device) : planSound(input, input.device);
}

function planPicture({ wish, encoding, encoder, text, pattern }: CapturePlanInput, device: VideoDevice): CapturePlan {
  const ideal: VideoWish = {
    width: wish.width ?? DEFAULT_WISH.width,
    height: wish.height ?? DEFAULT_WISH.height,
    frameRate: wish.frameRate ?? DEFAULT_WISH.frameRate,
  };
  const source = device.bus === 'test' ? testPicture(ideal, pattern, text !== undefined) : camera(device, ideal);
  const captured = source.type === 'test' ? source.wish : source.mode;
  const scale = encoding.scaleResolutionDownBy;
  if (!(scale >= 1)) throw new CaptureError('invalid-value', `scaleResolutionDownBy is ${scale}; allowed is 1 or more`);
  const capturedRate = captured.frameRate ?? ideal.frameRate;
  const output: VideoWish = {
    width: scaled(captured.width, scale),
    height: scaled(captured.height, scale),
    frameRate: Math.min(capturedRate, encoding.maxFramerate ?? capturedRate),
  };
  const pipeline: VideoPipeline = {
    kind: 'video',
    input: source,
    encoder,
    output,
    bitrate: Math.round(encoding.maxBitrate),
    keyFrameInterval: encoding.keyFrameInterval,
  };
  const live = ENCODERS[encoder].liveBitrate;
  return {
    start: {
      type: 'start',
      launch: launchString(pipeline),
      opened: source.type === 'test' ? undefined : { property: 'device-fd', failed: -1 },
      text: source.type === 'test' ? text : undefined,
    },
    settings: { ...output, aspectRatio: output.width / output.height },
    encoder,
    ...(live === undefined
      ? {}
      : // The binding passes numbers as 32-bit floats: whole kbit/s come through exactly.
        { liveBitrate: { property: live.property, value: (bits) => (Math.round(bits / 1000) * 1000) / live.unit } }),
  };
}

function testPicture(wish: VideoWish, pattern: TestPattern, clock: boolean): VideoInput {
  return {
    type: 'test',
    pattern,
    clock,
    wish: { ...wish, width: scaled(wish.width, 1), height: scaled(wish.height, 1) },
  };
}

function camera(device: VideoDevice, ideal: VideoWish): VideoInput {
  const mode = chooseMode(device, ideal);
  if (mode === undefined)
    throw new CaptureError('invalid-value', `${device.label} has no picture format that can be used (raw or JPEG)`);
  return { type: 'v4l2', path: device.path, mode };
}

/** H.264 of 4:2:0 has even sizes. */
const scaled = (size: number, by: number): number => Math.max(16, Math.round(size / by / 2) * 2);

function planSound({ wish }: CapturePlanInput, device: AudioDevice): CapturePlan {
  const channelCount = wish.channelCount ?? 2;
  const test = device.bus === 'test';
  const pipeline: AudioPipeline = {
    kind: 'audio',
    input: test ? { type: 'test' } : { type: 'alsa', path: device.path },
    channelCount,
    bitrate: OPUS_BITRATE_PER_CHANNEL * channelCount,
  };
  return {
    start: {
      type: 'start',
      launch: launchString(pipeline),
      opened: test ? undefined : { property: 'card-name', failed: null },
      text: undefined,
    },
    settings: { sampleRate: 48_000, sampleSize: 16, channelCount },
    encoder: 'opusenc',
  };
}
