import type { RtpCodec } from '../rtp/codec.ts';
import { type CaptureMode, codedFormat } from './capture-mode.ts';
import { type RtspInput, rtspSource, v4l2Source } from './device-sources.ts';
import { ARRIVED_STAMP, DECODER, LOUDNESS, packetSink, packetTail, stamped } from './launch-parts.ts';
import { payloader, soundPayloader } from './payloaders.ts';

/** What comes encoded from a device and goes out as it is. */
export type CodedInput =
  | { readonly type: 'v4l2'; readonly path: string; readonly mode: CaptureMode }
  | { readonly type: 'rtsp'; readonly rtsp: RtspInput; readonly sound?: RtpCodec };

/**
 * Rides over a reader that is busy. It stands behind the payloader: what it has to drop leaves a hole in the sequence
 * numbers, at which the track waits for a key frame. Its limit counts bytes: by time a queue holds itself for full, and
 * drops, for the moment in which a segment has left it and the packets behind that have not.
 */
const PACKET_QUEUE = 'queue leaky=downstream max-size-time=0 max-size-bytes=8388608 max-size-buffers=0';

/** Both of its ways have the same segment: it need not be told again at each change between them. */
const BOTH_WAYS = 'funnel name=all forward-sticky-events=false';

/**
 * Decodes a sound for the moment of a reading, beside what goes out. The decoder is found and loaded with the first one: the
 * valve holds back the events, too.
 */
const EAR = `frames. ! valve name=lid drop=true ! queue leaky=downstream ! ${DECODER} ! ${LOUDNESS}`;

/**
 * The launch string of a pipeline without decoder and encoder. Named elements: `source`, `pay0`.
 *
 * What was lost on the way is marked in what goes out, by the payloader of H.264. That of H.265 (1.22) does not take the
 * mark over: there each packet goes out as it came, too, ahead of what comes of it, and tells ({@link ARRIVED}).
 * @throws CaptureError `invalid-value`.
 */
export function codedLaunch(kind: 'video' | 'audio', input: CodedInput): string {
  const coded = input.type === 'v4l2' ? codedFormat(input.mode) : input.rtsp.encoding.toLowerCase();
  const codec = coded === 'h265' ? 'h265' : 'h264';
  const tells = input.type === 'rtsp' && codec === 'h265';
  const arrivals = tells ? `${stamped(ARRIVED_STAMP)} ! all.` : '';
  const source =
    input.type === 'v4l2' ? v4l2Source(input.path, input.mode) : rtspSource(kind, input.rtsp, { arrivals });
  const tail = `${PACKET_QUEUE} ! ${packetTail(0)}`;
  // The parser does not touch what it passes on.
  const sound = input.type === 'rtsp' ? input.sound : undefined;
  if (sound !== undefined) return `${source} ! tee name=frames ! ${soundPayloader(sound, 0)} ! ${tail} ${EAR}`;
  if (!tells) return `${source} ! ${payloader(codec, 0)} ! ${tail}`;
  return `${source} ! ${payloader(codec, 0)} ! ${stamped()} ! ${BOTH_WAYS} ! ${PACKET_QUEUE} ! ${packetSink(0)}`;
}
