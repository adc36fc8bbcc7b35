import type { Orientation } from '../../config/settings.ts';
import type { PictureAdjustments } from '../media/track-source.ts';
import { H264, OPUS } from '../rtp/codec.ts';
import { NTP_UNIX_SECONDS } from '../rtp/packet.ts';
import { CaptureError } from './capture-error.ts';
import type { CaptureMode, VideoWish } from './capture-mode.ts';
import { ENCODERS, type H264Encoder, type PictureContent } from './encoders.ts';

/** The descriptor of a worker on which the media of its first track leaves (`lib/child.ts`: the first pipe of a module). */
const MEDIA_DESCRIPTOR = 4;

/** What a test picture can show. */
export type TestPattern = 'smpte75' | 'ball' | 'snow' | 'black';

export type VideoInput =
  | { readonly type: 'test'; readonly pattern: TestPattern; readonly wish: VideoWish; readonly clock: boolean }
  | { readonly type: 'v4l2'; readonly path: string; readonly mode: CaptureMode }
  | { readonly type: 'rtsp'; readonly rtsp: RtspInput; readonly mode: CaptureMode }
  | { readonly type: 'rtp'; readonly mode: CaptureMode; readonly wallClock: number }
  | { readonly type: 'push'; readonly mode: CaptureMode };

interface Branch {
  /** Whether media flows into it from the beginning. */
  readonly open: boolean;
  /** False: black, silence. */
  readonly enabled: boolean;
  /** bit/s. */
  readonly bitrate: number;
}

/** One encoded track of a picture. */
export interface VideoBranch extends Branch {
  /** What is encoded, in pixels and frames per second; never more frames than the input gives. */
  readonly output: VideoWish;
  /** Seconds between key frames that nobody asked for. */
  readonly keyFrameInterval: number;
  readonly content: PictureContent;
  readonly adjustments: PictureAdjustments;
}

export interface VideoPipeline {
  readonly kind: 'video';
  readonly input: VideoInput;
  readonly encoder: H264Encoder;
  readonly branches: readonly VideoBranch[];
}

export type AudioInput =
  | { readonly type: 'test'; readonly silent: boolean }
  | { readonly type: 'rtsp'; readonly rtsp: RtspInput }
  | { readonly type: 'alsa'; readonly path: string };

/** What the sound is (W3C MediaStreamTrack Content Hints, 3.1). */
export type SoundContent = 'generic' | 'voice';

/** One encoded track of a sound. */
export interface AudioBranch extends Branch {
  /** 1 or 2. */
  readonly channelCount: number;
  readonly content: SoundContent;
  /** dB. */
  readonly gain: number;
}

export interface AudioPipeline {
  readonly kind: 'audio';
  readonly input: AudioInput;
  readonly branches: readonly AudioBranch[];
}

export type PipelineDescription = VideoPipeline | AudioPipeline;

/**
 * The launch string (gst-launch syntax) of a capture pipeline: one source, a branch with an encoder for each track.
 * Nothing of it comes from outside but bounded numbers, words of closed lists and one device path of a narrow alphabet.
 *
 * Named elements: `source`; `probe` counts what the device delivers; `intake` is a valve before all work. For each
 * branch, by its number: `gate0` (a valve), `overlay0` (a clockoverlay) where it has one, `light0` (a videobalance) or
 * `loudness0` (a volume), `encoder0`, `pay0`.
 * In pictures `shutter` and `grabber` (valves) with `photo` and `still` (appsinks: JPEG, RGBA), `jpegs` (a valve) before
 * the descriptor that all JPEGs leave on, `compressed` (a tee) where the camera makes those, and `clock` where there is one; in sounds `lid` (a valve) with `ear` (an appsink: 16-bit samples).
 * @throws CaptureError `invalid-value`.
 */
export function launchString(pipeline: PipelineDescription): string {
  return pipeline.kind === 'video' ? videoLaunch(pipeline) : audioLaunch(pipeline);
}

