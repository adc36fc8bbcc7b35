import sdp from 'sdp-transform';
import { test } from 'tap';
import { OPUS, RTP_VIDEO_CODECS, rtpmap } from '../../daemon/rtp/codec.ts';

test('rtpmap lines read as the codecs they name', async (t) => {
  for (const codec of [...Object.values(RTP_VIDEO_CODECS), OPUS]) {
    const line = `m=${codec.kind} 0 RTP/AVP ${codec.payloadType}\r\na=rtpmap:${codec.payloadType} ${rtpmap(codec)}\r\n`;
    const [map] = sdp.parse(`v=0\r\n${line}`).media[0]?.rtp ?? [];
    t.equal(`${codec.kind}/${map?.codec}`, codec.mimeType);
    t.equal(map?.rate, codec.clockRate);
    t.equal(map?.encoding, codec.channels);
    const dynamic = codec.payloadType >= 96 && codec.payloadType <= 127;
    t.equal(
      dynamic,
      codec.mimeType !== 'video/JPEG',
      'a dynamic payload type, or the static one of JPEG (RFC 3551, 6)',
    );
  }
});
