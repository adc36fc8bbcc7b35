/** What cameras on the network send, and what becomes of it. */
import { test } from 'tap';
import { checkContinuity, collect, decode, ENCODING, temporaryFolder, until } from '../support/capture-test-source.ts';
import { peakOf } from '../support/decoded.ts';
import { cameraProcess, cameraSettings, H264_10_SECONDS, networkSource } from '../support/network-camera.ts';

const video = (encode: string): string =>
  `videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=15/1 ! ${encode}`;
const tone = (encode: string): string =>
  `audiotestsrc is-live=true wave=sine freq=440 ! audio/x-raw,rate=48000 ! audioconvert ! audioresample ! ${encode}`;

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
    await until(() => source.flowing && (name === 'UDP' || source.encoders.length > 0) && frames.length >= 20);
    const { encoders } = source;
    t.same(encoders, name === 'UDP' ? [] : ['x264enc'], name);
    await source.close();
    checkContinuity(t, frames);
    const { frames: pictures } = await decode(folder, frames.slice(-15));
    t.ok(pictures.every(({ width, height }) => width === 320 && height === 240));
    camera.kill('SIGKILL');
  }
});

test('sound: Opus as it is, the others as Opus', async (t) => {
  for (const [name, launch, encoder] of [
    ['Opus', tone('opusenc ! rtpopuspay name=pay0 pt=97'), undefined],
    ['AAC', tone('voaacenc ! rtpmp4gpay name=pay0 pt=97'), 'opusenc'],
    ['PCMA', tone('audio/x-raw,rate=8000,channels=1 ! alawenc ! rtppcmapay name=pay0 pt=8'), 'opusenc'],
    ['PCMU', tone('audio/x-raw,rate=8000,channels=1 ! mulawenc ! rtppcmupay name=pay0 pt=0'), 'opusenc'],
  ] as const) {
    const camera = await cameraProcess(t, `${H264_10_SECONDS} ${launch.replace('pay0', 'pay1')}`);
    const { source, track } = networkSource(t, 'audio', cameraSettings(camera.url));
    const frames = collect(track);
    track.retain();
    await until(() => source.flowing && frames.length >= 60);
    t.same(source.encoders, encoder === undefined ? [] : [encoder], name);
    await source.close();
    t.ok((await peakOf(frames.slice(-50))) > 3000, 'a tone');
    camera.kill('SIGKILL');
  }
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
