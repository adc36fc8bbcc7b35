/** What cameras on the network send, and what becomes of it. */
import { test } from 'tap';
import type { TrackConfiguration } from '../../daemon/media/track-source.ts';
import { aacCodec } from '../../daemon/rtp/aac.ts';
import { OPUS, PCMA, PCMU, type RtpCodec } from '../../daemon/rtp/codec.ts';
import { marker, payloadOffset, payloadType } from '../../daemon/rtp/packet.ts';
import type { RtpFrame } from '../../daemon/rtp/rtp-frame.ts';
import {
  checkContinuity,
  collect,
  decode,
  ENCODING,
  stepsOf,
  temporaryFolder,
  until,
} from '../support/capture-test-source.ts';
import { peakOf } from '../support/decoded.ts';
import { AAC, cameraProcess, cameraSettings, G711, H264_10_SECONDS, networkSource } from '../support/network-camera.ts';

const video = (encode: string): string =>
  `videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=15/1 ! ${encode}`;
const tone = (encode: string): string =>
  `audiotestsrc is-live=true wave=sine freq=440 ! audio/x-raw,rate=48000 ! audioconvert ! audioresample ! ${encode}`;

/** Of the last frames the even times: where the camera's clock becomes known those before may have been ahead, and time waits for it, once. */
function settledSteps(frames: readonly RtpFrame[]): number[] {
  const steps = stepsOf(frames.slice(-15));
  return steps.slice(steps.findLastIndex((step) => step < 60 * 90) + 1);
}

test('what cannot be passed through is encoded here', async (t) => {
  const folder = await temporaryFolder(t);
  for (const [name, launch, settings] of [
    ['H.265', video('x265enc tune=zerolatency speed-preset=ultrafast key-int-max=15 ! rtph265pay name=pay0 pt=96'), {}],
    ['JPEG', video('videoconvert ! video/x-raw,format=I420 ! jpegenc ! rtpjpegpay name=pay0 pt=26'), {}],
    [
      'B-frames',
      video(
        'x264enc bframes=2 b-adapt=false rc-lookahead=0 key-int-max=15 speed-preset=ultrafast ! video/x-h264,profile=main ! rtph264pay name=pay0 pt=96',
      ),
      {},
    ],
    [
      '4:4:4',
      video(
        'videoconvert ! video/x-raw,format=Y444 ! x264enc tune=zerolatency key-int-max=15 speed-preset=ultrafast ! rtph264pay name=pay0 pt=96',
      ),
      {},
    ],
    ['UDP', H264_10_SECONDS.replace('150', '15'), { transport: 'udp' }],
  ] as const) {
    const camera = await cameraProcess(t, launch);
    const { source, track } = networkSource(t, 'video', cameraSettings(camera.url, settings));
    const frames = collect(track);
    track.retain();
    await until(() => source.flowing && (name === 'UDP' || source.encoders.length > 0) && frames.length >= 40);
    const { encoders } = source;
    t.same(encoders, name === 'UDP' ? [] : ['x264enc'], name);
    // The clock may become known only now.
    if (name === 'B-frames') await until(() => settledSteps(frames).length >= 8);
    await source.close();
    checkContinuity(t, frames);
    if (name === 'B-frames') t.ok(settledSteps(frames).length >= 8, `even times: ${stepsOf(frames.slice(-15))}`);
    const { frames: pictures } = await decode(folder, frames.slice(-15));
    t.ok(pictures.every(({ width, height }) => width === 320 && height === 240));
    camera.kill('SIGKILL');
  }
});

test('sound as it is; what nobody can play as it is, as Opus', async (t) => {
  const aac = 'voaacenc ! rtpmp4gpay name=pay1 pt=97';
  for (const [name, launch, codec, configuration] of [
    ['Opus', tone('opusenc ! rtpopuspay name=pay1 pt=97'), OPUS, {}],
    ['AAC', tone(aac), aacCodec(48_000, 1), {}],
    ['AAC, amplified', tone(aac), OPUS, { gain: 3 }],
    ['AAC, as Opus', tone(aac), OPUS, { audioCodec: 'opus' }],
    ['PCMA', tone('audio/x-raw,rate=8000,channels=1 ! alawenc ! rtppcmapay name=pay1 pt=8'), PCMA, {}],
    ['PCMU', tone('audio/x-raw,rate=8000,channels=1 ! mulawenc ! rtppcmupay name=pay1 pt=0'), PCMU, {}],
    ['G.722', tone('audio/x-raw,rate=16000,channels=1 ! avenc_g722 ! rtpg722pay name=pay1 pt=9'), OPUS, {}],
  ] as [string, string, RtpCodec, Partial<TrackConfiguration>][]) {
    const camera = await cameraProcess(t, `${H264_10_SECONDS} ${launch}`);
    const { source, track } = networkSource(t, 'audio', cameraSettings(camera.url), configuration);
    t.equal(
      track.rtp.formatParameters === undefined,
      configuration.audioCodec === undefined,
      'nobody has asked it yet',
    );
    const frames = collect(track);
    track.retain();
    await until(() => source.flowing && frames.length >= 60);
    t.equal(track.rtp.codec, codec, name);
    const encoded = codec === OPUS && name !== 'Opus';
    t.same(source.encoders, encoded ? ['opusenc'] : [], encoded ? 'encoded here' : 'not encoded here');
    t.equal(track.settings().sampleRate, codec.clockRate);
    // Decoded for the moment; a second time the decoder is there.
    for (let reading = 0; reading < 2; reading++) {
      const level = await source.level();
      t.ok(
        level && level.rms > -30 && level.rms < level.peak && level.peak < 0,
        `how loud it is: ${JSON.stringify(level)}`,
      );
    }
    await source.close();
    checkContinuity(t, frames);
    t.ok((await peakOf(frames.slice(-50), codec)) > 3000, 'a tone');
    camera.kill('SIGKILL');
  }
});

