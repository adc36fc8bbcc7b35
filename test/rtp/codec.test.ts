import sdp from 'sdp-transform';
import { test } from 'tap';
import { H264, OPUS, rtpmap } from '../../daemon/rtp/codec.ts';

test('rtpmap lines read as the codecs they name', async (t) => {
  for (const codec of [H264, OPUS]) {
    const line = `m=${codec.kind} 0 RTP/AVP ${codec.payloadType}\r\na=rtpmap:${codec.payloadType} ${rtpmap(codec)}\r\n`;
    const [map] = sdp.parse(`v=0\r\n${line}`).media[0]?.rtp ?? [];
    t.equal(`${codec.kind}/${map?.codec}`, codec.mimeType);
    t.equal(map?.rate, codec.clockRate);
    t.equal(map?.encoding, codec.channels);
    t.ok(codec.payloadType >= 96 && codec.payloadType <= 127, 'a dynamic payload type (RFC 3551, 6)');
  }
});
