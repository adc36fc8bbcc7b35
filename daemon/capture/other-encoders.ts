import {
  DRI,
  type EncoderDescription,
  type EncoderSettings,
  inBits,
  JETSON,
  kilobits,
  M2M,
  type NumberProperty,
  type PictureContent,
  ROCKCHIP,
} from './encoder-description.ts';

/** As for x264: a floor under the quality where detail counts. */
const VP8_TUNING: Record<PictureContent, string> = {
  motion: '',
  detail: ' max-quantizer=40',
  text: ' max-quantizer=32 static-threshold=100',
};

/** Best first. */
export const VP8_ENCODERS = {
  v4l2vp8enc: {
    codec: 'vp8',
    hardware: true,
    package: 'gstreamer1.0-plugins-good',
    nodes: M2M,
    launch: ({ name, bitrate }) =>
      `videoconvert ! v4l2vp8enc name=${name} extra-controls="controls,video_bitrate=${kilobits(bitrate) * 1000}"`,
  },
  mppvp8enc: {
    codec: 'vp8',
    hardware: true,
    nodes: ROCKCHIP,
    liveBitrate: inBits('bps'),
    launch: ({ name, bitrate, keyFrameDistance }) =>
      `mppvp8enc name=${name} bps=${bitrate} gop=${keyFrameDistance} rc-mode=cbr`,
  },
  nvv4l2vp8enc: {
    codec: 'vp8',
    hardware: true,
    nodes: JETSON,
    liveBitrate: inBits('bitrate'),
    launch: ({ name, bitrate, keyFrameDistance }) =>
      `nvvidconv ! video/x-raw(memory:NVMM),format=NV12 ! nvv4l2vp8enc name=${name} bitrate=${bitrate} iframeinterval=${keyFrameDistance}`,
  },
  vaapivp8enc: {
    codec: 'vp8',
    hardware: true,
    package: 'gstreamer1.0-vaapi',
    nodes: DRI,
    launch: ({ name, bitrate, keyFrameDistance }) =>
      `vaapivp8enc name=${name} bitrate=${kilobits(bitrate)} keyframe-period=${keyFrameDistance} rate-control=cbr`,
  },
  vp8enc: {
    codec: 'vp8',
    hardware: false,
    package: 'gstreamer1.0-plugins-good',
    nodes: [],
    renegotiates: true,
    liveBitrate: inBits('target-bitrate'),
    // Its threads wait for each other in a loop: half as many as others get. Key frames have room for half of what the
    // buffer of the rate control holds, else they would be blurred.
    launch: ({ name, bitrate, keyFrameDistance, content, threads }) =>
      `vp8enc name=${name} deadline=1 cpu-used=16 lag-in-frames=0 end-usage=cbr buffer-size=1000 buffer-initial-size=500 buffer-optimal-size=600 threads=${Math.ceil(threads / 2)} target-bitrate=${kilobits(bitrate) * 1000} keyframe-max-dist=${keyFrameDistance}${VP8_TUNING[content]}`,
  },
} as const satisfies Record<string, EncoderDescription>;

/** Qualities of JPEG, and what a picture takes at them, in bits for each pixel. */
const QUALITIES = [
  [0.35, 20],
  [0.6, 40],
  [0.8, 55],
  [1.1, 70],
  [1.5, 80],
  [2.2, 90],
  [3.5, 95],
] as const;

/** JPEG knows no bit rate: the quality that a picture of usual detail takes it at, between 20 and 95. */
export function jpegQuality({
  bitrate,
  width,
  height,
  frameRate,
}: Pick<EncoderSettings, 'bitrate' | 'width' | 'height' | 'frameRate'>): number {
  const bitsPerPixel = bitrate / (width * height * frameRate);
  let [below, quality]: readonly [number, number] = QUALITIES[0];
  for (const [bits, better] of QUALITIES) {
    if (bitsPerPixel <= bits)
      return bits === below
        ? better
        : Math.round(quality + ((better - quality) * (bitsPerPixel - below)) / (bits - below));
    [below, quality] = [bits, better];
  }
  return quality;
}

const liveQuality = (settings: Parameters<typeof jpegQuality>[0]): NumberProperty => ({
  property: 'quality',
  value: jpegQuality(settings),
});

/** Best first. */
export const JPEG_ENCODERS = {
  v4l2jpegenc: {
    codec: 'mjpeg',
    hardware: true,
    package: 'gstreamer1.0-plugins-good',
    nodes: M2M,
    launch: (settings) =>
      `videoconvert ! v4l2jpegenc name=${settings.name} extra-controls="controls,compression_quality=${jpegQuality(settings)}"`,
  },
  vaapijpegenc: {
    codec: 'mjpeg',
    hardware: true,
    package: 'gstreamer1.0-vaapi',
    nodes: DRI,
    launch: (settings) => `vaapijpegenc name=${settings.name} quality=${jpegQuality(settings)}`,
  },
  jpegenc: {
    codec: 'mjpeg',
    hardware: false,
    package: 'gstreamer1.0-plugins-good',
    nodes: [],
    renegotiates: true,
    liveBitrate: liveQuality,
    launch: (settings) => `jpegenc name=${settings.name} quality=${jpegQuality(settings)}`,
  },
} as const satisfies Record<string, EncoderDescription>;