test('AAC: not enabled it is silence in AAC, and Opus is made of it while somebody wants that', async (t) => {
  const camera = await cameraProcess(t, `${H264_10_SECONDS} ${AAC}`);
  const { source, track } = networkSource(t, 'audio', cameraSettings(camera.url));
  const codec = aacCodec(48_000, 2);
  const frames = collect(track);
  track.retain();
  await until(() => frames.length >= 60);

  const opus = track.inOpus();
  const decoded = collect(opus);
  const release = opus.retain();
  await until(() => decoded.length >= 60);
  t.equal(opus.rtp.codec, OPUS);
  t.ok((await peakOf(decoded.slice(-50))) > 3000, 'a tone');
  t.ok(source.flowing && source.stats.restarts.crash === undefined, 'the camera was not opened again');

  const configuration = { ...track.configuration, enabled: false };
  await track.configure(configuration);
  const at = [frames.length, decoded.length] as const;
  await until(() => frames.length >= at[0] + 60 && decoded.length >= at[1] + 60);
  t.ok((await peakOf(frames.slice(-40), codec)) < 4, 'silence');
  t.ok((await peakOf(decoded.slice(-40))) < 4, 'silence, as Opus');
  for (const packet of frames.slice(-40).flatMap(({ packets }) => packets)) {
    const payload = packet.subarray(payloadOffset(packet));
    t.ok(marker(packet) && payload.readUInt16BE(0) === 16, 'one header of 16 bits (RFC 3640, 3.3.6)');
    t.equal(payload.readUInt16BE(2) >> 3, payload.length - 4, 'the size of the access unit');
  }
  await track.configure({ ...configuration, enabled: true });
  const back = frames.length;
  await until(() => frames.length >= back + 100);
  t.ok((await peakOf(frames.slice(-40), codec)) > 3000, 'the tone again');
  checkContinuity(t, frames);
  checkContinuity(t, decoded);

  release();
  await until(() => source.flowing);
  track.close();
  await until(() => source.state === 'idle');
});

test('a camera that comes back with another codec: who listens keeps what was promised, who comes then gets the new one', async (t) => {
  const camera = await cameraProcess(t, `${H264_10_SECONDS} ${AAC}`);
  const { source, track } = networkSource(t, 'audio', cameraSettings(camera.url, { timeout: 2 }));
  const frames: RtpFrame[] = [];
  track.retain();
  const leave = track.rtp.onFrame((frame) => frames.push(frame));
  await until(() => frames.length >= 20);
  const codec = aacCodec(48_000, 2);
  t.equal(track.rtp.codec, codec);
  camera.kill('SIGKILL');
  await until(() => source.muted);
  await cameraProcess(t, `${H264_10_SECONDS} ${G711}`, { port: camera.port });
  await until(() => source.flowing);
  const back = frames.length;
  await until(() => frames.length >= back + 60);
  t.equal(track.rtp.codec, codec, 'promised');
  t.same(source.encoders, ['avenc_aac']);
  t.ok((await peakOf(frames.slice(-40), codec)) > 3000, 'the tone of the new camera');
  checkContinuity(t, frames);

  leave();
  track.retain();
  t.equal(track.rtp.codec, PCMA);
  const next = collect(track);
  await until(() => next.length >= 40);
  t.same(source.encoders, [], 'as it is');
  t.ok((await peakOf(next.slice(-30), PCMA)) > 3000, 'the same tone');
  t.equal(payloadType(next[0]?.packets[0] as Buffer), 8);
});

test('H.265 to a track of H.265: as it is, beside one of H.264', async (t) => {
  const folder = await temporaryFolder(t);
  const camera = await cameraProcess(
    t,
    video('x265enc tune=zerolatency speed-preset=ultrafast key-int-max=150 ! rtph265pay name=pay0 pt=96'),
  );
  const encoding = { ...ENCODING, codec: 'h265' } as const;
  const { source, track } = networkSource(t, 'video', cameraSettings(camera.url), { encoding });
  const frames = collect(track);
  track.retain();
  await until(() => frames.length >= 20);
  t.same(source.encoders, [], 'nothing is encoded');
  t.match(track.settings(), { width: 320, height: 240 });
  t.equal(track.rtp.codec.mimeType, 'video/H265');
  const late = source.encode(track.configuration);
  const others = collect(late);
  late.retain();
  t.ok(others[0]?.keyFrame, 'who comes later begins with the kept pictures');
  const photo = await track.photo();
  t.same([photo.width, photo.height], [320, 240]);
  const h264 = source.encode({ ...track.configuration, encoding: ENCODING });
  const encoded = collect(h264);
  h264.retain();
  await until(() => encoded.length >= 20 && frames.length >= 60);
  await source.close();
  for (const each of [frames, others, encoded]) checkContinuity(t, each);
  const { frames: pictures } = await decode(folder, encoded.slice(0, 15));
  t.ok(pictures.every(({ width, height }) => width === 320 && height === 240));
});
