/** A codec as the RTP payload formats name it (RTCRtpCodecParameters of W3C WebRTC, `rtpmap` of RFC 8866). */
export interface RtpCodec {
  readonly kind: 'video' | 'audio';
  /** `video/H264` (RFC 6184), `audio/opus` (RFC 7587). */
  readonly mimeType: 'video/H264' | 'audio/opus';
  /** The dynamic payload type on our tracks, 96 to 127. */
  readonly payloadType: number;
  /** RTP clock in Hz. */
  readonly clockRate: number;
  /** Audio channels as `rtpmap` has them; Opus is always 2. */
  readonly channels?: number;
}

export const H264: RtpCodec = { kind: 'video', mimeType: 'video/H264', payloadType: 96, clockRate: 90_000 };
export const OPUS: RtpCodec = {
  kind: 'audio',
  mimeType: 'audio/opus',
  payloadType: 111,
  clockRate: 48_000,
  channels: 2,
};

/** `H264/90000`, `opus/48000/2`: the value of an `a=rtpmap` line after the payload type. */
export function rtpmap(codec: RtpCodec): string {
  const name = codec.mimeType.slice(codec.mimeType.indexOf('/') + 1);
  return codec.channels === undefined ? `${name}/${codec.clockRate}` : `${name}/${codec.clockRate}/${codec.channels}`;
}
