import { H264, OPUS } from '../rtp/codec.ts';
import { CaptureError } from './capture-error.ts';
import type { CaptureMode, VideoWish } from './capture-mode.ts';
import { ENCODERS, type H264Encoder } from './encoders.ts';

/** The descriptor of a worker on which its media leaves (`lib/child.ts`: the first pipe of a module). */
const MEDIA_DESCRIPTOR = 4;

/** What a test picture can show. */
export type TestPattern = 'smpte75' | 'ball' | 'snow' | 'black';

export type VideoInput =
  | { readonly type: 'test'; readonly pattern: TestPattern; readonly wish: VideoWish; readonly clock: boolean }
  | { readonly type: 'v4l2'; readonly path: string; readonly mode: CaptureMode };

export interface VideoPipeline {
  readonly kind: 'video';
  readonly input: VideoInput;
  readonly encoder: H264Encoder;
  /** What is encoded, in pixels and frames per second; never more than the input gives. */
  readonly output: VideoWish;
  /** bit/s. */
  readonly bitrate: number;
  /** Seconds between key frames that nobody asked for. */
  readonly keyFrameInterval: number;
}

export type AudioInput = { readonly type: 'test' } | { readonly type: 'alsa'; readonly path: string };

export interface AudioPipeline {
  readonly kind: 'audio';
  readonly input: AudioInput;
  /** 1 or 2. */
  readonly channelCount: number;
  /** bit/s. */
  readonly bitrate: number;
}

export type PipelineDescription = VideoPipeline | AudioPipeline;

/**
 * The launch string (gst-launch syntax) of a capture pipeline. Nothing of it comes from outside but bounded numbers, words of
 * closed lists and one device path of a narrow alphabet.
 *
 * Named elements: `source`, `encoder`, `pay`; in pictures `shutter` (a valve) and `photo` (an appsink) for snapshots, and
 * `clock` where there is one.
 * @throws CaptureError `invalid-value`.
 */
export function launchString(pipeline: PipelineDescription): string {
  return pipeline.kind === 'video' ? videoLaunch(pipeline) : audioLaunch(pipeline);
}

// A stalled reader costs whole frames before the encoder, so that what was encoded stays decodable.
const FRAME_QUEUE = 'queue leaky=downstream max-size-buffers=2 max-size-bytes=0 max-size-time=0';
// Rides over a reader that is busy for a moment.
const PACKET_QUEUE = 'queue max-size-time=1000000000 max-size-buffers=0 max-size-bytes=0';
const TAIL = `${PACKET_QUEUE} ! rtponviftimestamp ! rtpstreampay ! fdsink fd=${MEDIA_DESCRIPTOR} sync=false async=false`;
// The parser repeats the parameter sets, not the payloader: that one puts them before every slice of a key frame.
const VIDEO_TAIL =
  `h264parse config-interval=-1 ! rtph264pay name=pay pt=${H264.payloadType} mtu=1200 config-interval=0 ` +
  `aggregate-mode=zero-latency timestamp-offset=0 ! ${TAIL}`;
const PHOTO =
  'frames. ! valve name=shutter drop=true drop-mode=transform-to-gap ! queue leaky=downstream max-size-buffers=1 ! ' +
  'jpegenc quality=85 ! appsink name=photo max-buffers=1 drop=true sync=false async=false';

function videoLaunch({ input, encoder, output, bitrate, keyFrameInterval }: VideoPipeline): string {
  const width = bounded('width', output.width, 16, 8192);
  const height = bounded('height', output.height, 16, 8192);
  const settings = {
    bitrate: bounded('bitrate', bitrate, 10_000, 100_000_000),
    keyFrameDistance: bounded(
      'keyFrameInterval',
      Math.max(1, Math.round(keyFrameInterval * output.frameRate)),
      1,
      36_000,
    ),
    width,
    height,
    frameRate: output.frameRate,
  };
  const source = input.type === 'test' ? testPicture(input) : camera(input);
  const taken = input.type === 'test' ? input.wish : input.mode;
  const adapt: string[] = [];
  if (taken.frameRate !== undefined && output.frameRate < taken.frameRate)
    adapt.push(`videorate drop-only=true ! video/x-raw,framerate=${rate(output.frameRate)}`);
  if (taken.width !== width || taken.height !== height)
    adapt.push(`videoscale ! video/x-raw,width=${width},height=${height},pixel-aspect-ratio=1/1`);
  const encode = [FRAME_QUEUE, ...adapt, ENCODERS[encoder].launch(settings), VIDEO_TAIL].join(' ! ');
  return `${source} ! tee name=frames frames. ! ${encode} ${PHOTO}`;
}

