import type { CaptureMode } from './capture-mode.ts';
import { bounded, cameraId, decimal, devicePath, elementProperty, rate } from './launch-parts.ts';

/** A camera of this machine in one of its modes. */
export function v4l2Source(path: string, mode: CaptureMode): string {
  const { frameRate } = mode;
  // Drivers write 30 frames per second as 333333/10000000 s and the like: a narrow range meets them all.
  const rates = frameRate === undefined ? '' : `,framerate=[${rate(frameRate * 0.99)},${rate(frameRate * 1.01)}]`;
  return `v4l2src name=source device=${devicePath(path)} ! ${sizedCaps(mode)}${rates}`;
}

/**
 * A camera behind libcamera in one of its modes. What is left open libcamera decides, not always well: all is said. A
 * sensor that is slower at this size gives what it can.
 * @param id as libcamera names it.
 * @param properties of the element: the camera's controls.
 */
export function libcameraSource(id: string, mode: CaptureMode, properties: Readonly<Record<string, number>>): string {
  const { frameRate, media } = mode;
  const isRgb = media.type === 'raw' && /^(RGB|BGR)/.test(media.format);
  const picture = `interlace-mode=progressive${isRgb ? '' : ',colorimetry=bt709'}`;
  const wished = frameRate === undefined ? '' : `${sizedCaps(mode)},framerate=${rate(frameRate)},${picture};`;
  const set = Object.entries(properties).map(([name, value]) => ` ${elementProperty(name)}=${decimal(name, value)}`);
  return (
    `libcamerasrc name=source camera-name="${cameraId(id)}"${set.join('')} ! ` +
    `capsfilter caps="${wished}${sizedCaps(mode)},${picture}"`
  );
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
  H264: 'rtph264depay',
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
  /** Nobody has asked it yet what it sends. */
  readonly assumed?: true;
  readonly transport: 'tcp' | 'udp';
  /** How long a packet that is missing is waited for, in milliseconds. */
  readonly latency: number;
  /** Without an answer for so long it counts as gone, in milliseconds. */
  readonly timeout: number;
}

/**
 * The depayloader counts stream time, which is what rtponviftimestamp stamps, from where the source says in its RTP-Info
 * header that it begins; this makes one of it and the running time, which frames came at.
 */
const ARRIVAL_TIMES = 'identity single-segment=true silent=true';

/**
 * From its beginning and after a loss the depayloader says nothing before the next key frame, so that a decoder shows less
 * damage: by whole access units, for by NAL units it misses where a key frame of several slices begins. It takes a key frame
 * whose first slices are lost for whole. For pictures out of order there is nothing better; others are judged before they
 * are decoded, and do without.
 */
const UNDAMAGED = ' wait-for-keyframe=true ! video/x-h264,alignment=au';

/**
 * Lets a packet through, now and then, with its running time, as RTP of GStreamer's own; and, once a sender report has
 * told, with what the sender's clock showed for it (RFC 6051, 3.3).
 */
const SENDER_TIMES =
  `valve name=look drop=true ! ${ARRIVAL_TIMES} ! rtpgstpay timestamp-offset=0 ! ` +
  'application/x-rtp,extmap-1=(string)urn:ietf:params:rtp-hdrext:ntp-64 ! ' +
  'appsink name=seen max-buffers=1 drop=true sync=false async=false';
/**
 * The times of what comes are those of the sender, from when its first packet came; where they belong by our clock is found
 * out from the above. Over UDP packets that are missing are waited for by our clock, which the times have to follow for
 * that. Over TCP it would only make them uneven: each burst would move them, and pictures out of order would get the same.
 */
const BUFFER_MODES = { tcp: 'synced', udp: 'slave' } as const;
/** GStreamer would move streams of one connection towards each other; each of ours has a connection of its own. */
const SENDER_CLOCK = 'add-reference-timestamp-meta=true max-ts-offset=1';

/**
 * One of the streams of a network source, out of its packets; `decoded`: for a decoder; `arrivals`: where each packet goes
 * as it came, before anything comes of it.
 */
export function rtspSource(
  kind: 'video' | 'audio',
  input: RtspInput,
  { decoded = false, arrivals = '' }: { decoded?: boolean; arrivals?: string } = {},
): string {
  const { encoding, transport, latency, timeout } = input;
  const microseconds = bounded('timeout', timeout, 100, 600_000) * 1000;
  return (
    `rtspsrc name=source protocols=${transport} latency=${bounded('latency', latency, 0, 60_000)} ` +
    `buffer-mode=${BUFFER_MODES[transport]} ${SENDER_CLOCK} ` +
    `timeout=${microseconds} tcp-timeout=${microseconds} ! ` +
    `application/x-rtp,media=${kind},encoding-name=${encoding} ! ` +
    `tee name=received${arrivals && ` received. ! ${ARRIVAL_TIMES} ! ${arrivals}`} received. ! ${SENDER_TIMES} received. ! ` +
    `${DEPAYLOADERS[encoding]}${decoded && encoding === 'H264' ? UNDAMAGED : ''} ! ${ARRIVAL_TIMES}`
  );
}
