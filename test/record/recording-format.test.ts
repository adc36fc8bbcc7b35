import { test } from 'tap';
import { chooseFormat, isTypeSupported, typeOf } from '../../daemon/record/recording-format.ts';

const VIDEO = new Set(['video'] as const);
const AUDIO = new Set(['audio'] as const);
const BOTH = new Set(['audio', 'video'] as const);

test('types', async (t) => {
  const supported: [type: string, expected: boolean][] = [
    ['', true],
    ['video/mp4', true],
    ['VIDEO/MP4', true],
    ['video/mp4;codecs=avc1', true],
    ['video/mp4; codecs="avc1.42E01E, opus"', true],
    ['video/mp4;codecs=avc1.64003E,mp4a.40.2', true],
    ['video/mp4;codecs=h264', true],
    ['video/mp4;codecs=mp4a.6b', false],
    ['video/mp4;codecs=avc3', false],
    ['video/mp4;codecs=hvc1.1.6.L186.B0,opus', false],
    ['video/mp4;codecs=vp8', false],
    ['video/mp4;codecs=avc1,avc1', false],
    ['video/mp4;codecs=opus,mp4a.40.2', false],
    ['video/webm', true],
    ['video/webm;codecs=vp8,opus', true],
    ['video/webm;codecs="opus,vp9"', true],
    ['video/webm;codecs=avc1', false],
    ['video/webm;codecs=vp8,vorbis', false],
    ['video/webm;codecs=av1', false],
    ['video/x-matroska;codecs=avc1,opus', true],
    ['audio/mp4', true],
    ['audio/webm;codecs=opus', true],
    ['audio/webm;codecs=vp8', false],
    ['audio/ogg;codecs=opus', true],
    ['audio/ogg;codecs=vorbis', false],
    ['video/ogg', false],
    ['audio/x-matroska', false],
    ['audio/banana', false],
    ['video/constructor', false],
    ['text/mp4', false],
    ['mp4', false],
    ["''", false],
    ['video/mp4;codecs=constructor', false],
  ];
  for (const [type, expected] of supported) t.equal(isTypeSupported(type, false), expected, type);
  t.equal(isTypeSupported('video/mp4;codecs=futura.1', false), false, 'nobody has heard of it');
  t.equal(isTypeSupported('video/mp4;codecs=futura.1', true), true, 'and starting will tell');
  t.equal(isTypeSupported('video/mp4;codecs=vorbis', true), false, 'known, and not written');
  t.equal(chooseFormat('video/mp4;codecs=futura.1', VIDEO), undefined);
});

test('a format for the tracks', async (t) => {
  const cases: [type: string, kinds: ReadonlySet<'audio' | 'video'>, expected: string | undefined][] = [
    ['', BOTH, 'video/mp4;codecs=avc1.42C01E,opus'],
    ['', VIDEO, 'video/mp4;codecs=avc1.42C01E'],
    ['', AUDIO, 'audio/webm;codecs=opus'],
    ['video/webm', BOTH, 'video/webm;codecs=vp8,opus'],
    ['video/webm', AUDIO, 'video/webm;codecs=opus'],
    ['video/webm;codecs=vp9', BOTH, 'video/webm;codecs=vp9,opus'],
    ['video/webm; codecs="vp9, opus"', BOTH, 'video/webm; codecs="vp9, opus"'],
    ['video/mp4; codecs="avc1.64001E,opus"', VIDEO, 'video/mp4;codecs=avc1.42C01E'],
    ['video/mp4;codecs=mp4a.40.2', BOTH, 'video/mp4;codecs=avc1.42C01E,mp4a.40.2'],
    ['audio/mp4', BOTH, undefined],
    ['audio/ogg', VIDEO, undefined],
    ['audio/ogg', AUDIO, 'audio/ogg;codecs=opus'],
  ];
  for (const [type, kinds, expected] of cases) {
    const format = chooseFormat(type, kinds);
    t.equal(format && typeOf(format, type, '42C01E'), expected, `${type} for ${[...kinds]}`);
  }
  const format = chooseFormat('video/mp4', VIDEO);
  t.equal(format && typeOf(format, 'video/mp4', undefined), 'video/mp4;codecs=avc1', 'before the profile is known');
});
