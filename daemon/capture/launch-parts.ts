import { ARRIVED, NTP_UNIX_SECONDS } from '../rtp/packet.ts';
import { CaptureError } from './capture-error.ts';

/** The descriptor of a worker on which the media of its first track leaves (`lib/child.ts`: the first pipe of a module). */
export const MEDIA_DESCRIPTOR = 4;

/** What any encoded track has. */
export interface Branch {
  /** Whether media flows into it from the beginning. */
  readonly open: boolean;
  /** False: black, silence. */
  readonly enabled: boolean;
  /** bit/s. */
  readonly bitrate: number;
}

// Rides over a reader that is busy for a moment.
export const PACKET_QUEUE = 'queue max-size-time=1000000000 max-size-buffers=0 max-size-bytes=0';
// Hardware decoders give frames in memory of their own, which the elements behind do not know.
export const DECODER = 'decodebin force-sw-decoders=true';

/**
 * Counts the buffers that come by a tee, in `frames-rendered`: a reading of what other elements count, structures and
 * 64-bit numbers, costs memory through the binding that is never freed.
 */
export const counter = (tee: string, name: string): string =>
  `${tee}. ! fpsdisplaysink name=${name} video-sink="fakesink enable-last-sample=false async=false" sync=false ` +
  'text-overlay=false silent=true';

/** A queue that drops whole buffers where what is behind it is slow; {@link dropCounters} tell how many. */
export const countedQueue = (name: string, queue: string): string =>
  `tee name=in_${name} ! ${queue} ! tee name=out_${name}`;
export const dropCounters = (name: string): string =>
  `${counter(`in_${name}`, `offered_${name}`)} ${counter(`out_${name}`, `taken_${name}`)}`;
/** Those of the branches' queues. */
export const branchCounters = (branches: readonly Branch[]): string[] =>
  branches.map((_, index) => dropCounters(`encode${index}`));

/** Where {@link PROBE} counts what the device delivers. */
export const PROBED = 'tee name=probed';
export const PROBE = counter('probed', 'probe');
/** Keeps what the device delivers out while no branch has use for it. */
export const intake = (branches: readonly Branch[]): string =>
  `valve name=intake drop=${!branches.some(({ open }) => open)}`;
export const gate = ({ open }: Branch, index: number): string => `frames. ! valve name=gate${index} drop=${!open}`;

/** @param stamp properties of rtponviftimestamp. */
export const stamped = (stamp = ''): string => `rtponviftimestamp${stamp} ! rtpstreampay`;
export const packetSink = (index: number): string => `fdsink fd=${MEDIA_DESCRIPTOR + index} sync=false async=false`;
export const packetTail = (index: number, stamp = ''): string => `${stamped(stamp)} ! ${packetSink(index)}`;

/** For packets that go out only to tell what was lost before them. */
export const ARRIVED_STAMP = ` cseq=${ARRIVED}`;

/** Where a worker reads samples, behind a valve called `lid`, when it is asked how loud a sound is. */
export const LOUDNESS =
  'audioconvert ! audio/x-raw,format=S16LE ! appsink name=ear max-buffers=8 drop=true sync=false async=false';

/** Times of what {@link receivedPackets} reads count from an instant that is told, not from the beginning of the pipeline. */
export const stampFrom = (wallClock: number): string => ` ntp-offset=${ntpNanoseconds(wallClock)}`;
/** What an RtpInput writes behind the pipes of so many tracks. */
export const receivedPackets = (tracks: number): string =>
  `fdsrc name=source fd=${MEDIA_DESCRIPTOR + tracks} blocksize=65536 ! gdpdepay`;

/** Unix milliseconds as rtponviftimestamp has them. */
const ntpNanoseconds = (wallClock: number): bigint =>
  (BigInt(Math.round(wallClock * 1000)) + BigInt(NTP_UNIX_SECONDS) * 1_000_000n) * 1000n;

/** @throws CaptureError `invalid-value` for anything that could mean something to the launch parser. */
export function devicePath(path: string): string {
  if (!/^[A-Za-z0-9_./:,=-]{1,128}$/.test(path))
    throw new CaptureError('invalid-value', `device path not usable: ${JSON.stringify(path)}`);
  return path;
}

/** An id of libcamera, for between quotes: a path of the device tree, or of ACPI with backslashes. @throws as {@link devicePath}. */
export function cameraId(id: string): string {
  if (!/^[A-Za-z0-9_./:,=@ \\-]{1,256}$/.test(id))
    throw new CaptureError('invalid-value', `camera id not usable: ${JSON.stringify(id)}`);
  return id.replaceAll('\\', '\\\\');
}

/** The name of a property of an element. @throws CaptureError `invalid-value`. */
export function elementProperty(name: string): string {
  if (!/^[a-z][a-z0-9-]{0,63}$/.test(name))
    throw new CaptureError('invalid-value', `property not usable: ${JSON.stringify(name)}`);
  return name;
}

/** @throws CaptureError `invalid-value` for what is no number. */
export function decimal(name: string, value: number): number {
  if (!Number.isFinite(value)) throw new CaptureError('invalid-value', `${name} is ${value}; allowed is a number`);
  return value;
}

/** @throws CaptureError `invalid-value`. */
export function bounded(name: string, value: number, least: number, most: number): number {
  if (!Number.isInteger(value) || value < least || value > most)
    throw new CaptureError('invalid-value', `${name} is ${value}; allowed is a whole number from ${least} to ${most}`);
  return value;
}

/** A frame rate as a fraction: 30/1, 15/2, 30000/1001. @throws CaptureError `invalid-value`. */
export function rate(perSecond: number): string {
  if (!(perSecond >= 0.01 && perSecond <= 1000))
    throw new CaptureError('invalid-value', `frameRate is ${perSecond}; allowed is 0.01 to 1000`);
  if (Number.isInteger(perSecond)) return `${perSecond}/1`;
  const ntsc = Math.round(perSecond * 1.001);
  if (Math.abs((ntsc * 1000) / 1001 - perSecond) < 0.005) return `${ntsc * 1000}/1001`;
  const thousandths = Math.round(perSecond * 1000);
  const divisor = greatestCommonDivisor(thousandths, 1000);
  return `${thousandths / divisor}/${1000 / divisor}`;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
