import { test } from 'tap';
import { converterArguments } from '../../../daemon/publish/rtmp/converter.ts';

test('each track has a descriptor of its own, and the output the last', async (t) => {
  const both = converterArguments(['video', 'audio'], 'avenc_aac').join(' ');
  t.match(both, /fdsink fd=5/);
  t.match(both, /fdsrc fd=3 .* rtph264depay/);
  t.match(both, /fdsrc fd=4 .* rtpopusdepay .* avenc_aac bitrate=128000 ! aacparse/);
  const sound = converterArguments(['audio'], 'voaacenc').join(' ');
  t.match(sound, /fdsink fd=4/);
  t.match(sound, /fdsrc fd=3 .* voaacenc/);
  t.notMatch(sound, /h264/);
});

test('sound without an encoder is a fault of the caller', async (t) => {
  t.throws(() => converterArguments(['audio'], undefined), TypeError);
});
