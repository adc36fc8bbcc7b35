import type { VideoCodec } from '../../config/codecs.ts';

/** A codec as the RTP payload formats name it (RTCRtpCodecParameters of W3C WebRTC, `rtpmap` of RFC 8866). */
export interface RtpCodec {
  readonly kind: 'video' | 'audio';
  /**
   * `video/H264` (RFC 6184), `video/H265` (RFC 7798), `video/VP8` (RFC 7741), `video/JPEG` (RFC 2435), `audio/opus` (RFC
   * 7587), `audio/mpeg4-generic` (RFC 3640, here AAC), `audio/PCMA` and `audio/PCMU` (G.711; RFC 3551, 4.5.14).
   */
  readonly mimeType:
    | 'video/H264'
    | 'video/H265'
    | 'video/VP8'
    | 'video/JPEG'
    | 'audio/opus'
    | 'audio/mpeg4-generic'
    | 'audio/PCMA'
    | 'audio/PCMU';
  /** The payload type on our tracks: a dynamic one, 96 to 127; JPEG and G.711 have their static ones (RFC 3551, 6). */
  readonly payloadType: number;
  /** RTP clock in Hz. */
  readonly clockRate: number;
  /** Audio channels as `rtpmap` has them; Opus is always 2. Undefined: 1. */
  readonly channels?: number;
}

export const H264: RtpCodec = { kind: 'video', mimeType: 'video/H264', payloadType: 96, clockRate: 90_000 };
export const VP8: RtpCodec = { kind: 'video', mimeType: 'video/VP8', payloadType: 97, clockRate: 90_000 };
export const H265: RtpCodec = { kind: 'video', mimeType: 'video/H265', payloadType: 98, clockRate: 90_000 };
export const JPEG: RtpCodec = { kind: 'video', mimeType: 'video/JPEG', payloadType: 26, clockRate: 90_000 };
export const OPUS: RtpCodec = {
  kind: 'audio',
  mimeType: 'audio/opus',
  payloadType: 111,
  clockRate: 48_000,
  channels: 2,
};
export const PCMU: RtpCodec = { kind: 'audio', mimeType: 'audio/PCMU', payloadType: 0, clockRate: 8000 };
export const PCMA: RtpCodec = { kind: 'audio', mimeType: 'audio/PCMA', payloadType: 8, clockRate: 8000 };

/** By the names of the configuration. */
export const RTP_VIDEO_CODECS: Readonly<Record<VideoCodec, RtpCodec>> = {
  h264: H264,
  h265: H265,
  vp8: VP8,
  mjpeg: JPEG,
};

/** `H264`, `opus`: what RTP calls a codec. */
export const encodingName = ({ mimeType }: RtpCodec): string => mimeType.slice(mimeType.indexOf('/') + 1);

/** `H264/90000`, `opus/48000/2`: the value of an `a=rtpmap` line after the payload type. */
export function rtpmap(codec: RtpCodec): string {
  const name = encodingName(codec);
  return codec.channels === undefined ? `${name}/${codec.clockRate}` : `${name}/${codec.clockRate}/${codec.channels}`;
}
