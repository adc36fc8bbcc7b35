import { isIPv6 } from 'node:net';
import { type RtpCodec, rtpmap } from '../../rtp/codec.ts';

export interface DescribedTrack {
  /** Index among the stream's tracks, as its control URL has it. */
  index: number;
  codec: RtpCodec;
  /** Value of `a=fmtp`; empty: there is none. */
  formatParameters: string;
}

export interface SessionDescriptionOptions {
  /** The session's name, for people. */
  name: string;
  /** Our address as the viewer reaches it. */
  address: string;
  /** Digits: identifies the session; the same for the same presentation. */
  id: string;
  tracks: readonly DescribedTrack[];
}

/** The answer to DESCRIBE: SDP (RFC 8866) with control URLs relative to Content-Base (RFC 2326, appendix C). */
export function formatSessionDescription({ name, address, id, tracks }: SessionDescriptionOptions): string {
  const family = isIPv6(address) ? 'IP6' : 'IP4';
  const lines = [
    'v=0',
    `o=- ${id} 1 IN ${family} ${address}`,
    `s=${name}`,
    `c=IN ${family} ${family === 'IP6' ? '::' : '0.0.0.0'}`,
    't=0 0',
    'a=control:*',
    'a=range:npt=now-',
  ];
  for (const { index, codec, formatParameters } of tracks) {
    lines.push(
      `m=${codec.kind} 0 RTP/AVP ${codec.payloadType}`,
      `a=rtpmap:${codec.payloadType} ${rtpmap(codec)}`,
      ...(formatParameters === '' ? [] : [`a=fmtp:${codec.payloadType} ${formatParameters}`]),
      `a=control:trackID=${index}`,
    );
  }
  return `${lines.join('\r\n')}\r\n`;
}
