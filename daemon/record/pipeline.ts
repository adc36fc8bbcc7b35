import { findAacEncoder } from '../convert/aac-encoder.ts';
import { rtpInputArguments } from '../convert/rtp-input.ts';
import { asAac, asOpus } from '../convert/sound.ts';
import type { RtpCodec } from '../rtp/codec.ts';
import { type AudioCodec, findH264Decoder, type RecordingFormat, type VideoCodec } from './recording-format.ts';

/** A track as the pipeline needs to know it. */
export interface RecordedMedia {
  readonly codec: RtpCodec;
  /** Of pictures, in pixels: what is encoded again keeps this size when the source's changes. */
  readonly size?: { readonly width: number; readonly height: number } | undefined;
}

export interface PipelineOptions {
  readonly format: RecordingFormat;
  readonly media: readonly RecordedMedia[];
  /** Of all tracks of the kind together, bit/s. */
  readonly videoBitsPerSecond: number;
  readonly audioBitsPerSecond: number;
  /** The longest distance of key frames in frames, where pictures are encoded again. */
  readonly keyFrameDistance: number;
  /** Of a fragment or cluster, in milliseconds. */
  readonly fragmentDuration: number;
}

/** Sound waits for the picture here while a camera is away: a quarter of an hour of it. */
const LONG_QUEUE = ['queue', 'max-size-buffers=0', 'max-size-time=0', 'max-size-bytes=16777216'];

/** Muxers of Matroska take no other caps in the middle, though fewer frames, as slates have them, are nothing to them. */
const anyFrameRate = (type: string): string[] => ['capssetter', `caps=${type},framerate=0/1`];
const VP_ARGUMENTS = ['deadline=1', 'cpu-used=8', 'end-usage=cbr', 'lag-in-frames=0'];
const LEAST_VIDEO_RATE = 20_000;
/** bit/s. */
const RATES = { mp4a: { least: 16_000, most: 320_000 }, opus: { least: 6000, most: 510_000 } };

/** Muxers by what they write, with the arguments that make them write it in pieces to a pipe. */
function muxer({ format, fragmentDuration }: PipelineOptions): string[] {
  const nanoseconds = Math.round(fragmentDuration * 1_000_000);
  switch (format.container) {
    case 'mp4':
      return ['mp4mux', `fragment-duration=${Math.round(fragmentDuration)}`, 'streamable=true'];
    case 'webm':
    case 'x-matroska': {
      const element = format.container === 'webm' ? 'webmmux' : 'matroskamux';
      const clusters = [`min-cluster-duration=${Math.round(nanoseconds / 2)}`, `max-cluster-duration=${nanoseconds}`];
      return [element, 'streamable=true', ...clusters];
    }
    case 'ogg':
      return ['oggmux', `max-delay=${nanoseconds}`, `max-page-delay=${nanoseconds}`];
    default:
      return format.container satisfies never;
  }
}

function video(
  { container }: RecordingFormat,
  codec: VideoCodec,
  { size }: RecordedMedia,
  rate: number,
  keyFrameDistance: number,
): string[] {
  if (codec === 'avc1') {
    const parse = ['h264parse', 'config-interval=-1', '!'];
    // Parameter sets stay in the stream: a change of the picture's size is played though the header is written.
    if (container !== 'x-matroska') return [...parse, 'video/x-h264,stream-format=avc,alignment=au'];
    // They are in the stream alone: other ones would be other caps.
    return [...parse, 'video/x-h264,stream-format=avc3,alignment=au', '!', ...anyFrameRate('video/x-h264')];
  }
  const decoder = findH264Decoder();
  if (decoder === undefined) throw new TypeError('encoding again needs a decoder of H.264');
  const scale = ['videoscale', 'add-borders=true', '!'];
  if (size !== undefined)
    scale.push(`video/x-raw,width=${size.width},height=${size.height},pixel-aspect-ratio=1/1`, '!');
  scale.push(...anyFrameRate('video/x-raw'), '!');
  const encoder = [`${codec}enc`, ...VP_ARGUMENTS, 'threads=2', `target-bitrate=${Math.max(rate, LEAST_VIDEO_RATE)}`];
  return [
    'h264parse',
    '!',
    decoder,
    '!',
    'videoconvert',
    '!',
    ...scale,
    ...encoder,
    `keyframe-max-dist=${keyFrameDistance}`,
  ];
}

function audio(codec: AudioCodec, { codec: recorded }: RecordedMedia, wanted: number): string[] {
  const { least, most } = RATES[codec];
  const rate = Math.min(Math.max(wanted, least), most);
  if (codec === 'opus') return asOpus(recorded, rate);
  const encoder = findAacEncoder();
  if (encoder === undefined) throw new TypeError('AAC needs an encoder');
  return asAac(recorded, encoder, rate);
}

/** `gst-launch-1.0` arguments: RTP with its capture times in, from descriptor 3 on; the container out on the one after. */
export function recorderArguments(options: PipelineOptions): string[] {
  const { format, media } = options;
  const count = (kind: RtpCodec['kind']): number => media.filter(({ codec }) => codec.kind === kind).length;
  const launch = ['-q', ...muxer(options), 'name=mux', '!', 'fdsink', `fd=${3 + media.length}`, 'sync=false'];
  const pads = { video: 0, audio: 0 };
  media.forEach((each, index) => {
    const { kind } = each.codec;
    launch.push(...rtpInputArguments(3 + index, each.codec), '!');
    if (kind === 'video' && format.video !== undefined) {
      const rate = Math.round(options.videoBitsPerSecond / count('video'));
      launch.push(...video(format, format.video, each, rate, options.keyFrameDistance), '!', 'queue', '!');
    } else if (kind === 'audio' && format.audio !== undefined) {
      const rate = Math.round(options.audioBitsPerSecond / count('audio'));
      launch.push(...audio(format.audio, each, rate), '!', ...LONG_QUEUE, '!');
    } else throw new TypeError(`the format has no ${kind}`);
    launch.push(format.container === 'ogg' ? 'mux.' : `mux.${kind}_${pads[kind]++}`);
  });
  return launch;
}
