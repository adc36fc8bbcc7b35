import sdpTransform from 'sdp-transform';
import { test } from 'tap';
import { formatSessionDescription } from '../../../daemon/publish/rtsp/session-description.ts';
import { H264, OPUS } from '../../../daemon/rtp/codec.ts';

const FORMAT = 'packetization-mode=1;profile-level-id=42C01E;sprop-parameter-sets=Z0LAHtkA,aMuMsg==';

test('an SDP parser finds what we mean', async (t) => {
  const text = formatSessionDescription({
    name: 'front',
    address: '192.0.2.1',
    id: '123',
    tracks: [
      { index: 0, codec: H264, formatParameters: FORMAT },
      { index: 1, codec: OPUS, formatParameters: 'minptime=10' },
    ],
  });
  t.ok(text.endsWith('\r\n') && !text.includes('\r\n\r\n') && !/[^\r]\n/.test(text), 'CRLF throughout');
  t.match(sdpTransform.parse(text), {
    version: 0,
    origin: { username: '-', sessionId: 123, sessionVersion: 1, netType: 'IN', ipVer: 4, address: '192.0.2.1' },
    name: 'front',
    connection: { version: 4, ip: '0.0.0.0' },
    timing: { start: 0, stop: 0 },
    control: '*',
    media: [
      {
        type: 'video',
        port: 0,
        protocol: 'RTP/AVP',
        payloads: 96,
        rtp: [{ payload: 96, codec: 'H264', rate: 90000 }],
        fmtp: [{ payload: 96, config: FORMAT }],
        control: 'trackID=0',
      },
      { type: 'audio', rtp: [{ payload: 111, codec: 'opus', rate: 48000, encoding: 2 }], control: 'trackID=1' },
    ],
  });
  t.match(text, /^a=range:npt=now-\r$/m);
});

test('one track only keeps its index; IPv6', async (t) => {
  const tracks = [{ index: 1, codec: OPUS, formatParameters: 'minptime=10' }];
  const text = formatSessionDescription({ name: 'front', address: '2001:db8::1', id: '1', tracks });
  t.match(sdpTransform.parse(text), {
    origin: { ipVer: 6, address: '2001:db8::1' },
    connection: { version: 6, ip: '::' },
    media: [{ type: 'audio', control: 'trackID=1' }],
  });
});
