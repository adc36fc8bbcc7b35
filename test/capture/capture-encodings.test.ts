import { test } from 'tap';
import type { VideoCodec } from '../../config/codecs.ts';
import { planCapture } from '../../daemon/capture/capture-plan.ts';
import { TEST_PICTURE, type VideoDevice } from '../../daemon/capture/device.ts';
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
    }
    await source.close();
    checkContinuity(t, frames);
    const { complaints } = await decode(folder, frames);
    t.equal(complaints, '');
  }
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
  t.same(plan(2592, 1944).encoders, ['x264enc'], 'wider than the hardware takes');
  t.throws(() => plan(2592, 1944, 'mjpeg'), {
    code: 'invalid-value',
    message: /up to 2040 x 2040; a larger scaleResolutionDownBy/,
  });
  t.match(plan(2592, 1944, 'mjpeg', 2).start.launch, /width=1296,height=976/, 'whole blocks of 8');
  t.throws(() => plan(1920, 1080, 'h265'), { code: 'invalid-value', message: /nothing encodes h265/ });
});