function testPicture({ pattern, wish, clock }: Extract<VideoInput, { type: 'test' }>): string {
  const width = bounded('width', wish.width, 16, 8192);
  const height = bounded('height', wish.height, 16, 8192);
  const caps = `video/x-raw,format=I420,width=${width},height=${height},framerate=${rate(wish.frameRate)}`;
  const overlay =
    ' ! clockoverlay name=clock halignment=center valignment=center shaded-background=true font-desc="Sans Bold 32" time-format="%F %T"';
  return `videotestsrc name=source is-live=true pattern=${pattern} ! ${caps}${clock ? overlay : ''}`;
}

function camera({ path, mode }: Extract<VideoInput, { type: 'v4l2' }>): string {
  const { media, frameRate } = mode;
  const width = bounded('width', mode.width, 1, 8192);
  const height = bounded('height', mode.height, 1, 8192);
  // Drivers write 30 frames per second as 333333/10000000 s and the like: a narrow range meets them all.
  const rates = frameRate === undefined ? '' : `,framerate=[${rate(frameRate * 0.99)},${rate(frameRate * 1.01)}]`;
  const format = media.type === 'raw' ? `video/x-raw,format=${media.format}` : 'image/jpeg';
  const decode = media.type === 'raw' ? '' : ` ! ${FRAME_QUEUE} ! jpegdec`;
  return (
    `v4l2src name=source device=${devicePath(path)} ! ${format},width=${width},height=${height}${rates}${decode} ! ` +
    'videoconvert ! video/x-raw,format=I420'
  );
}

function audioLaunch({ input, channelCount, bitrate }: AudioPipeline): string {
  const channels = bounded('channelCount', channelCount, 1, 2);
  // The system's clock, which the picture's pipeline runs on too: the sound card's own must not become the pipeline's.
  const source =
    input.type === 'test'
      ? 'audiotestsrc name=source is-live=true wave=sine freq=440 volume=0.2 samplesperbuffer=960'
      : `alsasrc name=source device=${devicePath(input.path)} provide-clock=false slave-method=skew buffer-time=200000 latency-time=10000`;
  return (
    `${source} ! queue leaky=downstream max-size-time=200000000 max-size-bytes=0 max-size-buffers=0 ! ` +
    `audioconvert ! audioresample ! audio/x-raw,rate=48000,channels=${channels} ! ` +
    `opusenc name=encoder bitrate=${bounded('bitrate', bitrate, 6000, 510_000)} frame-size=20 ! ` +
    `rtpopuspay name=pay pt=${OPUS.payloadType} timestamp-offset=0 ! ${TAIL}`
  );
}

/** @throws CaptureError `invalid-value` for anything that could mean something to the launch parser. */
function devicePath(path: string): string {
  if (!/^[A-Za-z0-9_./:,=-]{1,128}$/.test(path))
    throw new CaptureError('invalid-value', `device path not usable: ${JSON.stringify(path)}`);
  return path;
}

function bounded(name: string, value: number, least: number, most: number): number {
  if (!Number.isInteger(value) || value < least || value > most)
    throw new CaptureError('invalid-value', `${name} is ${value}; allowed is a whole number from ${least} to ${most}`);
  return value;
}

/** A frame rate as a fraction: 30/1, 15/2, 30000/1001. */
function rate(perSecond: number): string {
  if (!(perSecond >= 0.01 && perSecond <= 1000))
    throw new CaptureError('invalid-value', `frameRate is ${perSecond}; allowed is 0.01 to 1000`);
  if (Number.isInteger(perSecond)) return `${perSecond}/1`;
  const ntsc = Math.round(perSecond * 1.001);
  if (Math.abs((ntsc * 1000) / 1001 - perSecond) < 0.005) return `${ntsc * 1000}/1001`;
  const thousandths = Math.round(perSecond * 1000);
  const divisor = greatestCommonDivisor(thousandths, 1000);
  return `${thousandths / divisor}/${1000 / divisor}`;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
