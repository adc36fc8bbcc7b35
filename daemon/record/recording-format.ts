import { MIMEType } from 'node:util';
import { findAacEncoder } from '../convert/aac-encoder.ts';
import { elementInstalled, firstInstalled } from '../convert/elements.ts';

export type Container = 'mp4' | 'webm' | 'x-matroska' | 'ogg';
export type VideoCodec = 'avc1' | 'vp8' | 'vp9';
export type AudioCodec = 'opus' | 'mp4a';

/** What a recording is made of. */
export interface RecordingFormat {
  readonly mediaType: 'audio' | 'video';
  readonly container: Container;
  /** Undefined: it holds no pictures. */
  readonly video: VideoCodec | undefined;
  readonly audio: AudioCodec | undefined;
}

/** The codecs of each container; the first is taken where none is asked for: what the tracks have already is copied. */
const CONTAINERS: Record<Container, { muxer: string; video: readonly VideoCodec[]; audio: readonly AudioCodec[] }> = {
  mp4: { muxer: 'mp4mux', video: ['avc1'], audio: ['opus', 'mp4a'] },
  webm: { muxer: 'webmmux', video: ['vp8', 'vp9'], audio: ['opus'] },
  'x-matroska': { muxer: 'matroskamux', video: ['avc1', 'vp8', 'vp9'], audio: ['opus', 'mp4a'] },
  ogg: { muxer: 'oggmux', video: [], audio: ['opus'] },
};

const H264_DECODERS = ['v4l2h264dec', 'avdec_h264', 'openh264dec'] as const;

/** Undefined: H.264 can only be copied. */
export const findH264Decoder = (): string | undefined => firstInstalled(H264_DECODERS);

/** Whether this machine can write a codec; what only copies needs a parser. */
const INSTALLED: Record<VideoCodec | AudioCodec, () => boolean> = {
  avc1: () => elementInstalled('h264parse'),
  vp8: () => elementInstalled('vp8enc') && findH264Decoder() !== undefined,
  vp9: () => elementInstalled('vp9enc') && findH264Decoder() !== undefined,
  opus: () => elementInstalled('opusparse'),
  mp4a: () => findAacEncoder() !== undefined,
};

/** Names of codecs (RFC 6381) up to their first dot, and what they are here; undefined: known, and not written by us. */
const CODECS: Readonly<Record<string, VideoCodec | AudioCodec | undefined>> = {
  vp8: 'vp8',
  vp08: 'vp8',
  vp9: 'vp9',
  vp09: 'vp9',
  h264: 'avc1',
  avc1: 'avc1',
  avc3: undefined,
  hvc1: undefined,
  hev1: undefined,
  av1: undefined,
  av01: undefined,
  opus: 'opus',
  mp4a: 'mp4a',
  vorbis: undefined,
  flac: undefined,
  pcm: undefined,
};

interface WantedType {
  readonly mediaType: 'audio' | 'video';
  readonly container: Container;
  /** Of each medium what is asked for. */
  readonly video: VideoCodec | undefined;
  readonly audio: AudioCodec | undefined;
  /** A codec is asked for that nobody here has heard of. */
  readonly unknown: boolean;
}

/** Reads a MIME type; undefined where it is none, or one that we do not write. */
function parseType(type: string): WantedType | undefined {
  let mime: MIMEType;
  try {
    mime = new MIMEType(type);
  } catch {
    return undefined;
  }
  const mediaType = mime.type;
  const container = mime.subtype as Container;
  const facts = Object.hasOwn(CONTAINERS, container) ? CONTAINERS[container] : undefined;
  if (facts === undefined || (mediaType !== 'audio' && mediaType !== 'video')) return undefined;
  if (mediaType === 'video' && facts.video.length === 0) return undefined;
  if (mediaType === 'audio' && container === 'x-matroska') return undefined;
  if (!elementInstalled(facts.muxer)) return undefined;
  let video: VideoCodec | undefined;
  let audio: AudioCodec | undefined;
  let unknown = false;
  const codecs = mime.params.get('codecs');
  for (const text of codecs === null ? [] : codecs.split(',')) {
    const name = text.trim().toLowerCase();
    const [identifier = ''] = name.split('.');
    if (!Object.hasOwn(CODECS, identifier)) {
      unknown = true;
      continue;
    }
    const codec = CODECS[identifier];
    if (codec === undefined || (codec === 'mp4a' && !/^mp4a(\.40(\.2)?)?$/.test(name))) return undefined;
    const ofAudio = includes(facts.audio, codec);
    const ofVideo = mediaType === 'video' && includes(facts.video, codec);
    if ((!ofAudio && !ofVideo) || !INSTALLED[codec]()) return undefined;
    if ((ofAudio ? audio : video) !== undefined) return undefined;
    if (ofAudio) audio = codec;
    if (ofVideo) video = codec;
  }
  return { mediaType, container, video, audio, unknown };
}

const includes = <T extends string>(list: readonly T[], value: string): value is T =>
  (list as readonly string[]).includes(value);

/**
 * "Is type supported" (W3C MediaStream Recording, 2.3).
 * @param deferUnknown What to answer for a codec that nobody here has heard of: starting a recording will tell.
 */
export function isTypeSupported(type: string, deferUnknown: boolean): boolean {
  if (type === '') return true;
  const wanted = parseType(type);
  return wanted !== undefined && (!wanted.unknown || deferUnknown);
}

/**
 * What to write for these kinds of tracks, where `type` ('': anything) is asked for; undefined when that cannot be done.
 * @param sound what the sound is encoded with already.
 */
export function chooseFormat(
  type: string,
  kinds: ReadonlySet<'audio' | 'video'>,
  sound?: AudioCodec,
): RecordingFormat | undefined {
  const wanted = parseType(type === '' ? (kinds.has('video') ? 'video/mp4' : 'audio/webm') : type);
  if (wanted === undefined || wanted.unknown) return undefined;
  const { mediaType, container } = wanted;
  if (mediaType === 'audio' && kinds.has('video')) return undefined;
  const facts = CONTAINERS[container];
  const video = kinds.has('video') ? (wanted.video ?? facts.video.find((codec) => INSTALLED[codec]())) : undefined;
  const sounds = facts.audio.filter((codec) => INSTALLED[codec]());
  const audio = kinds.has('audio') ? (wanted.audio ?? sounds.find((codec) => codec === sound) ?? sounds[0]) : undefined;
  if ((kinds.has('video') && video === undefined) || (kinds.has('audio') && audio === undefined)) return undefined;
  return { mediaType, container, video, audio };
}

const AUDIO_NAMES: Record<AudioCodec, string> = { opus: 'opus', mp4a: 'mp4a.40.2' };

/**
 * The type of a recording with its codecs, as `wanted` writes it where that says it all.
 * @param profile `profile-level-id` of the H.264 (RFC 6184, 8.1), where it is known.
 */
export function typeOf(format: RecordingFormat, wanted: string, profile: string | undefined): string {
  const asked = wanted === '' ? undefined : parseType(wanted);
  const complete = asked !== undefined && asked.video === format.video && asked.audio === format.audio;
  if (complete) return wanted;
  const video = format.video === 'avc1' && profile !== undefined ? `avc1.${profile}` : format.video;
  const codecs = [video, format.audio && AUDIO_NAMES[format.audio]].filter((codec) => codec !== undefined);
  return `${format.mediaType}/${format.container};codecs=${codecs.join(',')}`;
}
