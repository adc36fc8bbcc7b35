import type { CaptureMode } from './capture-mode.ts';
import { bounded, devicePath, rate } from './launch-parts.ts';

/** A camera of this machine in one of its modes. */
export function v4l2Source(path: string, mode: CaptureMode): string {
  const { frameRate } = mode;
  // Drivers write 30 frames per second as 333333/10000000 s and the like: a narrow range meets them all.
  const rates = frameRate === undefined ? '' : `,framerate=[${rate(frameRate * 0.99)},${rate(frameRate * 1.01)}]`;
  return `v4l2src name=source device=${devicePath(path)} ! ${sizedCaps(mode)}${rates}`;
}

export function sizedCaps({ media, ...mode }: CaptureMode): string {
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
