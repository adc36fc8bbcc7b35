import { test } from 'tap';
import type { VideoCodec } from '../../config/codecs.ts';
import { CaptureError } from '../../daemon/capture/capture-error.ts';
import { planCapture } from '../../daemon/capture/capture-plan.ts';
import { TEST_PICTURE, type VideoDevice } from '../../daemon/capture/device.ts';
import { RTP_VIDEO_CODECS } from '../../daemon/rtp/codec.ts';
import {
  captureTest,
  checkContinuity,
  collect,
  decode,
  ENCODING,
  encodersFrom,
  temporaryFolder,
  until,
} from '../support/capture-test-source.ts';

test('profiles of H.264: as asked, and another one by another life that viewers stay through', async (t) => {
  const folder = await temporaryFolder(t);
  for (const encoder of ['x264enc', 'openh264enc'] as const) {
    const { source, track } = captureTest('video', { encoders: encodersFrom({ h264: [encoder] }) });
    t.teardown(() => source.close());
    const frames = collect(track);
    track.retain();
    for (const [profile, id] of [
      ['baseline', '42C0'],
      ['main', '4D'],
      ['high', '64'],
    ] as const) {
      await track.configure({ ...track.configuration, encoding: { ...ENCODING, profile } });
      await until(() => track.rtp.formatParameters?.includes(`profile-level-id=${id}`) === true);
      const mark = frames.length;
      await until(() => frames.length >= mark + 10);
      t.pass(`${encoder}: ${profile}`);
      t.same(source.encodingOf(track), { encoder });
    }
    await source.close();
    checkContinuity(t, frames);
    const { complaints } = await decode(folder, frames);
    t.equal(complaints, '');
  }
});

test('a codec that nothing encodes here: its track says why, the others go on undisturbed', async (t) => {
  const lacking = 'h265 cannot be encoded here';
  let asked = false;
  const encoders = encodersFrom(
    {},
    {
      choose: async (codec) => {
        if (codec !== 'h265') return ['x264enc'];
        asked = true;
        throw new CaptureError('not-installed', lacking);
      },
      problem: (codec) => (codec === 'h265' && asked ? lacking : undefined),
    },
  );
  const { source, track: hevc } = captureTest('video', { encoders, encoding: { ...ENCODING, codec: 'h265' } });
  t.teardown(() => source.close());
  const release = hevc.retain();
  await until(() => source.state === 'error');
  t.equal(source.stateReason, lacking, 'alone it is what the source says');
  t.equal(hevc.problem, lacking);

  const track = source.encode({ ...hevc.configuration, encoding: ENCODING });
  const frames = collect(track);
  track.retain();
  await until(() => frames.length >= 15);
  const { pid } = source;
  release();
  hevc.retain();
  const mark = frames.length;
  await until(() => frames.length >= mark + 15);
  t.equal(source.pid, pid, 'who asks for it in vain disturbs nobody');
  t.equal(hevc.rtp.stats.frames, 0);
  t.equal(track.problem, undefined);
});

test('an encoder has its limits: a smaller rate, or another encoder', async (t) => {
  const camera: VideoDevice = {
    ...TEST_PICTURE,
    bus: 'usb-1',
    path: '/dev/video0',
    formats: [
      { pixelFormat: 'MJPG', width: 1920, height: 1080, frameRates: [60] },
      { pixelFormat: 'MJPG', width: 2592, height: 1944, frameRates: [15] },
    ],
  };
  const plan = (
    width: number,
    height: number,
    codec: VideoCodec = 'h264',
    scaleResolutionDownBy = 1,
    frameRate = width > 1920 ? 15 : 60,
  ) =>
    planCapture({
      device: camera,
      tracks: [
        {
          open: true,
          codec: RTP_VIDEO_CODECS[codec],
          configuration: {
            settings: { width, height, frameRate },
            contentHint: '',
            enabled: true,
            encoding: { ...ENCODING, codec, scaleResolutionDownBy },
          },
        },
      ],
      encoders: { h264: ['v4l2h264enc', 'x264enc'], mjpeg: ['jpegenc'], h265: [] },
      pattern: 'black',
      text: undefined,
      wallClock: 0,
    });
  const fullHd = plan(1920, 1080);
  t.same(fullHd.encoders, ['v4l2h264enc']);
  t.match(fullHd.start.launch, /framerate=30\/1.* v4l2h264enc/, '1080p30 is what level 4 has');
  t.same(fullHd.limits, ['v4l2h264enc keeps up with 30 frames per second at 1920 x 1080']);
  t.same(plan(1920, 1080, 'h264', 2).limits, [undefined]);
  t.same(plan(2592, 1944).limits, ['v4l2h264enc takes up to 1920 x 1920: 2592 x 1944 is encoded by x264enc']);
  t.same(plan(2592, 1944).encoders, ['x264enc'], 'wider than the hardware takes');
  t.throws(() => plan(2592, 1944, 'mjpeg'), {
    code: 'invalid-value',
    message: /up to 2040 x 2040; a larger scaleResolutionDownBy/,
  });
  t.match(plan(2592, 1944, 'mjpeg', 2).start.launch, /width=1296,height=976/, 'whole blocks of 8');
  t.throws(() => plan(1920, 1080, 'h265'), { code: 'invalid-value', message: /nothing encodes h265/ });
});
