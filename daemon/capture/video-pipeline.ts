import type { H264Profile } from '../../config/codecs.ts';
import type { Orientation } from '../../config/settings.ts';
import type { PictureAdjustments } from '../media/track-source.ts';
import { type CaptureMode, codedFormat, type VideoWish } from './capture-mode.ts';
import { libcameraSource, type RtspInput, rtspSource, sizedCaps, v4l2Source } from './device-sources.ts';
import { type PictureContent, threadsFor } from './encoder-description.ts';
import { ENCODERS, type VideoEncoder } from './encoders.ts';
import {
  type Branch,
  bounded,
  branchCounters,
  countedQueue,
  DECODER,
  dropCounters,
  gate,
  intake,
  MEDIA_DESCRIPTOR,
  PACKET_QUEUE,
  PROBE,
  PROBED,
  packetTail,
  rate,
  receivedPackets,
  stampFrom,
} from './launch-parts.ts';
import { PART_BOUNDARY } from './multipart-splitter.ts';
import { payloader } from './payloaders.ts';

/** What a test picture can show. */
export type TestPattern = 'smpte75' | 'ball' | 'snow' | 'black';
/** `stamped`: the worker makes it, with the time of its making in it. */
export type TestPicture = TestPattern | 'stamped';

export type VideoInput =
  | { readonly type: 'test'; readonly pattern: TestPicture; readonly wish: VideoWish; readonly clock: boolean }
  | { readonly type: 'v4l2'; readonly path: string; readonly mode: CaptureMode }
  | {
      readonly type: 'libcamera';
      readonly id: string;
      readonly mode: CaptureMode;
      readonly properties: Readonly<Record<string, number>>;
    }
  | { readonly type: 'rtsp'; readonly rtsp: RtspInput; readonly mode: CaptureMode }
  | { readonly type: 'rtp'; readonly mode: CaptureMode; readonly wallClock: number }
  | { readonly type: 'push'; readonly mode: CaptureMode };

/** One encoded track of a picture. */
export interface VideoBranch extends Branch {
  readonly encoder: VideoEncoder;
  /** Of H.264. */
  readonly profile: H264Profile;
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
  readonly branches: readonly VideoBranch[];
  /** Of the machine. */
  readonly processors: number;
  /** What can be changed while it runs is left out: the same for pipelines of which one can become the other. */
  readonly untuned?: true;
}

// A stalled reader costs whole frames before the encoder, so that what was encoded stays decodable.
const FRAME_QUEUE = 'queue leaky=downstream max-size-buffers=2 max-size-bytes=0 max-size-time=0';
/** Frames from the entry of that queue to the beginning of the work behind it. */
export const FRAME_QUEUE_ROOM = 3;
const PHOTO =
  'frames. ! valve name=shutter drop=true drop-mode=transform-to-gap ! queue leaky=downstream max-size-buffers=1 ! ' +
  'jpegenc quality=85 ! appsink name=photo max-buffers=1 drop=true sync=false async=false';
const STILL =
  'frames. ! valve name=grabber drop=true drop-mode=transform-to-gap ! videoconvert ! video/x-raw,format=RGBA ! ' +
  'appsink name=still max-buffers=1 drop=true sync=false async=false';
/** Every picture as a JPEG, for all who look: a reader that is busy costs whole pictures. */
const JPEGS =
  'valve name=jpegs drop=true drop-mode=forward-sticky-events ! ' +
  'queue leaky=downstream max-size-buffers=1 max-size-bytes=0 max-size-time=0';
/** Each with its length before it; `gdppay` (1.22), which writes that too, crashes when it is told the same caps twice. */
const FRAMED = `multipartmux boundary=${PART_BOUNDARY}`;
/**
 * Where nobody asks for key frames the worker does, in the interval of the branch; the encoder's own come at the latest
 * after so many seconds.
 */
export const KEY_FRAME_BACKSTOP = 10;
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

export function videoLaunch({ input, branches, processors, untuned }: VideoPipeline): string {
  const source = input.type === 'test' ? testPicture(input, branches) : camera(input, branches);
  const captured = input.type === 'test' ? input.wish : input.mode;
  const stamp = input.type === 'rtp' ? stampFrom(input.wallClock) : '';
  const encoded = branches.map((branch, index) =>
    [
      videoBranch(branch, index, captured, untuned ? undefined : processors),
      PACKET_QUEUE,
      packetTail(index, stamp),
    ].join(' ! '),
  );
  const reads = input.type === 'push' || input.type === 'rtp';
  const jpegs =
    `${isJpeg(input) ? `compressed. ! ${JPEGS}` : `frames. ! ${JPEGS} ! jpegenc quality=80`} ! ` +
    `${FRAMED} ! fdsink fd=${MEDIA_DESCRIPTOR + branches.length + (reads ? 1 : 0)} sync=false async=false`;
  const queues = [...(input.type === 'libcamera' ? ['arrive'] : []), ...(isJpeg(input) ? ['convert'] : [])];
  const counters = [PROBE, ...queues.map(dropCounters), ...branchCounters(branches)];
  return [`${source} ! tee name=frames allow-not-linked=true`, ...encoded, PHOTO, STILL, jpegs, ...counters].join(' ');
}

const isJpeg = (input: VideoInput): boolean => input.type !== 'test' && input.mode.media.type === 'jpeg';

