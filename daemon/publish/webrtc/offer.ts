import { isIP } from 'node:net';
import { readSessionDescription, type SdpSection, type SessionDescription } from './session-description.ts';
import { WebRtcError } from './webrtc-error.ts';

/** What one section of an offer became: a medium that we send. */
export interface NegotiatedMedia {
  kind: 'video' | 'audio';
  mid: string;
  /** The viewer's number for the codec. */
  payloadType: number;
  /** `a=fmtp` of the answer. */
  formatParameters: string;
}

export interface NegotiatedOffer {
  /** The offer for the native library: written by us from checked values, with nothing in it that we refuse. */
  sdp: string;
  media: NegotiatedMedia[];
}

/** What we have to send: format parameters of each kind, of H.264 as far as they are known yet. */
export interface OfferedTracks {
  video?: { formatParameters: string | undefined };
  audio?: { formatParameters: string | undefined };
}

interface Transport {
  ufrag: string;
  password: string;
  fingerprint: string;
  setup: string;
}

interface Section {
  sdp: SdpSection;
  /** `video`, `audio`, `application`, ... */
  type: string;
  protocol: string;
  formats: string[];
  mid: string;
  negotiated: NegotiatedMedia | undefined;
}

const MAX_SECTIONS = 16;
const MAX_CANDIDATES = 16;
const PROTOCOLS: ReadonlySet<string> = new Set(['UDP/TLS/RTP/SAVPF', 'TCP/TLS/RTP/SAVPF']);

/**
 * Answers for each section of a WebRTC offer (RFC 8829, 5.3) whether we send in it and what: the first that can receive
 * H.264 with packetization-mode 1, the first that can receive Opus. All others are rejected with port 0.
 * @throws WebRtcError `invalid` for what is no offer, `unacceptable` where no section can receive anything of ours.
 */
export function negotiateOffer(text: string, tracks: OfferedTracks): NegotiatedOffer {
  const offer = readSessionDescription(text);
  if (offer === undefined)
    throw new WebRtcError('invalid', 'the body is no session description: it must begin with v=0');
  if (offer.media.length === 0) throw new WebRtcError('invalid', 'the offer has no m= section');
  if (offer.media.length > MAX_SECTIONS)
    throw new WebRtcError('invalid', `the offer has more than ${MAX_SECTIONS} m= sections`);
  const sections = offer.media.map(readSection);
  if (new Set(sections.map(({ mid }) => mid)).size !== sections.length)
    throw new WebRtcError('invalid', 'a=mid: two sections have the same value');
  for (const kind of ['video', 'audio'] as const) {
    const track = tracks[kind];
    if (track === undefined) continue;
    for (const section of sections) {
      if (section.type !== kind) continue;
      section.negotiated =
        kind === 'video' ? chooseH264(section, track.formatParameters) : chooseOpus(section, track.formatParameters);
      if (section.negotiated !== undefined) break;
    }
  }
  const accepted = sections.filter(({ negotiated }) => negotiated !== undefined);
  if (accepted.length === 0)
    throw new WebRtcError(
      'unacceptable',
      'no section of the offer can receive what the stream has: video needs H264 with packetization-mode=1, audio needs opus, both a direction of recvonly or sendrecv',
    );
  return {
    sdp: writeOffer(offer, sections, accepted),
    media: accepted.map(({ negotiated }) => negotiated as NegotiatedMedia),
  };
}

/** The `a=candidate` values that we would ever send a packet for: UDP to an IP address. Host names would make us ask a resolver. */
export function usableCandidates(values: readonly string[]): string[] {
  return values
    .filter((value) => {
      const match = /^[A-Za-z0-9+/]{1,32} 1 udp \d{1,10} (\S{2,45}) (\d{1,5}) typ (host|srflx|prflx|relay)( |$)/i.exec(
        value,
      );
      return match !== null && isIP(match[1] as string) !== 0 && Number(match[2]) > 0 && Number(match[2]) <= 65_535;
    })
    .map((value) => value.split(' ').slice(0, 8).join(' '))
    .slice(0, MAX_CANDIDATES);
}

