/** SelectSettings against W3C Media Capture and Streams 11.3 and 4.3.8. */
import { test } from 'tap';
import { isOverconstrained, selectSettings } from '../../daemon/media/select-settings.ts';
import type { SelectableSource } from '../../daemon/media/settings-candidates.ts';
import type { MediaTrackConstraints } from '../../daemon/media/track-constraints.ts';
import type { MediaTrackSettings } from '../../daemon/media/track-dictionaries.ts';

const CAMERA: SelectableSource = {
  kind: 'video',
  capabilities: {
    width: { min: 1, max: 1280 },
    height: { min: 1, max: 720 },
    frameRate: { min: 0, max: 60 },
    deviceId: 'camera',
    groupId: 'group',
    facingMode: ['user', 'left'],
    resizeMode: ['none', 'crop-and-scale'],
    whiteBalanceMode: ['manual', 'continuous'],
    brightness: { min: 0, max: 255, step: 1 },
    zoom: { min: 1, max: 2, step: 0.1 },
    torch: [false, true],
  },
  modes: [
    { width: 640, height: 480, frameRates: [30, 15] },
    { width: 1280, height: 720, frameRates: [60, 30, 10] },
  ],
  current: { brightness: 128, zoom: 1, whiteBalanceMode: 'continuous', torch: false, pointsOfInterest: [] },
};

const MICROPHONE: SelectableSource = {
  kind: 'audio',
  capabilities: {
    sampleRate: { min: 8000, max: 48_000 },
    channelCount: { min: 1, max: 2 },
    echoCancellation: [true, false, 'remote-only'],
    autoGainControl: [true, false],
    noiseSuppression: [false],
    deviceId: 'microphone',
  },
  modes: [],
  current: {},
};

/** The built-in picture: any size. */
const ANY_SIZE: SelectableSource = {
  kind: 'video',
  capabilities: { width: { min: 1, max: 1920 }, height: { min: 1, max: 1080 }, frameRate: { min: 0, max: 60 } },
  modes: [],
  current: {},
};

const NONE = { exact: 'none' };

test('what is chosen', async (t) => {
  const vga = { width: 640, height: 480, frameRate: 30, resizeMode: 'none' };
  const hd = { width: 1280, height: 720, frameRate: 30, resizeMode: 'none' };
  const table: [string, SelectableSource, MediaTrackConstraints, MediaTrackSettings][] = [
    ['nothing asked for', CAMERA, {}, { ...vga, aspectRatio: 1.3333333333, brightness: 128, zoom: 1, torch: false }],
    ['ideal size of a mode', CAMERA, { width: 1280, height: 720 }, hd],
    ['ideal above all modes', CAMERA, { width: 1920, height: 1080 }, hd],
    [
      'ideal below: scaled without cropping',
      CAMERA,
      { width: 320 },
      { width: 320, height: 240, resizeMode: 'crop-and-scale' },
    ],
    ['exact below', CAMERA, { height: { exact: 100 } }, { height: 100, width: 178, resizeMode: 'crop-and-scale' }],
    ['native only', CAMERA, { width: 320, resizeMode: NONE }, vga],
    [
      'crop-and-scale holds every native setting',
      CAMERA,
      { resizeMode: { exact: 'crop-and-scale' } },
      { ...vga, resizeMode: 'crop-and-scale' },
    ],
    ['aspect ratio of a mode', CAMERA, { aspectRatio: { exact: 16 / 9 } }, hd],
    ['aspect ratio by cropping as little as possible', CAMERA, { aspectRatio: 1 }, { width: 480, height: 480 }],
    [
      'aspect ratio and width',
      CAMERA,
      { aspectRatio: { exact: 1.5 }, width: { exact: 600 } },
      { width: 600, height: 400 },
    ],
    ['a range', CAMERA, { width: { min: 700, max: 900 } }, { width: 852, height: 480, resizeMode: 'crop-and-scale' }],
    ['a rate of one mode', CAMERA, { frameRate: 60 }, { ...hd, frameRate: 60 }],
    [
      'frames are left out',
      CAMERA,
      { frameRate: { exact: 12 } },
      { ...vga, frameRate: 12, resizeMode: 'crop-and-scale' },
    ],
    ['a rate without leaving out', CAMERA, { frameRate: 12, resizeMode: NONE }, { ...hd, frameRate: 10 }],
    ['one of several words', CAMERA, { facingMode: { exact: ['environment', 'left'] } }, { facingMode: 'left' }],
    ['an empty list', CAMERA, { facingMode: { exact: [] } }, { facingMode: 'user' }],
    ['a control', CAMERA, { brightness: { exact: 77 } }, { brightness: 77 }],
    ['a control, between its steps', CAMERA, { brightness: { exact: 77.4 } }, { brightness: 77.4 }],
    ['a control, beyond its range', CAMERA, { brightness: { ideal: 1000 } }, { brightness: 255 }],
    ['a control with fractions', CAMERA, { zoom: { exact: 1.3 } }, { zoom: 1.3 }],
    ['the existence of a control', CAMERA, { zoom: true, pan: true }, { zoom: 1 }],
    ['points', CAMERA, { pointsOfInterest: [{ x: 0.5, y: 0.5 }] }, { pointsOfInterest: [{ x: 0.5, y: 0.5 }] }],
    ['what is for sound is ignored', CAMERA, { sampleRate: { exact: 1 }, echoCancellation: { exact: true } }, vga],
    ['sound', MICROPHONE, {}, { sampleRate: 48_000, channelCount: 2, echoCancellation: true, noiseSuppression: false }],
    ['sound, one channel', MICROPHONE, { channelCount: { max: 1 } }, { channelCount: 1 }],
    [
      'sound, a kind of echo cancellation',
      MICROPHONE,
      { echoCancellation: 'remote-only' },
      { echoCancellation: 'remote-only' },
    ],
    ['what is for pictures is ignored', MICROPHONE, { width: { exact: 99_999 } }, { sampleRate: 48_000 }],
    ['any size: the default', ANY_SIZE, {}, vga],
    [
      'any size is native',
      ANY_SIZE,
      { width: { exact: 321 }, height: { exact: 200 } },
      { width: 321, height: 200, resizeMode: 'none' },
    ],
    [
      'advanced sets in their order',
      CAMERA,
      { advanced: [{ width: 1280, height: 720 }, { frameRate: 10 }] },
      { ...hd, frameRate: 10 },
    ],
    [
      'an advanced set that cannot be satisfied is ignored',
      CAMERA,
      { advanced: [{ width: 5000 }, { torch: true }] },
      { ...vga, torch: true },
    ],
    ['as a whole', CAMERA, { advanced: [{ torch: true, width: 5000 }] }, { ...vga, torch: false }],
    ['after the ones before it', CAMERA, { advanced: [{ width: 640 }, { width: 1280 }] }, { width: 640 }],
    ['never against what is required', CAMERA, { width: { max: 640 }, advanced: [{ width: 1280 }] }, { width: 640 }],
    ['before what is ideal', CAMERA, { width: 1280, advanced: [{ width: { max: 640 } }] }, { width: 640 }],
    [
      'advanced existence',
      CAMERA,
      {
        advanced: [
          { pan: true, torch: true },
          { zoom: true, brightness: 5 },
        ],
      },
      { torch: false, brightness: 5 },
    ],
  ];
  for (const [name, source, constraints, expected] of table) {
    const result = selectSettings(source, constraints);
    t.match(isOverconstrained(result) ? result : result.settings, expected, name);
  }
});

