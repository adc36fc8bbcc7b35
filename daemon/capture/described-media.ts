import { readAacConfig } from '../rtp/aac.ts';
import { OPUS, PCMA, PCMU, type RtpCodec } from '../rtp/codec.ts';
import { readSequenceParameters } from '../rtp/h264-sps.ts';
import { readH265Size } from '../rtp/h265-sps.ts';
import { isRtspEncoding, type RtspEncoding } from './device-sources.ts';

/** One medium of a session description (RFC 8866) that we can take in. */
export interface DescribedMedia {
  readonly kind: 'video' | 'audio';
  readonly encoding: RtspEncoding;
  /** Of a picture, where its parameter sets or its attributes tell. */
  readonly size: { readonly width: number; readonly height: number } | undefined;
  readonly frameRate: number | undefined;
  /** Of a sound, where it can go out as it is. */
  readonly sound: RtpCodec | undefined;
}

/** Payload types without an `rtpmap` (RFC 3551, 6). */
const STATIC_TYPES: Readonly<Record<string, RtspEncoding>> = { 0: 'PCMU', 8: 'PCMA', 9: 'G722', 26: 'JPEG' };

/** The media of a description, those that we know nothing of left out: `unknown` has the names of their encodings. */
export function describedMedia(sdp: string): { media: DescribedMedia[]; unknown: string[] } {
  const media: DescribedMedia[] = [];
  const unknown: string[] = [];
  for (const section of sdp.split(/^m=/m).slice(1)) {
    const [, kind, type = ''] = /^(video|audio) \S+ \S+ (\d+)/.exec(section) ?? [];
    if (kind !== 'video' && kind !== 'audio') continue;
    const name =
      new RegExp(`^a=rtpmap:${type} ([^/\\s]+)`, 'm').exec(section)?.[1]?.toUpperCase() ?? STATIC_TYPES[type];
    if (name === undefined || !isRtspEncoding(name)) {
      unknown.push(name ?? `payload type ${type}`);
      continue;
    }
    const rate = Number(/^a=framerate:\s*([\d.]+)/m.exec(section)?.[1]);
    const frameRate = rate >= 1 && rate <= 240 ? rate : undefined;
    media.push({ kind, encoding: name, size: sizeOf(section), frameRate, sound: soundOf(name, section) });
  }
  return { media, unknown };
}

function soundOf(encoding: RtspEncoding, section: string): RtpCodec | undefined {
  if (encoding === 'MPEG4-GENERIC') return readAacConfig(/[;\s]config=([0-9a-f]+)/i.exec(section)?.[1] ?? '');
  return { OPUS, PCMA, PCMU }[encoding as string];
}

function sizeOf(section: string): DescribedMedia['size'] {
  const h265 = /sprop-sps=([A-Za-z0-9+/=]+)/.exec(section)?.[1];
  const size = h265 && readH265Size(Buffer.from(h265, 'base64'));
  if (size) return size;
  const sets = /sprop-parameter-sets=([A-Za-z0-9+/=]+)/.exec(section)?.[1];
  const parameters = sets && readSequenceParameters(Buffer.from(sets, 'base64'));
  if (parameters) return { width: parameters.width, height: parameters.height };
  const [, width, height] = /^a=(?:x-dimensions|framesize):(?:\s*\d+ )?\s*(\d{2,5})[,-](\d{2,5})/m.exec(section) ?? [];
  return width === undefined ? undefined : { width: Number(width), height: Number(height) };
}