// A stalled reader costs whole frames before the encoder, so that what was encoded stays decodable.
const FRAME_QUEUE = 'queue leaky=downstream max-size-buffers=2 max-size-bytes=0 max-size-time=0';
const SOUND_QUEUE = 'queue leaky=downstream max-size-time=200000000 max-size-bytes=0 max-size-buffers=0';
// Rides over a reader that is busy for a moment.
const PACKET_QUEUE = 'queue max-size-time=1000000000 max-size-buffers=0 max-size-bytes=0';
// Hardware decoders give frames in memory of their own, which the elements behind do not know.
const DECODER = 'decodebin force-sw-decoders=true';
const PHOTO =
  'frames. ! valve name=shutter drop=true drop-mode=transform-to-gap ! queue leaky=downstream max-size-buffers=1 ! ' +
  'jpegenc quality=85 ! appsink name=photo max-buffers=1 drop=true sync=false async=false';
const STILL =
  'frames. ! valve name=grabber drop=true drop-mode=transform-to-gap ! videoconvert ! video/x-raw,format=RGBA ! ' +
  'appsink name=still max-buffers=1 drop=true sync=false async=false';
const EAR =
  'frames. ! valve name=lid drop=true drop-mode=transform-to-gap ! audioconvert ! audio/x-raw,format=S16LE ! ' +
  'appsink name=ear max-buffers=8 drop=true sync=false async=false';
/** Every picture as a JPEG, for all who look: a reader that is busy costs whole pictures. */
const JPEGS = 'valve name=jpegs drop=true ! queue leaky=downstream max-size-buffers=1 max-size-bytes=0 max-size-time=0';
/** In a corner, out of the way of the picture. */
const OVERLAY = 'halignment=left valignment=bottom shaded-background=true font-desc="Sans 14"';
/** The element's own property for it, `method`, does nothing in GStreamer 1.22. */
const DIRECTIONS: Readonly<Record<Orientation, string>> = {
  none: 'identity',
  clockwise: '90r',
  'rotate-180': '180',
  counterclockwise: '90l',
  'horizontal-flip': 'horiz',
  'vertical-flip': 'vert',
  'upper-left-diagonal': 'ul-lr',
  'upper-right-diagonal': 'ur-ll',
};
/** What a disabled track shows. */
const BLACK = ' contrast=0 saturation=0';

const intake = (branches: readonly Branch[]): string =>
  `identity name=probe silent=true ! valve name=intake drop=${!branches.some(({ open }) => open)}`;
const gate = ({ open }: Branch, index: number): string => `frames. ! valve name=gate${index} drop=${!open}`;

/** @param stamp properties of rtponviftimestamp. */
export const packetTail = (index: number, stamp = ''): string =>
  `rtponviftimestamp${stamp} ! rtpstreampay ! fdsink fd=${MEDIA_DESCRIPTOR + index} sync=false async=false`;

function videoLaunch({ input, encoder, branches }: VideoPipeline): string {
  const source = input.type === 'test' ? testPicture(input, branches) : camera(input, branches);
  const captured = input.type === 'test' ? input.wish : input.mode;
  // Times of coming frames count from an instant that is told, not from the beginning of this pipeline.
  const stamp = input.type === 'rtp' ? ` ntp-offset=${ntpNanoseconds(input.wallClock)}` : '';
  const encoded = branches.map((branch, index) =>
    [videoBranch(branch, index, captured, encoder), PACKET_QUEUE, packetTail(index, stamp)].join(' ! '),
  );
  const reads = input.type === 'push' || input.type === 'rtp';
  const jpegs =
    `${isJpeg(input) ? `compressed. ! ${JPEGS}` : `frames. ! ${JPEGS} ! jpegenc quality=80`} ! ` +
    `gdppay ! fdsink fd=${MEDIA_DESCRIPTOR + branches.length + (reads ? 1 : 0)} sync=false async=false`;
  return [`${source} ! tee name=frames allow-not-linked=true`, ...encoded, PHOTO, STILL, jpegs].join(' ');
}