function readSection(sdp: SdpSection): Section {
  const match = /^([a-z]{1,16}) \d{1,5}(?:\/\d{1,5})? ([A-Za-z/]{1,32}) (.{1,1024})$/.exec(sdp.media);
  if (match === null) throw new WebRtcError('invalid', `m=${sdp.media.slice(0, 40)}: not a media description`);
  const mid = sdp.attribute('mid');
  // RFC 5888, 4 has a token; the native library's headers take 16 bytes of it.
  if (mid === undefined || !/^[A-Za-z0-9_.+~-]{1,16}$/.test(mid))
    throw new WebRtcError('invalid', 'a=mid: each section needs one of 1 to 16 letters, digits, or _.+~-');
  const [, type, protocol, formats] = match as unknown as [string, string, string, string];
  return { sdp, type, protocol, formats: formats.split(' '), mid, negotiated: undefined };
}

function receives({ sdp, protocol }: Section): boolean {
  if (!PROTOCOLS.has(protocol) || / 0 /.test(sdp.media.slice(0, 24))) return false;
  return sdp.attribute('sendonly') === undefined && sdp.attribute('inactive') === undefined;
}

/** Payload types of a codec, in the viewer's order of preference, each with its format parameters. */
function payloadTypes(section: Section, codec: RegExp): { payloadType: number; parameters: string }[] {
  const named = new Map<string, string>();
  for (const value of section.sdp.attributes('rtpmap')) {
    const match = /^(\d{1,3}) (\S{1,64})$/.exec(value);
    if (match !== null) named.set(match[1] as string, match[2] as string);
  }
  const found: { payloadType: number; parameters: string }[] = [];
  for (const format of section.formats) {
    const payloadType = Number(format);
    if (!codec.test(named.get(format) ?? '') || !(payloadType >= 0 && payloadType <= 127)) continue;
    const fmtp = section.sdp.attributes('fmtp').find((value) => value.startsWith(`${format} `));
    found.push({ payloadType, parameters: fmtp?.slice(format.length + 1) ?? '' });
  }
  return found;
}

/** The profiles of RFC 6184, 8.1 by their class: any decoder of a later one plays an earlier one. */
const PROFILES = ['constrained-baseline', 'baseline', 'main', 'high', 'constrained-high'] as const;
type Profile = (typeof PROFILES)[number];

/** RFC 6184, table 5, as far as browsers offer it. */
export function h264Profile(profileLevelId: string): Profile | undefined {
  const profile = Number.parseInt(profileLevelId.slice(0, 2), 16);
  const constraints = Number.parseInt(profileLevelId.slice(2, 4), 16);
  if (profile === 0x42) return (constraints & 0x40) !== 0 ? 'constrained-baseline' : 'baseline';
  if (profile === 0x4d) return (constraints & 0x80) !== 0 ? 'constrained-baseline' : 'main';
  if (profile === 0x58) return (constraints & 0xc0) === 0xc0 ? 'constrained-baseline' : undefined;
  if (profile === 0x64) return (constraints & 0x0c) === 0x0c ? 'constrained-high' : 'high';
  return undefined;
}

function parameter(parameters: string, name: string): string | undefined {
  for (const part of parameters.split(';')) {
    const [key, value] = part.split('=', 2);
    if (key?.trim().toLowerCase() === name) return value?.trim();
  }
  return undefined;
}

function chooseH264(section: Section, ours: string | undefined): NegotiatedMedia | undefined {
  if (!receives(section)) return undefined;
  const own = ours === undefined ? undefined : h264Profile(parameter(ours, 'profile-level-id') ?? '');
  let best: { rank: number; payloadType: number; profileLevelId: string } | undefined;
  for (const { payloadType, parameters } of payloadTypes(section, /^H264\/90000$/i)) {
    if (parameter(parameters, 'packetization-mode') !== '1') continue;
    // Without the parameter it is baseline, level 1 (RFC 6184, 8.1).
    const profileLevelId = parameter(parameters, 'profile-level-id') ?? '42000a';
    const profile = /^[0-9a-f]{6}$/i.test(profileLevelId) ? h264Profile(profileLevelId) : undefined;
    if (profile === undefined) continue;
    const rank = profile === own ? -1 : PROFILES.indexOf(profile);
    if (best === undefined || rank < best.rank) best = { rank, payloadType, profileLevelId };
  }
  if (best === undefined) return undefined;
  const formatParameters = `level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=${best.profileLevelId}`;
  return { kind: 'video', mid: section.mid, payloadType: best.payloadType, formatParameters };
}

