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

const CAPS = 'video/x-h265,profile=main';

/** As for x264: a floor under the quality where detail counts. */
const X265_TUNING: Record<PictureContent, string> = { motion: '', detail: ':qpmax=34', text: ':qpmax=30' };

/** Best first. */
export const H265_ENCODERS = {
  v4l2h265enc: {
    codec: 'h265',
    hardware: true,
    package: 'gstreamer1.0-plugins-good',
    nodes: M2M,
    launch: ({ name, bitrate, keyFrameDistance }) =>
      `videoconvert ! v4l2h265enc name=${name} extra-controls="controls,video_bitrate=${kilobits(bitrate) * 1000},video_gop_size=${keyFrameDistance}" ! ${CAPS}`,
  },
  mpph265enc: {
    codec: 'h265',
    hardware: true,
    nodes: ROCKCHIP,
    liveBitrate: inBits('bps'),
    launch: ({ name, bitrate, keyFrameDistance }) =>
      `mpph265enc name=${name} bps=${bitrate} gop=${keyFrameDistance} rc-mode=cbr`,
  },
  nvv4l2h265enc: {
    codec: 'h265',
    hardware: true,
    nodes: JETSON,
    liveBitrate: inBits('bitrate'),
    launch: ({ name, bitrate, keyFrameDistance }) =>
      `nvvidconv ! video/x-raw(memory:NVMM),format=NV12 ! nvv4l2h265enc name=${name} bitrate=${bitrate} iframeinterval=${keyFrameDistance} idrinterval=${keyFrameDistance} insert-sps-pps=true profile=0`,
  },
  nvh265enc: {
    codec: 'h265',
    hardware: true,
    package: 'gstreamer1.0-plugins-bad',
    nodes: NVIDIA,
    liveBitrate: inKilobits('bitrate'),
    launch: ({ name, bitrate, keyFrameDistance }) =>
      `nvh265enc name=${name} bitrate=${kilobits(bitrate)} gop-size=${keyFrameDistance} bframes=0 zerolatency=true rc-mode=cbr ! ${CAPS}`,
  },
  vah265enc: {
    codec: 'h265',
    hardware: true,
    package: 'gstreamer1.0-plugins-bad',
    nodes: DRI,
    launch: ({ name, bitrate, keyFrameDistance }) =>
      `videoconvert ! video/x-raw,format=NV12 ! vah265enc name=${name} bitrate=${kilobits(bitrate)} key-int-max=${keyFrameDistance} b-frames=0 rate-control=cbr ! ${CAPS}`,
  },
  vaapih265enc: {
    codec: 'h265',
    hardware: true,
    package: 'gstreamer1.0-vaapi',
    nodes: DRI,
    launch: ({ name, bitrate, keyFrameDistance }) =>
      `vaapih265enc name=${name} bitrate=${kilobits(bitrate)} keyframe-period=${keyFrameDistance} max-bframes=0 rate-control=cbr ! ${CAPS}`,
  },
  qsvh265enc: {
    codec: 'h265',
    hardware: true,
    package: 'gstreamer1.0-plugins-bad',
    nodes: DRI,
    liveBitrate: inKilobits('bitrate'),
    launch: ({ name, bitrate, keyFrameDistance }) =>
      `videoconvert ! video/x-raw,format=NV12 ! qsvh265enc name=${name} bitrate=${kilobits(bitrate)} gop-size=${keyFrameDistance} b-frames=0 low-latency=true rate-control=cbr ! ${CAPS}`,
  },
  x265enc: {
    codec: 'h265',
    hardware: false,
    package: 'gstreamer1.0-plugins-bad',
    nodes: [],
    renegotiates: true,
    liveBitrate: inKilobits('bitrate'),
    launch: ({ name, bitrate, keyFrameDistance, content, threads }) =>
      `x265enc name=${name} tune=zerolatency speed-preset=ultrafast bitrate=${kilobits(bitrate)} key-int-max=${keyFrameDistance} option-string="pools=${threads}:bframes=0${X265_TUNING[content]}" ! ${CAPS}`,
  },
} as const satisfies Record<string, EncoderDescription>;
