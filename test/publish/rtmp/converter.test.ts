import { test } from 'tap';
import { converterArguments } from '../../../daemon/publish/rtmp/converter.ts';
import { aacCodec } from '../../../daemon/rtp/aac.ts';
import { H264, OPUS, PCMA } from '../../../daemon/rtp/codec.ts';

test('each track has a descriptor of its own, and the output the last', async (t) => {
  const both = converterArguments(
    new Map([
      ['video', H264],
      ['audio', OPUS],
    ]),
    'avenc_aac',
  ).join(' ');
  t.match(both, /fdsink fd=5/);
  t.match(both, /fdsrc fd=3 .* rtph264depay/);
  t.match(both, /fdsrc fd=4 .* rtpopusdepay .* avenc_aac bitrate=128000 ! aacparse/);
  const sound = converterArguments(new Map([['audio', PCMA]]), 'voaacenc').join(' ');
  t.match(sound, /fdsink fd=4/);
  t.match(sound, /fdsrc fd=3 .* rtppcmadepay ! alawdec ! .* voaacenc/);
  t.notMatch(sound, /h264/);
  const untouched = converterArguments(new Map([['audio', aacCodec(44_100, 2)]]), 'voaacenc').join(' ');
  t.match(untouched, /fdsrc fd=3 .* rtpmp4gdepay ! aacparse ! queue ! mux.audio$/, 'AAC is not encoded again');
});

test('sound without an encoder is a fault of the caller', async (t) => {
  t.throws(() => converterArguments(new Map([['audio', OPUS]]), undefined), TypeError);
});