function chooseOpus(section: Section, ours: string | undefined): NegotiatedMedia | undefined {
  if (!receives(section)) return undefined;
  const first = payloadTypes(section, /^opus\/48000\/2$/i)[0];
  if (first === undefined) return undefined;
  return {
    kind: 'audio',
    mid: section.mid,
    payloadType: first.payloadType,
    formatParameters: ours ?? 'minptime=10;useinbandfec=1',
  };
}

/** The transport of a section; BUNDLE makes it the transport of all (RFC 9143). */
function readTransport({ session }: SessionDescription, { sdp }: Section): Transport {
  const value = (name: string, pattern: RegExp, allowed: string): string => {
    const found = sdp.attribute(name) ?? session.attribute(name);
    if (found === undefined || !pattern.test(found)) throw new WebRtcError('invalid', `a=${name}: ${allowed}`);
    return found;
  };
  return {
    ufrag: value(
      'ice-ufrag',
      /^[A-Za-z0-9+/=_-]{4,256}$/,
      'each offer needs one of 4 to 256 ICE characters (RFC 8839, 5.4)',
    ),
    password: value(
      'ice-pwd',
      /^[A-Za-z0-9+/=_-]{22,256}$/,
      'each offer needs one of 22 to 256 ICE characters (RFC 8839, 5.4)',
    ),
    fingerprint: value(
      'fingerprint',
      /^sha-(1|224|256|384|512) ([0-9A-F]{2}:){19,63}[0-9A-F]{2}$/i,
      'each offer needs a SHA fingerprint (RFC 8122, 5)',
    ),
    setup: value('setup', /^(actpass|active|passive)$/, 'must be actpass, active or passive (RFC 8842, 5)'),
  };
}

function writeOffer(offer: SessionDescription, sections: readonly Section[], accepted: readonly Section[]): string {
  const transport = readTransport(offer, accepted[0] as Section);
  const lines = [
    'v=0',
    'o=- 1 1 IN IP4 0.0.0.0',
    's=-',
    't=0 0',
    `a=group:BUNDLE ${accepted.map(({ mid }) => mid).join(' ')}`,
  ];
  for (const section of sections) {
    const { negotiated, mid } = section;
    const [media, ...attributes] = negotiated === undefined ? rejected(section) : received(section, negotiated);
    lines.push(media as string, 'c=IN IP4 0.0.0.0', ...attributes, `a=mid:${mid}`);
    lines.push(`a=ice-ufrag:${transport.ufrag}`, `a=ice-pwd:${transport.password}`);
    lines.push(`a=fingerprint:${transport.fingerprint}`, `a=setup:${transport.setup}`);
    if (section === accepted[0])
      lines.push(...usableCandidates(section.sdp.attributes('candidate')).map((value) => `a=candidate:${value}`));
  }
  return `${lines.join('\r\n')}\r\n`;
}

function received({ type, protocol }: Section, { kind, payloadType, formatParameters }: NegotiatedMedia): string[] {
  const name = kind === 'video' ? 'H264/90000' : 'opus/48000/2';
  return [
    `m=${type} 9 ${protocol} ${payloadType}`,
    `a=rtpmap:${payloadType} ${name}`,
    `a=fmtp:${payloadType} ${formatParameters}`,
    'a=recvonly',
    'a=rtcp-mux',
  ];
}

function rejected({ type, protocol, formats }: Section): string[] {
  if (type === 'application') return [`m=application 0 ${protocol} webrtc-datachannel`, 'a=sctp-port:5000'];
  const format = /^\d{1,3}$/.test(formats[0] ?? '') ? formats[0] : '0';
  return [`m=${type} 0 ${protocol} ${format}`, `a=rtpmap:${format} rejected/90000`, 'a=inactive', 'a=rtcp-mux'];
}
