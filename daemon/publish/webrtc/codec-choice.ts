import { encodingName, type RtpCodec, rtpmap } from '../../rtp/codec.ts';

/** A track of ours that an offer may receive. */
export interface OfferedTrack {
  codec: RtpCodec;
  /** `a=fmtp` of what it sends; undefined as long as that is not known. */
  formatParameters: string | undefined;
  /** The H.264 profile that it will have, where the parameters do not tell yet. */
  profile?: H264Profile | undefined;
}

/** One payload type of an offer. */
export interface OfferedFormat {
  payloadType: number;
  /** `H264/90000`, as the offer writes it. */
  rtpmap: string;
  /** Its `a=fmtp`; empty: none. */
  parameters: string;
}

export interface ChosenFormat {
  /** The viewer's number for the codec. */
  payloadType: number;
  /** `a=fmtp` of the answer; empty: none. */
  formatParameters: string;
  /** The viewer said that it decodes just this; otherwise it may all the same. */
  exact: boolean;
}

/**
 * The payload type of an offer that carries a track: in the viewer's order of preference, of H.264 with packetization-mode 1
 * the one whose profile is nearest. Undefined where there is none.
 */
export function chooseFormat(formats: readonly OfferedFormat[], track: OfferedTrack): ChosenFormat | undefined {
  const { codec, formatParameters } = track;
  // One channel need not be said (RFC 8866, 6.6).
  const name = (text: string): string => text.toLowerCase().replace(/\/1$/, '');
  const same = formats.filter((format) => name(format.rtpmap) === name(rtpmap(codec)));
  if (codec.mimeType === 'video/H264') return chooseH264(same, track);
  const first = same[0];
  if (first === undefined) return undefined;
  return {
    payloadType: first.payloadType,
    // Of H.265 the viewer's own come back: parameter sets go in the stream (RFC 7798, 7.2.2).
    formatParameters: codec.kind === 'audio' ? (formatParameters ?? '') : first.parameters,
    exact: true,
  };
}

/** `H264`, `VP8`: the codecs of pictures that an offer can receive, each once. */
export const codecNames = (formats: readonly OfferedFormat[]): string[] => [
  ...new Set(formats.map(({ rtpmap: name }) => name.replace(/\/.*/, '')).filter((name) => !AUXILIARY.has(name))),
];

/** Retransmission and forward error correction, which carry no picture of their own. */
const AUXILIARY: ReadonlySet<string> = new Set(['rtx', 'red', 'ulpfec', 'flexfec-03']);

/** What an offer has to have for a track, for a person. */
export function neededFor({ codec }: OfferedTrack): string {
  return `${codec.kind} needs ${encodingName(codec)}${codec.mimeType === 'video/H264' ? ' with packetization-mode=1' : ''}`;
}

/** The profiles of RFC 6184, 8.1 by their class: any decoder of a later one plays an earlier one. */
const PROFILES = ['constrained-baseline', 'baseline', 'main', 'high', 'constrained-high'] as const;
export type H264Profile = (typeof PROFILES)[number];

/** RFC 6184, table 5, as far as browsers offer it. */
export function h264Profile(profileLevelId: string): H264Profile | undefined {
  const profile = Number.parseInt(profileLevelId.slice(0, 2), 16);
  const constraints = Number.parseInt(profileLevelId.slice(2, 4), 16);
  if (profile === 0x42) return (constraints & 0x40) !== 0 ? 'constrained-baseline' : 'baseline';
  if (profile === 0x4d) return (constraints & 0x80) !== 0 ? 'constrained-baseline' : 'main';
  if (profile === 0x58) return (constraints & 0xc0) === 0xc0 ? 'constrained-baseline' : undefined;
  if (profile === 0x64) return (constraints & 0x0c) === 0x0c ? 'constrained-high' : 'high';
  return undefined;
}

function chooseH264(formats: readonly OfferedFormat[], track: OfferedTrack): ChosenFormat | undefined {
  const told = track.formatParameters && h264Profile(parameter(track.formatParameters, 'profile-level-id') ?? '');
  const own = PROFILES.indexOf(told || (track.profile ?? 'constrained-baseline'));
  let best: { rank: number; payloadType: number; profileLevelId: string } | undefined;
  for (const { payloadType, parameters } of formats) {
    if (parameter(parameters, 'packetization-mode') !== '1') continue;
    // Without the parameter it is baseline, level 1 (RFC 6184, 8.1).
    const profileLevelId = parameter(parameters, 'profile-level-id') ?? '42000a';
    const profile = /^[0-9a-f]{6}$/i.test(profileLevelId) ? h264Profile(profileLevelId) : undefined;
    if (profile === undefined) continue;
    const above = PROFILES.indexOf(profile) - own;
    // Most browsers decode more than they say: a lower profile is the last choice, the highest of them first.
    const rank = above >= 0 ? above : PROFILES.length - above;
    if (best === undefined || rank < best.rank) best = { rank, payloadType, profileLevelId };
  }
  if (best === undefined) return undefined;
  const formatParameters = `level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=${best.profileLevelId}`;
  return { payloadType: best.payloadType, formatParameters, exact: best.rank < PROFILES.length };
}

function parameter(parameters: string, name: string): string | undefined {
  for (const part of parameters.split(';')) {
    const [key, value] = part.split('=', 2);
    if (key?.trim().toLowerCase() === name) return value?.trim();
  }
  return undefined;
}
