import { RtspError } from './rtsp-error.ts';

/** One way of transport that a viewer offers (RFC 2326, 12.39). */
export interface TransportOffer {
  lower: 'udp' | 'tcp';
  delivery: 'unicast' | 'multicast';
  /** Channels of RTP and RTCP. */
  interleaved?: readonly [number, number];
  /** The viewer's ports for RTP and RTCP. */
  clientPort?: readonly [number, number];
}

/** What was agreed, as the answer to SETUP says it. */
export type AgreedTransport =
  | { lower: 'tcp'; interleaved: readonly [number, number] }
  | { lower: 'udp'; clientPort: readonly [number, number]; serverPort: readonly [number, number] };

const MAX_OFFERS = 8;
const MAX_PARAMETERS = 32;

/**
 * The offers of a Transport header that are ours to take, in the viewer's order: profile RTP/AVP over UDP or TCP, to
 * play. `destination` and `source` are not looked at: media goes to the viewer's own address and nowhere else.
 * @throws RtspError `bad_request` for a port or channel out of range, or for a header without end.
 */
export function parseTransport(value: string): TransportOffer[] {
  const specs = value.split(',');
  if (specs.length > MAX_OFFERS) throw new RtspError('bad_request', `Transport: at most ${MAX_OFFERS} offers`);
  const offers: TransportOffer[] = [];
  for (const spec of specs) {
    const [profile = '', ...parameters] = spec.split(';').map((part) => part.trim());
    if (parameters.length > MAX_PARAMETERS)
      throw new RtspError('bad_request', `Transport: at most ${MAX_PARAMETERS} parameters`);
    const match = /^RTP\/AVP(?:\/(UDP|TCP))?$/i.exec(profile);
    if (match === null) continue;
    const offer: TransportOffer = { lower: match[1]?.toUpperCase() === 'TCP' ? 'tcp' : 'udp', delivery: 'unicast' };
    if (parameters.every((parameter) => applyParameter(offer, parameter))) offers.push(offer);
  }
  return offers;
}

/** False when the parameter makes the offer one that we do not serve. */
function applyParameter(offer: TransportOffer, parameter: string): boolean {
  const equals = parameter.indexOf('=');
  const name = (equals === -1 ? parameter : parameter.slice(0, equals)).trim().toLowerCase();
  const value = equals === -1 ? '' : parameter.slice(equals + 1).trim();
  switch (name) {
    case 'multicast':
      offer.delivery = 'multicast';
      return true;
    case 'interleaved':
      offer.interleaved = parsePair('interleaved', value, 0, 255);
      return true;
    case 'client_port':
      offer.clientPort = parsePair('client_port', value, 1, 65_535);
      return true;
    case 'mode':
      return /^"?play"?$/i.test(value);
    default:
      return true;
  }
}

/** `a-b`, or `a` with b the one after it. */
function parsePair(name: string, value: string, minimum: number, maximum: number): [number, number] {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(value);
  const first = Number(match?.[1]);
  const second = match?.[2] === undefined ? first + 1 : Number(match[2]);
  if (match === null || first < minimum || first > maximum || second < minimum || second > maximum || first === second)
    throw new RtspError('bad_request', `Transport: ${name}: two different numbers from ${minimum} to ${maximum}`);
  return [first, second];
}

/** @param ssrc of the packets that will come. */
export function formatTransport(transport: AgreedTransport, ssrc: number): string {
  const source = `ssrc=${ssrc.toString(16).padStart(8, '0').toUpperCase()}`;
  if (transport.lower === 'tcp') return `RTP/AVP/TCP;unicast;interleaved=${transport.interleaved.join('-')};${source}`;
  const { clientPort, serverPort } = transport;
  return `RTP/AVP;unicast;client_port=${clientPort.join('-')};server_port=${serverPort.join('-')};${source}`;
}

/**
 * Checks a Range header (RFC 2326, 12.29). A live source has only now to play from, so any range in normal play time
 * is taken as `npt=now-`, as players ask for `npt=0-`.
 * @throws RtspError `invalid_range` for other units and for what does not parse.
 */
export function checkRange(value: string): void {
  const time = String.raw`(?:now|\d{1,10}(?:\.\d{0,9})?|\d{1,10}:\d{1,2}:\d{1,2}(?:\.\d{0,9})?)`;
  if (!new RegExp(`^npt[ \t]*=[ \t]*(?:${time}-(?:${time})?|-${time})(?:[ \t]*;.*)?$`, 'i').test(value))
    throw new RtspError('invalid_range', 'Range: a live stream knows normal play time only, for example "npt=now-"');
}

/** The identifier of a Session header (RFC 2326, 12.37), without its parameters. @throws RtspError `bad_request`. */
export function parseSession(value: string): string {
  const id = /^([A-Za-z0-9$\-_.+]{1,128})(?:[ \t]*;.*)?$/.exec(value)?.[1];
  if (id === undefined) throw new RtspError('bad_request', 'Session: not an identifier');
  return id;
}

/** @param timeout in seconds. */
export const formatSession = (id: string, timeout: number): string => `${id};timeout=${timeout}`;

/** Where a track's media begins (RFC 2326, 12.33). */
export interface RtpInfo {
  url: string;
  /** Sequence number of the next packet. */
  seq: number;
  /** RTP time of the instant at which the range begins; the same instant for all tracks. */
  rtptime: number;
}

export const formatRtpInfo = (tracks: readonly RtpInfo[]): string =>
  tracks.map(({ url, seq, rtptime }) => `url=${url};seq=${seq};rtptime=${rtptime}`).join(',');
