import { test } from 'tap';
import { planCapture } from '../../daemon/capture/capture-plan.ts';
import { passesThrough } from '../../daemon/capture/coded-formats.ts';
import { TEST_PICTURE, type VideoDevice } from '../../daemon/capture/device.ts';
import { SOFTWARE_ENCODERS } from '../../daemon/capture/encoders.ts';
import type { TrackConfiguration } from '../../daemon/media/track-source.ts';
import { H264 } from '../../daemon/rtp/codec.ts';
import { ENCODING } from '../support/capture-test-source.ts';

const CONFIGURATION: TrackConfiguration = {
  settings: { width: 640, height: 360, frameRate: 30 },
  contentHint: '',
  enabled: true,
  encoding: ENCODING,
};

const plan = (configuration: Partial<TrackConfiguration>) =>
  planCapture({
    device: TEST_PICTURE,
    tracks: [{ configuration: { ...CONFIGURATION, ...configuration }, codec: H264, open: true }],
    encoders: SOFTWARE_ENCODERS,
    text: undefined,
    pattern: 'ball',
    wallClock: 0,
  });

test('a reduction: fewer frames and bits, of what is captured as before', (t) => {
  const table: [encoding: Partial<TrackConfiguration['encoding']>, framerate: string, bitrate: number][] = [
    [{}, '15/1', 300_000],
    [{ maxFramerate: 25 }, '25/2', 300_000],
    [{ maxBitrate: 120_000 }, '15/1', 100_000],
    [{ maxBitrate: 50_000 }, '15/1', 50_000],
  ];
  for (const [change, framerate, bitrate] of table) {
    const encoding = { ...ENCODING, ...change };
    const { start, tunings, settings } = plan({ encoding, reduction: { frameRate: 0.5, bitrate: 0.6 } });
    t.match(start.launch, `framerate=30/1 ! `, 'captured');
    t.match(
      start.launch,
      `average-period=0 ! videoscale ! capsfilter name=shape0 caps="video/x-raw,width=640,height=360,pixel-aspect-ratio=1/1,framerate=${framerate}"`,
      'encoded',
    );
    t.same(tunings[0]?.encoder, { property: 'bitrate', value: bitrate / 1000 });
    t.equal(settings[0]?.frameRate, 30, 'the track has what it had');
  }
  t.same(plan({ reduction: undefined }), plan({}));
  t.equal(
    plan({ reduction: { frameRate: 0.5, bitrate: 0.6 } }).layout,
    plan({}).layout,
    'and nothing has to begin anew',
  );
  t.throws(() => plan({ encoding: { ...ENCODING, maxBitrate: 5000 }, reduction: { frameRate: 0.5, bitrate: 0.6 } }), {
    code: 'invalid-value',
  });
  t.end();
});

test('what a camera encodes itself passes as it is, reduction or not', (t) => {
  const format = { pixelFormat: 'H264', width: 640, height: 360, frameRates: [30] };
  const camera: VideoDevice = { ...TEST_PICTURE, bus: 'usb', path: '/dev/video0', formats: [format] };
  t.ok(passesThrough(camera, { ...CONFIGURATION, reduction: { frameRate: 0.5, bitrate: 0.6 } }));
  t.notOk(passesThrough(camera, { ...CONFIGURATION, encoding: { ...ENCODING, maxFramerate: 15 } }));
  t.end();
});
