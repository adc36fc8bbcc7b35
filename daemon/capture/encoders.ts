/** The H.264 encoders we know how to drive, best first. */
export const H264_ENCODERS = [
  'v4l2h264enc',
  'mpph264enc',
  'nvv4l2h264enc',
  'nvh264enc',
  'vah264enc',
  'vaapih264enc',
  'qsvh264enc',
  'x264enc',
  'openh264enc',
] as const;
export type H264Encoder = (typeof H264_ENCODERS)[number];

/** What the picture is of (W3C MediaStreamTrack Content Hints, 3.2); motion also stands for "not told". */
export type PictureContent = 'motion' | 'detail' | 'text';

/** What an encoder is asked to do. */
export interface H264EncoderSettings {
  /** The element's. */
  name: string;
  /** bit/s. */
  bitrate: number;
  /** Frames from one key frame to the next at most. */
  keyFrameDistance: number;
  width: number;
  height: number;
  frameRate: number;
  content: PictureContent;
}

/** How one encoder element is driven. */
export interface H264EncoderDescription {
  readonly hardware: boolean;
  /** Device nodes of which one must be there before the element is worth asking for; none for software. */
  readonly nodes: readonly RegExp[];
  /** The `bitrate` property where it may be set while playing, and how many bit/s one unit of it is. */
  readonly liveBitrate?: { readonly property: string; readonly unit: number };
  /** From raw I420 to H.264 without B-frames, as a part of a launch string. */
  launch(settings: H264EncoderSettings): string;
}

const kilobits = (bitrate: number): number => Math.max(1, Math.round(bitrate / 1000));
const PROFILE = 'video/x-h264,profile=constrained-baseline';
const M2M = [/^video\d+$/];
const DRI = [/^dri\/renderD\d+$/];
const NVIDIA = [/^nvidia\d+$/];

/**
 * Where detail counts, fewer frames (the plan sees to that) are coded with a floor under their quality: edges stay sharp,
 * and a lively moment may cost more than the bit rate.
 */
const X264_TUNING: Record<PictureContent, string> = {
  motion: 'speed-preset=ultrafast',
  detail: 'speed-preset=superfast qp-max=32',
  text: 'speed-preset=superfast qp-max=28',
};
const OPENH264_TUNING: Record<PictureContent, string> = {
  motion: 'usage-type=camera',
  detail: 'usage-type=camera qp-max=32',
  text: 'usage-type=screen qp-max=28',
};

/** H.264 level 4.0 carries 245,760 macroblocks/s (1080p30), 4.2 the double (ITU-T H.264, table A-1). */
function level({ width, height, frameRate }: H264EncoderSettings): string {
  return Math.ceil(width / 16) * Math.ceil(height / 16) * frameRate > 245_760 ? '4.2' : '4';
}

export const ENCODERS: Record<H264Encoder, H264EncoderDescription> = {
  // Raspberry Pi up to 4 and other V4L2 M2M codecs. Without a level in the caps it falls to 1.0 and refuses real sizes;
  // extra-controls is a structure, which cannot be set while playing.
  v4l2h264enc: {
    hardware: true,
    nodes: M2M,
    launch: (settings) =>
      `videoconvert ! v4l2h264enc name=${settings.name} extra-controls="controls,video_bitrate=${kilobits(settings.bitrate) * 1000},h264_i_frame_period=${settings.keyFrameDistance},repeat_sequence_header=1" ! ` +
      `${PROFILE},level=(string)${level(settings)}`,
  },
  mpph264enc: {
    hardware: true,
    nodes: [/^mpp_service$/, /^mpp-service$/],
    launch: ({ name, bitrate, keyFrameDistance }) =>
      `mpph264enc name=${name} bps=${bitrate} gop=${keyFrameDistance} rc-mode=cbr profile=baseline`,
  },
  nvv4l2h264enc: {
    hardware: true,
    nodes: [/^nvhost-msenc$/, /^v4l2-nvenc$/],
    launch: ({ name, bitrate, keyFrameDistance }) =>
      `nvvidconv ! video/x-raw(memory:NVMM),format=NV12 ! nvv4l2h264enc name=${name} bitrate=${bitrate} iframeinterval=${keyFrameDistance} idrinterval=${keyFrameDistance} insert-sps-pps=true profile=0`,
  },
  nvh264enc: {
    hardware: true,
    nodes: NVIDIA,
    launch: ({ name, bitrate, keyFrameDistance }) =>
      `nvh264enc name=${name} bitrate=${kilobits(bitrate)} gop-size=${keyFrameDistance} bframes=0 zerolatency=true rc-mode=cbr ! ${PROFILE}`,
  },
  vah264enc: {
    hardware: true,
    nodes: DRI,
    launch: ({ name, bitrate, keyFrameDistance }) =>
      `videoconvert ! video/x-raw,format=NV12 ! vah264enc name=${name} bitrate=${kilobits(bitrate)} key-int-max=${keyFrameDistance} b-frames=0 rate-control=cbr ! ${PROFILE}`,
  },
  vaapih264enc: {
    hardware: true,
    nodes: DRI,
    launch: ({ name, bitrate, keyFrameDistance }) =>
      `vaapih264enc name=${name} bitrate=${kilobits(bitrate)} keyframe-period=${keyFrameDistance} max-bframes=0 rate-control=cbr ! ${PROFILE}`,
  },
  qsvh264enc: {
    hardware: true,
    nodes: DRI,
    launch: ({ name, bitrate, keyFrameDistance }) =>
      `videoconvert ! video/x-raw,format=NV12 ! qsvh264enc name=${name} bitrate=${kilobits(bitrate)} gop-size=${keyFrameDistance} b-frames=0 low-latency=true rate-control=cbr ! ${PROFILE}`,
  },
  x264enc: {
    hardware: false,
    nodes: [],
    liveBitrate: { property: 'bitrate', unit: 1000 },
    launch: ({ name, bitrate, keyFrameDistance, content }) =>
      `x264enc name=${name} tune=zerolatency ${X264_TUNING[content]} bitrate=${kilobits(bitrate)} key-int-max=${keyFrameDistance} bframes=0 ! ${PROFILE}`,
  },
  openh264enc: {
    hardware: false,
    nodes: [],
    liveBitrate: { property: 'bitrate', unit: 1 },
    launch: ({ name, bitrate, keyFrameDistance, content }) =>
      `openh264enc name=${name} ${OPENH264_TUNING[content]} complexity=low rate-control=bitrate bitrate=${kilobits(bitrate) * 1000} gop-size=${keyFrameDistance} ! ${PROFILE}`,
  },
};

/** Where a source gets its encoder from. */
export interface EncoderChoice {
  /** The encoder of this machine. @throws CaptureError `not-installed`. */
  choose(): Promise<H264Encoder>;
  /** The pipeline with it was refused. */
  distrust(): void;
  /** It failed while it ran, or had no room for one more: another one takes its place for a while. */
  failed(encoder: H264Encoder, reason: string): void;
}