const isJpeg = (input: VideoInput): boolean => input.type !== 'test' && input.mode.media.type === 'jpeg';

function videoBranch(
  branch: VideoBranch,
  index: number,
  captured: CaptureMode | VideoWish,
  encoder: H264Encoder,
): string {
  const { output, bitrate, keyFrameInterval, content, enabled, adjustments } = branch;
  const settings = {
    name: `encoder${index}`,
    bitrate: bounded('bitrate', bitrate, 10_000, 100_000_000),
    keyFrameDistance: bounded(
      'keyFrameInterval',
      Math.max(1, Math.round(keyFrameInterval * output.frameRate)),
      1,
      36_000,
    ),
    width: bounded('width', output.width, 16, 8192),
    height: bounded('height', output.height, 16, 8192),
    frameRate: output.frameRate,
    content,
  };
  const adapt: string[] = [];
  if (captured.frameRate !== undefined && output.frameRate < captured.frameRate)
    adapt.push(`videorate drop-only=true ! video/x-raw,framerate=${rate(output.frameRate)}`);
  const { orientation, overlay } = adjustments;
  // The size before it is turned.
  const { width, height } = isTransposed(orientation) ? { width: output.height, height: output.width } : output;
  const crop = cropOf(captured, adjustments.crop, { width, height });
  if (crop !== '') adapt.push(`videocrop ${crop}`);
  if (captured.width !== width || captured.height !== height)
    adapt.push(`videoscale ! video/x-raw,width=${width},height=${height},pixel-aspect-ratio=1/1`);
  if (orientation !== 'none') adapt.push(`videoflip video-direction=${DIRECTIONS[orientation]}`);
  if (overlay !== '') adapt.push(`clockoverlay name=overlay${index} ${OVERLAY}`);
  // The parser repeats the parameter sets, not the payloader: that one puts them before every slice of a key frame.
  return [
    gate(branch, index),
    FRAME_QUEUE,
    ...adapt,
    `videobalance name=light${index}${enabled ? '' : BLACK}`,
    ENCODERS[encoder].launch(settings),
    'h264parse config-interval=-1',
    `rtph264pay name=pay${index} pt=${H264.payloadType} mtu=1200 config-interval=0 aggregate-mode=zero-latency timestamp-offset=0`,
  ].join(' ! ');
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/** Whether width and height change places. */
export function isTransposed(orientation: Orientation): boolean {
  return !['none', 'rotate-180', 'horizontal-flip', 'vertical-flip'].includes(orientation);
}

/**
 * What to take off a picture: what is asked for in percent, and then, at opposite edges alike, what makes the shape of
 * another; even numbers, as 4:2:0 has it.
 */
function cropOf(from: Size, percent: PictureAdjustments['crop'], to: Size): string {
  const cut = (whole: number, part: number): number => 2 * Math.round((whole * part) / 200);
  const [top, right] = [cut(from.height, percent.top), cut(from.width, percent.right)];
  const [bottom, left] = [cut(from.height, percent.bottom), cut(from.width, percent.left)];
  const rest = { width: from.width - left - right, height: from.height - top - bottom };
  const edge = (whole: number, part: number): number => 2 * Math.round((whole - part) / 4);
  const x = edge(rest.width, Math.min(rest.width, (rest.height * to.width) / to.height));
  const y = edge(rest.height, Math.min(rest.height, (rest.width * to.height) / to.width));
  return Object.entries({ left: left + x, right: right + x, top: top + y, bottom: bottom + y })
    .filter(([, pixels]) => pixels > 0)
    .map(([side, pixels]) => `${side}=${pixels}`)
    .join(' ');
}

function testPicture(
  { pattern, wish, clock }: Extract<VideoInput, { type: 'test' }>,
  branches: readonly VideoBranch[],
): string {
  const width = bounded('width', wish.width, 16, 8192);
  const height = bounded('height', wish.height, 16, 8192);
  const caps = `video/x-raw,format=I420,width=${width},height=${height},framerate=${rate(wish.frameRate)}`;
  // On black, which stands for a device, the words are all there is: they need no shade and no size to be seen.
  const style = pattern === 'black' ? 'font-desc="Sans 18"' : 'shaded-background=true font-desc="Sans Bold 32"';
  const overlay = ` ! clockoverlay name=clock halignment=center valignment=center ${style} time-format="%F %T"`;
  return `videotestsrc name=source is-live=true pattern=${pattern} ! ${caps} ! ${intake(branches)}${clock ? overlay : ''}`;
}

function camera(input: Exclude<VideoInput, { type: 'test' }>, branches: readonly VideoBranch[]): string {
  const { media } = input.mode;
  const source = cameraSource(input, branches.length);
  const convert = 'videoconvert ! video/x-raw,format=I420';
  // A decoder that misses frames shows what never was: the valve is behind it.
  if (media.type === 'video') return `${source} ! ${DECODER} ! ${intake(branches)} ! ${convert}`;
  if (media.type === 'raw') return `${source} ! ${intake(branches)} ! ${convert}`;
  const [probe, valve] = intake(branches).split(' ! ');
  return `${source} ! ${probe} ! tee name=compressed ! ${valve} ! ${FRAME_QUEUE} ! jpegdec ! ${convert}`;
}

function cameraSource(input: Exclude<VideoInput, { type: 'test' }>, branches: number): string {
  switch (input.type) {
    case 'push': {
      const caps = `${sizedCaps(input.mode)},framerate=${rate(input.mode.frameRate ?? 30)}`;
      return `appsrc name=source is-live=true do-timestamp=true format=time max-buffers=2 leaky-type=downstream caps="${caps}"`;
    }
    case 'v4l2':
      return v4l2Source(input.path, input.mode);
    case 'rtsp':
      return rtspSource('video', input.rtsp);
    case 'rtp':
      return `fdsrc name=source fd=${MEDIA_DESCRIPTOR + branches} blocksize=65536 ! gdpdepay ! rtph264depay`;
  }
}

/** A camera of this machine in one of its modes. */
export function v4l2Source(path: string, mode: CaptureMode): string {
  const { frameRate } = mode;
  // Drivers write 30 frames per second as 333333/10000000 s and the like: a narrow range meets them all.
  const rates = frameRate === undefined ? '' : `,framerate=[${rate(frameRate * 0.99)},${rate(frameRate * 1.01)}]`;
  return `v4l2src name=source device=${devicePath(path)} ! ${sizedCaps(mode)}${rates}`;
}

function sizedCaps({ media, ...mode }: CaptureMode): string {
  const width = bounded('width', mode.width, 1, 8192);
  const height = bounded('height', mode.height, 1, 8192);
  const type = { raw: 'video/x-raw', jpeg: 'image/jpeg', video: 'video/x-' }[media.type];
  const format = media.type === 'raw' ? `,format=${media.format}` : media.type === 'video' ? media.format : '';
  return `${type}${format},width=${width},height=${height}`;
}

/** The encodings of network sources that we take in, by their names in SDP, and what unpacks them. */
const DEPAYLOADERS = {
  // After a loss it says nothing before the next key frame: what goes out as it is shows no damage.
  H264: 'rtph264depay wait-for-keyframe=true',
  H265: 'rtph265depay',
  JPEG: 'rtpjpegdepay',
  OPUS: 'rtpopusdepay',
  'MPEG4-GENERIC': 'rtpmp4gdepay',
  'MP4A-LATM': 'rtpmp4adepay',
  PCMU: 'rtppcmudepay',
  PCMA: 'rtppcmadepay',
  G722: 'rtpg722depay',
} as const;
export type RtspEncoding = keyof typeof DEPAYLOADERS;
export const isRtspEncoding = (name: string): name is RtspEncoding => Object.hasOwn(DEPAYLOADERS, name);

/** How a network source is received; its address and credentials are no part of the launch string. */
export interface RtspInput {
  readonly encoding: RtspEncoding;
  readonly transport: 'tcp' | 'udp';
  /** How long a packet that is missing is waited for, in milliseconds. */
  readonly latency: number;
  /** Without an answer for so long it counts as gone, in milliseconds. */
  readonly timeout: number;
  /** Whether any certificate is believed. */
  readonly insecure: boolean;
}

/** One of the streams of a network source, out of its packets. */
export function rtspSource(kind: 'video' | 'audio', input: RtspInput): string {
  const { encoding, transport, latency, timeout, insecure } = input;
  const microseconds = bounded('timeout', timeout, 100, 600_000) * 1000;
  return (
    `rtspsrc name=source protocols=${transport} latency=${bounded('latency', latency, 0, 60_000)} buffer-mode=slave ` +
    `timeout=${microseconds} tcp-timeout=${microseconds}${insecure ? ' tls-validation-flags=0' : ''} ! ` +
    `application/x-rtp,media=${kind},encoding-name=${encoding} ! ${DEPAYLOADERS[encoding]}`
  );
}

function audioLaunch({ input, branches }: AudioPipeline): string {
  const encoded = branches.map((branch, index) => {
    const channels = bounded('channelCount', branch.channelCount, 1, 2);
    const bitrate = bounded('bitrate', branch.bitrate, 6000, 510_000);
    return [
      gate(branch, index),
      SOUND_QUEUE,
      `audioconvert ! audioresample ! audio/x-raw,rate=48000,channels=${channels}`,
      ...(branch.gain === 0 ? [] : [`volume volume=${amplification(branch.gain)}`]),
      `volume name=loudness${index} volume=${branch.enabled ? 1 : 0}`,
      `opusenc name=encoder${index} audio-type=${branch.content} bitrate=${bitrate} frame-size=20`,
      `rtpopuspay name=pay${index} pt=${OPUS.payloadType} timestamp-offset=0`,
      PACKET_QUEUE,
      packetTail(index),
    ].join(' ! ');
  });
  return [`${soundSource(input)} ! ${intake(branches)} ! tee name=frames allow-not-linked=true`, ...encoded, EAR].join(
    ' ',
  );
}

/** The factor of a gain in dB; `volume` takes up to 10. @throws CaptureError `invalid-value`. */
function amplification(decibels: number): number {
  if (!(decibels >= -60 && decibels <= 20))
    throw new CaptureError('invalid-value', `gain is ${decibels}; allowed is -60 to 20 dB`);
  return Number((10 ** (decibels / 20)).toFixed(4));
}

function soundSource(input: AudioInput): string {
  switch (input.type) {
    case 'test':
      return `audiotestsrc name=source is-live=true ${input.silent ? 'wave=silence' : 'wave=sine freq=440 volume=0.2'} samplesperbuffer=960`;
    case 'rtsp':
      return `${rtspSource('audio', input.rtsp)} ! ${DECODER}`;
    case 'alsa':
      // The system's clock, which the picture's pipeline runs on too: the sound card's own must not become the pipeline's.
      return `alsasrc name=source device=${devicePath(input.path)} provide-clock=false slave-method=skew buffer-time=200000 latency-time=10000`;
  }
}

/** Unix milliseconds as rtponviftimestamp has them. */
const ntpNanoseconds = (wallClock: number): bigint =>
  (BigInt(Math.round(wallClock * 1000)) + BigInt(NTP_UNIX_SECONDS) * 1_000_000n) * 1000n;

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
