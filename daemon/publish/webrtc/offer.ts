import { isIP } from 'node:net';
import { type RtpCodec, rtpmap } from '../../rtp/codec.ts';
import { chooseFormat, codecNames, neededFor, type OfferedFormat, type OfferedTrack } from './codec-choice.ts';
import { readSessionDescription, type SdpSection, type SessionDescription } from './session-description.ts';
import { WebRtcError } from './webrtc-error.ts';

/** What one section of an offer became: a medium that we send. */
export interface NegotiatedMedia {
  kind: 'video' | 'audio';
  mid: string;
  codec: RtpCodec;
  /** The viewer's number for the codec. */
  payloadType: number;
  /** `a=fmtp` of the answer; empty: there is none. */
  formatParameters: string;
  /** Which of the tracks of its kind is sent. */
  track: number;
}

export interface NegotiatedOffer {
  /** The offer for the native library: written by us from checked values, with nothing in it that we refuse. */
  sdp: string;
  media: NegotiatedMedia[];
}

/** The tracks of each kind of which one may be sent: the same in several encodings, the best one first. */
export type OfferedTracks = Partial<Record<'video' | 'audio', readonly OfferedTrack[]>>;

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
  /** Payload types as they stand in its `m=` line. */
  formats: string[];
  mid: string;
}

/** What is sent in which section. */
type Answer = ReadonlyMap<Section, NegotiatedMedia>;

const MAX_SECTIONS = 16;
const MAX_CANDIDATES = 16;
const PROTOCOLS: ReadonlySet<string> = new Set(['UDP/TLS/RTP/SAVPF', 'TCP/TLS/RTP/SAVPF']);

/**
 * Answers for each section of a WebRTC offer (RFC 8829, 5.3) whether we send in it and what: the first that can receive
 * our picture, the first that can receive our sound. All others are rejected with port 0.
 * @param tracks of each kind the first is sent that the viewer says to decode, else the first that it may decode all the
 *   same.
 * @throws WebRtcError `invalid` for what is no offer, `unacceptable` where it can receive nothing of ours, or wants a
 *   picture and can receive none of ours.
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
  const answer = answerWith(sections, tracks);
  if (answer === undefined) throw new WebRtcError('unacceptable', whyNot(sections, tracks));
  return { sdp: writeOffer(offer, sections, answer), media: [...answer.values()] };
}

/** Undefined where nothing can be sent, or not the picture that the viewer has a section for. */
function answerWith(sections: readonly Section[], tracks: OfferedTracks): Answer | undefined {
  const chosen = new Map<Section, NegotiatedMedia>();
  for (const kind of ['video', 'audio'] as const) {
    const offered = tracks[kind] ?? [];
    const receiving = sections.filter((section) => section.type === kind && receives(section));
    const possible = offered.flatMap((track, index) => {
      for (const section of receiving) {
        const format = chooseFormat(formatsOf(section), track);
        if (format !== undefined) return [{ section, format, codec: track.codec, track: index }];
      }
      return [];
    });
    const best = possible.find(({ format }) => format.exact) ?? possible[0];
    if (best !== undefined) {
      const { section, format, codec, track } = best;
      const { payloadType, formatParameters } = format;
      chosen.set(section, { kind, mid: section.mid, codec, payloadType, formatParameters, track });
    } else if (kind === 'video' && offered.length > 0 && receiving.length > 0) return undefined;
  }
  // In the order of the offer.
  const answer = new Map(
    sections.flatMap((section) => (chosen.has(section) ? [[section, chosen.get(section) as NegotiatedMedia]] : [])),
  );
  return answer.size === 0 ? undefined : answer;
}

function whyNot(sections: readonly Section[], tracks: OfferedTracks): string {
  const needed = [...new Set(Object.values(tracks).flat().map(neededFor))].join(', or ');
  const pictures = sections.filter((section) => section.type === 'video' && receives(section)).flatMap(formatsOf);
  const offered =
    pictures.length === 0 ? '' : `; the video that is offered to be received is ${codecNames(pictures).join(', ')}`;
  return `no section of the offer can receive what the stream has: ${needed}, with a direction of recvonly or sendrecv${offered}`;
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
  return { sdp, type, protocol, formats: formats.split(' '), mid };
}

function receives({ sdp, protocol }: Section): boolean {
  if (!PROTOCOLS.has(protocol) || / 0 /.test(sdp.media.slice(0, 24))) return false;
  return sdp.attribute('sendonly') === undefined && sdp.attribute('inactive') === undefined;
}

/** The payload types of a section that have a name, in the viewer's order of preference. */
function formatsOf({ sdp, formats }: Section): OfferedFormat[] {
  const named = new Map<string, string>();
  for (const value of sdp.attributes('rtpmap')) {
    const match = /^(\d{1,3}) (\S{1,64})$/.exec(value);
    if (match !== null) named.set(match[1] as string, match[2] as string);
  }
  return formats.flatMap((format): OfferedFormat[] => {
    const payloadType = Number(format);
    const name = named.get(format);
    if (name === undefined || !(payloadType >= 0 && payloadType <= 127)) return [];
    const fmtp = sdp.attributes('fmtp').find((value) => value.startsWith(`${format} `));
    return [{ payloadType, rtpmap: name, parameters: fmtp?.slice(format.length + 1) ?? '' }];
  });
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

function writeOffer(offer: SessionDescription, sections: readonly Section[], answer: Answer): string {
  const [first] = answer.keys();
  const transport = readTransport(offer, first as Section);
  const lines = [
    'v=0',
    'o=- 1 1 IN IP4 0.0.0.0',
    's=-',
    't=0 0',
    `a=group:BUNDLE ${[...answer.values()].map(({ mid }) => mid).join(' ')}`,
  ];
  for (const section of sections) {
    const { mid } = section;
    const negotiated = answer.get(section);
    const [media, ...attributes] = negotiated === undefined ? rejected(section) : received(section, negotiated);
    lines.push(media as string, 'c=IN IP4 0.0.0.0', ...attributes, `a=mid:${mid}`);
    lines.push(`a=ice-ufrag:${transport.ufrag}`, `a=ice-pwd:${transport.password}`);
    lines.push(`a=fingerprint:${transport.fingerprint}`, `a=setup:${transport.setup}`);
    if (section === first)
      lines.push(...usableCandidates(section.sdp.attributes('candidate')).map((value) => `a=candidate:${value}`));
  }
  return `${lines.join('\r\n')}\r\n`;
}

function received({ type, protocol }: Section, { codec, payloadType, formatParameters }: NegotiatedMedia): string[] {
  return [
    `m=${type} 9 ${protocol} ${payloadType}`,
    `a=rtpmap:${payloadType} ${rtpmap(codec)}`,
    ...(formatParameters === '' ? [] : [`a=fmtp:${payloadType} ${formatParameters}`]),
    'a=recvonly',
    'a=rtcp-mux',
  ];
}

function rejected({ type, protocol, formats }: Section): string[] {
  if (type === 'application') return [`m=application 0 ${protocol} webrtc-datachannel`, 'a=sctp-port:5000'];
  const format = /^\d{1,3}$/.test(formats[0] ?? '') ? formats[0] : '0';
  return [`m=${type} 0 ${protocol} ${format}`, `a=rtpmap:${format} rejected/90000`, 'a=inactive', 'a=rtcp-mux'];
}