/** @param processors undefined: what can be changed while it runs is left out. */
function videoBranch(
  branch: VideoBranch,
  index: number,
  captured: CaptureMode | VideoWish,
  processors: number | undefined,
): string {
  const { output, encoder, profile, bitrate, keyFrameInterval, content, enabled, adjustments } = branch;
  const { codec, renegotiates = false, liveBitrate, launch } = ENCODERS[encoder];
  const untuned = processors === undefined;
  const seconds = Math.max(keyFrameInterval, KEY_FRAME_BACKSTOP);
  const distance = Math.round(seconds * (captured.frameRate ?? output.frameRate));
  const settings = {
    name: `encoder${index}`,
    bitrate: bounded('bitrate', untuned && liveBitrate ? 1_000_000 : bitrate, 10_000, 100_000_000),
    keyFrameDistance: bounded('keyFrameInterval', distance, 1, 36_000),
    ...(untuned && renegotiates ? UNTUNED_PICTURE : output),
    profile,
    content,
    threads: untuned ? 1 : threadsFor(output, processors),
  };
  bounded('width', output.width, 16, 8192);
  bounded('height', output.height, 16, 8192);
  const { orientation, overlay } = adjustments;
  const crop = cropOf(captured, adjustments.crop, beforeTurn(branch));
  const shape = shapeOf(branch, captured);
  const adapt = renegotiates
    ? [
        `videorate name=rate${index} drop-only=true skip-to-first=true average-period=${untuned || shape.reduces ? 0 : 1}`,
        ...(crop === '' ? [] : [`videocrop ${crop}`]),
        `videoscale ! capsfilter name=shape${index} caps="${untuned ? 'video/x-raw' : shape.caps}"`,
      ]
    : [
        ...(shape.reduces ? ['videorate drop-only=true skip-to-first=true'] : []),
        ...(crop === '' ? [] : [`videocrop ${crop}`]),
        ...(shape.scales ? ['videoscale'] : []),
        ...(shape.scales || shape.reduces ? [shape.caps] : []),
      ];
  if (orientation !== 'none') adapt.push(`videoflip video-direction=${DIRECTIONS[orientation]}`);
  if (overlay !== '') adapt.push(`clockoverlay name=overlay${index} ${OVERLAY}`);
  return [
    gate(branch, index),
    countedQueue(`encode${index}`, FRAME_QUEUE),
    ...adapt,
    `videobalance name=light${index}${enabled ? '' : BLACK}`,
    launch(settings),
    payloader(codec, index),
  ].join(' ! ');
}

const UNTUNED_PICTURE = { width: 640, height: 480, frameRate: 30 };

/** What is made of the captured picture for a branch, before it is turned. */
export interface BranchShape {
  readonly caps: string;
  /** Frames are left out. */
  readonly reduces: boolean;
  readonly scales: boolean;
}

export function shapeOf(branch: VideoBranch, captured: CaptureMode | VideoWish): BranchShape {
  const { width, height } = beforeTurn(branch);
  const { frameRate } = branch.output;
  const reduces = captured.frameRate !== undefined && frameRate < captured.frameRate;
  const caps = `video/x-raw,width=${width},height=${height},pixel-aspect-ratio=1/1${reduces ? `,framerate=${rate(frameRate)}` : ''}`;
  return { caps, reduces, scales: captured.width !== width || captured.height !== height };
}

function beforeTurn({ output, adjustments }: VideoBranch): Size {
  const { width, height } = output;
  return isTransposed(adjustments.orientation) ? { width: height, height: width } : { width, height };
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
  if (pattern === 'stamped') return `${pushedSource(caps)} ! ${PROBED} ! ${intake(branches)}`;
  // On black, which stands for a device, the words are all there is: they need no shade and no size to be seen.
  const style = pattern === 'black' ? 'font-desc="Sans 18"' : 'shaded-background=true font-desc="Sans Bold 32"';
  const overlay = ` ! clockoverlay name=clock halignment=center valignment=center ${style} time-format="%F %T"`;
  return `videotestsrc name=source is-live=true pattern=${pattern} ! ${caps} ! ${PROBED} ! ${intake(branches)}${clock ? overlay : ''}`;
}

/** Pictures that JavaScript hands over: their time is when it does. */
const pushedSource = (caps: string): string =>
  `appsrc name=source is-live=true do-timestamp=true format=time max-buffers=2 leaky-type=downstream caps="${caps}"`;

function camera(input: Exclude<VideoInput, { type: 'test' }>, branches: readonly VideoBranch[]): string {
  const { media } = input.mode;
  const source = cameraSource(input, branches.length);
  const convert = 'videoconvert ! video/x-raw,format=I420';
  // A decoder that misses frames shows what never was: the valve is behind it.
  const valve = intake(branches);
  if (media.type === 'video') return `${source} ! ${DECODER} ! ${PROBED} ! ${valve} ! ${convert}`;
  if (media.type === 'raw') return `${source} ! ${PROBED} ! ${valve} ! ${convert}`;
  const queue = countedQueue('convert', FRAME_QUEUE);
  return `${source} ! ${PROBED} ! tee name=compressed ! ${valve} ! ${queue} ! jpegdec ! ${convert}`;
}

function cameraSource(input: Exclude<VideoInput, { type: 'test' }>, branches: number): string {
  switch (input.type) {
    case 'push':
      return pushedSource(`${sizedCaps(input.mode)},framerate=${rate(input.mode.frameRate ?? 30)}`);
    case 'v4l2':
      return v4l2Source(input.path, input.mode);
    case 'libcamera':
      // It has few buffers: what is behind must not hold them.
      return `${libcameraSource(input.id, input.mode, input.properties)} ! ${countedQueue('arrive', FRAME_QUEUE)}`;
    case 'rtsp':
      return rtspSource('video', input.rtsp, { decoded: true });
    case 'rtp':
      return `${receivedPackets(branches)} ! rtp${codedFormat(input.mode)}depay`;
  }
}
