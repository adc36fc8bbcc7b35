import { test } from 'tap';
import type { AudioDevice } from '../../daemon/capture/device.ts';
import { soundCodec, soundEncoder } from '../../daemon/capture/sound-encoders.ts';
import type { TrackConfiguration } from '../../daemon/media/track-source.ts';
import { aacCodec } from '../../daemon/rtp/aac.ts';
import { OPUS, PCMA, PCMU, type RtpCodec } from '../../daemon/rtp/codec.ts';

const RTSP = { transport: 'tcp', latency: 200, timeout: 5000 } as const;
const MICROPHONE: AudioDevice = {
  kind: 'audioinput',
  deviceId: 'm',
  groupId: 'm',
  label: 'm',
  bus: 'usb',
  path: 'plughw:CARD=m,DEV=0',
};
const camera = (sound: RtpCodec | undefined): AudioDevice => ({
  ...MICROPHONE,
  bus: 'rtsp',
  path: 'rtsp://127.0.0.1/',
  rtsp: { ...RTSP, encoding: 'MPEG4-GENERIC' },
  sound,
});
const UNKNOWN: AudioDevice = { ...camera(OPUS), rtsp: { ...RTSP, encoding: 'OPUS', assumed: true } };
const AAC = aacCodec(16_000, 1);
const PLAIN: TrackConfiguration = { settings: {}, contentHint: '', enabled: true };

test('what a sound goes out as', async (t) => {
  const table: [string, AudioDevice | undefined, Partial<TrackConfiguration>, RtpCodec | undefined][] = [
    ['a microphone', MICROPHONE, {}, OPUS],
    ['a microphone that is away', undefined, {}, OPUS],
    ['a microphone, for an old recorder', MICROPHONE, { audioCodec: 'aac' }, aacCodec(48_000, 2)],
    ['in mono', MICROPHONE, { audioCodec: 'aac', settings: { channelCount: 1 } }, aacCodec(48_000, 1)],
    ['a camera that nobody has asked', UNKNOWN, {}, undefined],
    ['a camera that nobody has asked, told what', UNKNOWN, { audioCodec: 'pcmu' }, PCMU],
    ['a camera that nobody has asked, AAC in any case', UNKNOWN, { audioCodec: 'aac' }, undefined],
    ['a camera with AAC', camera(AAC), {}, AAC],
    ['a camera with AAC, told so', camera(AAC), { audioCodec: 'aac' }, AAC],
    ['a camera with G.711', camera(PCMA), {}, PCMA],
    ['a camera with G.711, told another', camera(PCMA), { audioCodec: 'aac' }, aacCodec(48_000, 2)],
    ['a camera with something else', camera(undefined), {}, OPUS],
    ['a gain', camera(AAC), { gain: 3 }, OPUS],
    ['a gain, told so', camera(AAC), { gain: 3, audioCodec: 'aac' }, AAC],
    ['fewer channels', camera(aacCodec(16_000, 2)), { settings: { channelCount: 1 } }, OPUS],
    ['encoded here in any case', camera(AAC), { passthrough: false }, OPUS],
  ];
  for (const [name, device, configuration, codec] of table)
    t.equal(soundCodec(device, { ...PLAIN, ...configuration }, { aac: 'voaacenc' }), codec, name);
  t.equal(soundCodec(camera(AAC), PLAIN, { aac: undefined }), OPUS, 'nothing here could make its silence');
  t.equal(soundCodec(camera(PCMA), PLAIN, { aac: undefined }), PCMA);
  t.throws(() => soundEncoder(AAC, undefined), { code: 'not-installed', message: /voaacenc/ });
});
