import { test } from 'tap';
import { aacCodec, aacConfig, aacFormatParameters, readAacConfig } from '../../daemon/rtp/aac.ts';
import { rtpmap } from '../../daemon/rtp/codec.ts';

test('AudioSpecificConfig, as cameras say it', async (t) => {
  for (const [config, clockRate, channels] of [
    ['1210', 44_100, 2],
    ['1190', 48_000, 2],
    ['1408', 16_000, 1],
    ['1588', 8000, 1],
    ['1008', 96_000, 1],
  ] as const) {
    const codec = aacCodec(clockRate, channels);
    t.equal(readAacConfig(config), codec, config);
    t.equal(aacConfig(codec), config);
  }
  t.equal(readAacConfig('121056E500'), aacCodec(44_100, 2), 'no replication of spectral bands, as ffmpeg says it');
  for (const [config, what] of [
    ['', 'nothing'],
    ['12', 'half of it'],
    ['zz10', 'no number'],
    ['0a10', 'main profile'],
    ['2b11880800', 'HE-AAC'],
    ['131056E598', 'HE-AAC, so that old decoders play it'],
    ['1780', 'a sampling frequency without index'],
    ['1220', 'four channels'],
    ['1214', 'frames of 960 samples'],
  ] as const)
    t.equal(readAacConfig(config), undefined, what);
});

test('AAC in SDP (RFC 3640, 4.1)', async (t) => {
  const codec = aacCodec(16_000, 1);
  t.equal(aacCodec(16_000, 1), codec, 'one object');
  t.equal(rtpmap(codec), 'mpeg4-generic/16000/1');
  t.equal(
    aacFormatParameters(codec),
    'streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=1408',
  );
  t.throws(() => aacCodec(47_000, 1), RangeError);
});
