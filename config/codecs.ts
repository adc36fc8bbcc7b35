/** The codecs that a picture can be encoded with. */
export const VIDEO_CODECS = ['h264', 'h265', 'vp8', 'mjpeg'] as const;
export type VideoCodec = (typeof VIDEO_CODECS)[number];

/** The codecs that a sound can be encoded with. */
export const AUDIO_CODECS = ['opus', 'aac', 'pcma', 'pcmu'] as const;
export type AudioCodec = (typeof AUDIO_CODECS)[number];

/** The profiles of H.264; `baseline` is the constrained one. */
export const H264_PROFILES = ['baseline', 'main', 'high'] as const;
export type H264Profile = (typeof H264_PROFILES)[number];
