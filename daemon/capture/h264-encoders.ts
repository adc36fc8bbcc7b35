import type { H264Profile } from '../../config/codecs.ts';
import {
  DRI,
  type EncoderDescription,
  inBits,
  inKilobits,
  JETSON,
  kilobits,
  M2M,
  NVIDIA,
  type PictureContent,
  ROCKCHIP,
} from './encoder-description.ts';

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
/** The presets leave out what makes a profile; without it the pictures would be of a lower one than asked for. */
const X264_TOOLS: Record<H264Profile, string> = {
  baseline: '',
  main: ' cabac=true',
  high: ' cabac=true dct8x8=true',
};
/** `profile` of nvv4l2h264enc. */
const JETSON_PROFILES: Record<H264Profile, number> = { baseline: 0, main: 2, high: 4 };

const caps = (profile: H264Profile): string =>
  `video/x-h264,profile=${profile === 'baseline' ? 'constrained-baseline' : profile}`;

/** H.264 level 4 (ITU-T H.264, table A-1): 1080p30, what bcm2835-codec (Raspberry Pi up to 4) keeps up with. */
const LEVEL_4 = { width: 1920, height: 1920, macroblocksPerSecond: 245_760 };
/** Of bcm2835-codec, in bit/s. */
const M2M_BITRATE_STEP = 25_000;
const M2M_BITRATES = { least: 25_000, most: 25_000_000 };

function m2mBitrate(bitrate: number): number {
  const stepped = Math.round(bitrate / M2M_BITRATE_STEP) * M2M_BITRATE_STEP;
  return Math.min(M2M_BITRATES.most, Math.max(M2M_BITRATES.least, stepped));
}

/** Best first. */
export const H264_ENCODERS = {
  // Raspberry Pi up to 4 and other V4L2 M2M codecs. Without a level in the caps it falls to 1.0 and refuses real sizes;
  // extra-controls is a structure, which cannot be set while playing.
  v4l2h264enc: {
    codec: 'h264',
    hardware: true,
    package: 'gstreamer1.0-plugins-good',
    nodes: M2M,
    limits: LEVEL_4,
    launch: ({ name, bitrate, keyFrameDistance, profile }) =>
      `videoconvert ! v4l2h264enc name=${name} extra-controls="controls,video_bitrate=${m2mBitrate(bitrate)},h264_i_frame_period=${keyFrameDistance},repeat_sequence_header=1" ! ` +
      `${caps(profile)},level=(string)4`,
  },
  mpph264enc: {
    codec: 'h264',
    hardware: true,
    nodes: ROCKCHIP,
    liveBitrate: inBits('bps'),
    launch: ({ name, bitrate, keyFrameDistance, profile }) =>
      `mpph264enc name=${name} bps=${bitrate} gop=${keyFrameDistance} rc-mode=cbr profile=${profile}`,
  },
  nvv4l2h264enc: {
    codec: 'h264',
    hardware: true,
    nodes: JETSON,
    liveBitrate: inBits('bitrate'),
    launch: ({ name, bitrate, keyFrameDistance, profile }) =>
      `nvvidconv ! video/x-raw(memory:NVMM),format=NV12 ! nvv4l2h264enc name=${name} bitrate=${bitrate} iframeinterval=${keyFrameDistance} idrinterval=${keyFrameDistance} insert-sps-pps=true profile=${JETSON_PROFILES[profile]}`,
  },
  nvh264enc: {
    codec: 'h264',
    hardware: true,
    package: 'gstreamer1.0-plugins-bad',
    nodes: NVIDIA,
    liveBitrate: inKilobits('bitrate'),
    launch: ({ name, bitrate, keyFrameDistance, profile }) =>
      `nvh264enc name=${name} bitrate=${kilobits(bitrate)} gop-size=${keyFrameDistance} bframes=0 zerolatency=true rc-mode=cbr ! ${caps(profile)}`,
  },
  vah264enc: {
    codec: 'h264',
    hardware: true,
    package: 'gstreamer1.0-plugins-bad',
    nodes: DRI,
    launch: ({ name, bitrate, keyFrameDistance, profile }) =>
      `videoconvert ! video/x-raw,format=NV12 ! vah264enc name=${name} bitrate=${kilobits(bitrate)} key-int-max=${keyFrameDistance} b-frames=0 rate-control=cbr ! ${caps(profile)}`,
  },
  vaapih264enc: {
    codec: 'h264',
    hardware: true,
    package: 'gstreamer1.0-vaapi',
    nodes: DRI,
    launch: ({ name, bitrate, keyFrameDistance, profile }) =>
      `vaapih264enc name=${name} bitrate=${kilobits(bitrate)} keyframe-period=${keyFrameDistance} max-bframes=0 rate-control=cbr ! ${caps(profile)}`,
  },
  qsvh264enc: {
    codec: 'h264',
    hardware: true,
    package: 'gstreamer1.0-plugins-bad',
    nodes: DRI,
    liveBitrate: inKilobits('bitrate'),
    launch: ({ name, bitrate, keyFrameDistance, profile }) =>
      `videoconvert ! video/x-raw,format=NV12 ! qsvh264enc name=${name} bitrate=${kilobits(bitrate)} gop-size=${keyFrameDistance} b-frames=0 low-latency=true rate-control=cbr ! ${caps(profile)}`,
  },
  x264enc: {
    codec: 'h264',
    hardware: false,
    package: 'gstreamer1.0-plugins-ugly',
    nodes: [],
    renegotiates: true,
    liveBitrate: inKilobits('bitrate'),
    launch: ({ name, bitrate, keyFrameDistance, content, profile, threads }) =>
      `x264enc name=${name} tune=zerolatency ${X264_TUNING[content]} threads=${threads} bitrate=${kilobits(bitrate)} key-int-max=${keyFrameDistance} bframes=0${X264_TOOLS[profile]} ! ${caps(profile)}`,
  },
  openh264enc: {
    codec: 'h264',
    hardware: false,
    package: 'gstreamer1.0-plugins-bad',
    nodes: [],
    renegotiates: true,
    liveBitrate: inBits('bitrate'),
    launch: ({ name, bitrate, keyFrameDistance, content, profile, threads }) =>
      `openh264enc name=${name} ${OPENH264_TUNING[content]} complexity=low multi-thread=${threads} rate-control=bitrate bitrate=${kilobits(bitrate) * 1000} gop-size=${keyFrameDistance} ! ${caps(profile)}`,
  },
} as const satisfies Record<string, EncoderDescription>;