test('too much', async (t) => {
  const table: [string, SelectableSource, MediaTrackConstraints, string][] = [
    ['too large', CAMERA, { width: { min: 1281 } }, 'width'],
    ['nothing', CAMERA, { height: { exact: 0 } }, 'height'],
    ['no range', CAMERA, { width: { min: 700, max: 600 } }, 'width'],
    ['no rate', CAMERA, { frameRate: { max: 0 } }, 'frameRate'],
    ['too fast', CAMERA, { frameRate: { exact: 61 } }, 'frameRate'],
    ['beyond the range of a control', CAMERA, { brightness: { exact: 255.5 } }, 'brightness'],
    ['another device', CAMERA, { deviceId: { exact: 'other' } }, 'deviceId'],
    ['a word that is none', CAMERA, { resizeMode: { exact: 'stretch' } }, 'resizeMode'],
    ['a property that is not there', CAMERA, { colorTemperature: { min: 1 } }, 'colorTemperature'],
    ['sound', MICROPHONE, { noiseSuppression: { exact: true } }, 'noiseSuppression'],
    ['what is possible is not blamed', CAMERA, { width: { exact: 640 }, height: { exact: 9999 } }, 'height'],
    [
      'each is possible, together they are not',
      CAMERA,
      { width: { exact: 640 }, height: { exact: 720 }, resizeMode: NONE },
      '',
    ],
  ];
  for (const [name, source, constraints, failed] of table)
    t.same(selectSettings(source, constraints), { failedConstraint: failed }, name);
});

test('devices are compared by the distance of the basic set', async (t) => {
  const distance = (constraints: MediaTrackConstraints): number => {
    const result = selectSettings(CAMERA, constraints);
    return isOverconstrained(result) ? Infinity : Number(result.distance.toFixed(4));
  };
  t.equal(distance({}), 0);
  t.equal(distance({ width: 2560 }), 0.5);
  t.equal(distance({ width: 2560, deviceId: 'other' }), 1.5);
  t.equal(distance({ colorTemperature: 5000 }), 1, 'what is absent');
  t.equal(distance({ advanced: [{ width: 320 }] }), 0);
});

test('a constraint of every kind at once is chosen quickly', async (t) => {
  const modes = Array.from({ length: 40 }, (_, i) => ({
    width: 160 + i * 40,
    height: 120 + i * 30,
    frameRates: [30, 25, 15],
  }));
  const sizes = Array.from({ length: 20 }, (_, i) => ({ width: 100 + i, height: 50 + i, frameRate: i + 1 }));
  const before = performance.now();
  t.notOk(isOverconstrained(selectSettings({ ...CAMERA, modes }, { width: 333, aspectRatio: 1.3, advanced: sizes })));
  t.ok(performance.now() - before < 5000);
});
