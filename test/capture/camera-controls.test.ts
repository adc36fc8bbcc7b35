/** Controls of V4L2 and libcamera as constrainable properties (Image Capture, 10): docs/camera-controls.md, row by row. */
import { test } from 'tap';
import { controlCapabilities, controlSettings, controlValues } from '../../daemon/capture/camera-controls.ts';
import type { DeviceControl } from '../../daemon/capture/device.ts';
import { parseControls } from '../../daemon/capture/v4l2.ts';
import { setControls } from '../../daemon/capture/v4l2-controls.ts';
import type { MediaTrackSettings } from '../../daemon/media/track-dictionaries.ts';
import { LAMP_CONTROLS, PI_LEGACY_CAMERA, UVC_PTZ_CONTROLS, UVC_WEBCAM, VIVID } from '../support/v4l2-outputs.ts';
import { V4l2Tool } from '../support/v4l2-tool.ts';

const controlsOf = (output: string): DeviceControl[] => parseControls(output.split('\n'));

/** A CSI camera with a lens that moves, as libcamera has it. */
const CSI: readonly DeviceControl[] = [
  { name: 'AeEnable', type: 'boolean', value: 1 },
  { name: 'ExposureTime', type: 'integer', min: 100, max: 1_000_000, value: 20_000 },
  { name: 'ExposureValue', type: 'number', min: -8, max: 8, value: 0 },
  { name: 'AnalogueGain', type: 'number', min: 1, max: 16, value: 1.1 },
  { name: 'AwbEnable', type: 'boolean', value: 1 },
  { name: 'ColourTemperature', type: 'integer', min: 2500, max: 8000, value: 4500 },
  {
    name: 'AfMode',
    type: 'menu',
    menu: ['Manual', 'Auto', 'Continuous'].map((label, value) => ({ value, label })),
    value: 2,
  },
  { name: 'AfTrigger', type: 'menu', menu: ['Start', 'Cancel'].map((label, value) => ({ value, label })) },
  { name: 'LensPosition', type: 'number', min: 0, max: 32, value: 1 },
  { name: 'Brightness', type: 'number', min: -1, max: 1, value: 0.25 },
  { name: 'Contrast', type: 'number', min: 0, max: 32, value: 1 },
  { name: 'Saturation', type: 'number', min: 0, max: 32, value: 1 },
  { name: 'Sharpness', type: 'number', min: 0, max: 16, value: 1 },
];

test('what a webcam can do', async (t) => {
  const controls = controlsOf(UVC_WEBCAM);
  t.same(controlCapabilities(controls), {
    exposureMode: ['manual', 'continuous'],
    whiteBalanceMode: ['manual', 'continuous'],
    exposureTime: { min: 3, max: 2047, step: 1 },
    colorTemperature: { min: 2000, max: 6500, step: 1 },
    brightness: { min: 0, max: 255, step: 1 },
    pan: { min: -36_000, max: 36_000, step: 3600 },
  });
  t.same(controlSettings(controls), {
    exposureMode: 'continuous',
    whiteBalanceMode: 'continuous',
    exposureTime: 250,
    colorTemperature: 4000,
    brightness: 128,
    pan: 0,
  });
});

test('a camera that focuses, zooms and moves, with the names of older drivers', async (t) => {
  const controls = controlsOf(UVC_PTZ_CONTROLS);
  t.same(controlCapabilities(controls), {
    exposureMode: ['manual', 'continuous'],
    whiteBalanceMode: ['manual', 'single-shot', 'continuous'],
    focusMode: ['manual', 'continuous'],
    exposureTime: { min: 1, max: 5000, step: 1 },
    colorTemperature: { min: 2800, max: 6500, step: 10 },
    focusDistance: { min: 0, max: 0.25, step: 0.005 },
    brightness: { min: -64, max: 64, step: 1 },
    sharpness: { min: 0, max: 255, step: 1 },
    pan: { min: -612_000, max: 612_000, step: 3600 },
    tilt: { min: -108_000, max: 324_000, step: 3600 },
    zoom: { min: 1, max: 5, step: 0.01 },
  });
  t.same(controlSettings(controls), {
    exposureMode: 'manual',
    whiteBalanceMode: 'manual',
    focusMode: 'continuous',
    exposureTime: 333,
    colorTemperature: 3200,
    focusDistance: 0.02,
    brightness: 10,
    sharpness: 128,
    pan: 7200,
    tilt: 0,
    zoom: 1.23,
  });
});

test('menus of numbers: exposure compensation and sensitivity', async (t) => {
  const controls = controlsOf(PI_LEGACY_CAMERA);
  t.match(controlCapabilities(controls), {
    exposureMode: ['manual', 'continuous'],
    whiteBalanceMode: ['manual', 'continuous'],
    exposureCompensation: { min: -4, max: 4 },
    iso: { min: 0, max: 800 },
  });
  t.equal(controlCapabilities(controls).iso?.step, undefined, 'they double from one to the next');
  t.match(controlSettings(controls), { exposureMode: 'continuous', exposureCompensation: 0, iso: 0 });
  t.same(controlValues({ exposureCompensation: 0.7 }, controls), { auto_exposure_bias: 14 }, 'the nearest: 667');
  t.same(controlValues({ iso: 390 }, controls), { iso_sensitivity_auto: 0, iso_sensitivity: 3 });
  t.same(controlValues({ exposureMode: 'continuous' }, controls), { auto_exposure: 0, iso_sensitivity_auto: 1 });
  t.same(controlValues({ whiteBalanceMode: 'manual' }, controls), { white_balance_auto_preset: 0 });
});

test('a lamp, and focusing once', async (t) => {
  const controls = controlsOf(LAMP_CONTROLS);
  t.same(controlCapabilities(controls), {
    focusMode: ['manual', 'single-shot', 'continuous'],
    focusDistance: { min: 0.01, max: 10, step: 0.01 },
    torch: [false, true],
  });
  t.same(controlSettings(controls), { focusMode: 'manual', focusDistance: 0.5, torch: false });
  t.same(controlValues({ torch: true }, controls), { led_mode: 2 });
  t.same(controlValues({ focusMode: 'single-shot' }, controls), { focus_automatic_continuous: 0, auto_focus_start: 1 });
});

test('libcamera', async (t) => {
  t.same(controlCapabilities(CSI), {
    exposureMode: ['manual', 'continuous'],
    whiteBalanceMode: ['manual', 'continuous'],
    focusMode: ['manual', 'single-shot', 'continuous'],
    exposureTime: { min: 1, max: 10_000, step: 0.01 },
    exposureCompensation: { min: -8, max: 8 },
    iso: { min: 100, max: 1600 },
    colorTemperature: { min: 2500, max: 8000, step: 1 },
    focusDistance: { min: 0.03125, max: 100 },
    brightness: { min: -1, max: 1 },
    contrast: { min: 0, max: 32 },
    saturation: { min: 0, max: 32 },
    sharpness: { min: 0, max: 16 },
  });
  t.match(controlSettings(CSI), {
    exposureMode: 'continuous',
    focusMode: 'continuous',
    exposureTime: 200,
    iso: 110,
    focusDistance: 1,
    brightness: 0.25,
  });
  const table: [MediaTrackSettings, Record<string, number>][] = [
    [{ exposureTime: 100 }, { AeEnable: 0, ExposureTime: 10_000 }],
    [{ iso: 200 }, { AeEnable: 0, AnalogueGain: 2 }],
    [{ exposureCompensation: -1.5 }, { ExposureValue: -1.5 }],
    [
      { whiteBalanceMode: 'manual', colorTemperature: 3000.4 },
      { AwbEnable: 0, ColourTemperature: 3000 },
    ],
    [{ focusDistance: 0.25 }, { AfMode: 0, LensPosition: 4 }],
    [{ focusDistance: 100 }, { AfMode: 0, LensPosition: 0 }],
    [{ focusDistance: 0 }, { AfMode: 0, LensPosition: 32 }],
    [{ focusMode: 'single-shot' }, { AfMode: 1, AfTrigger: 0 }],
    [
      { brightness: -0.5, sharpness: 99 },
      { Brightness: -0.5, Sharpness: 16 },
    ],
  ];
  for (const [settings, values] of table) t.same(controlValues(settings, CSI), values, JSON.stringify(settings));
});

test('values in the order to set them', async (t) => {
  const webcam = controlsOf(UVC_WEBCAM);
  const ptz = controlsOf(UVC_PTZ_CONTROLS);
  const table: [DeviceControl[], MediaTrackSettings, [string, number][]][] = [
    [webcam, {}, []],
    [webcam, { width: 640, brightness: 3.6 }, [['brightness', 4]]],
    [webcam, { brightness: 1e9 }, [['brightness', 255]]],
    [webcam, { pan: 5300 }, [['pan_absolute', 3600]]],
    [
      webcam,
      { exposureTime: 100 },
      [
        ['auto_exposure', 1],
        ['exposure_time_absolute', 100],
      ],
    ],
    [
      webcam,
      { exposureTime: 100, exposureMode: 'manual' },
      [
        ['auto_exposure', 1],
        ['exposure_time_absolute', 100],
      ],
    ],
    [webcam, { exposureTime: 100, exposureMode: 'continuous' }, [['auto_exposure', 3]]],
    [
      webcam,
      { colorTemperature: 3000 },
      [
        ['white_balance_automatic', 0],
        ['white_balance_temperature', 3000],
      ],
    ],
    [ptz, { exposureTime: 9 }, [['exposure_absolute', 9]]],
    [
      ptz,
      { zoom: 2.5, focusDistance: 0.1 },
      [
        ['focus_auto', 0],
        ['focus_absolute', 100],
        ['zoom_absolute', 250],
      ],
    ],
    [
      ptz,
      { whiteBalanceMode: 'single-shot' },
      [
        ['white_balance_temperature_auto', 0],
        ['do_white_balance', 1],
      ],
    ],
  ];
  for (const [controls, settings, values] of table)
    t.same(Object.entries(controlValues(settings, controls)), values, JSON.stringify(settings));
});

test('shutter priority is manual, and stays what it is', async (t) => {
  const priority = controlsOf(UVC_WEBCAM).map((control) =>
    control.name === 'auto_exposure'
      ? { ...control, value: 2, menu: [0, 1, 2, 3].map((value) => ({ value, label: String(value) })) }
      : control,
  );
  t.equal(controlSettings(priority).exposureMode, 'manual');
  t.same(controlValues({ exposureMode: 'manual', exposureTime: 9 }, priority), {
    auto_exposure: 2,
    exposure_time_absolute: 9,
  });
  t.same(controlValues({ exposureMode: 'continuous' }, priority), { auto_exposure: 3 });
});

test('a value without a mode of its own is manual', async (t) => {
  const fixed = controlsOf(LAMP_CONTROLS).filter(({ name }) => name === 'focus_absolute');
  t.same(controlCapabilities(fixed).focusMode, ['manual']);
  t.same(controlSettings(fixed), { focusMode: 'manual', focusDistance: 0.5 });
  t.same(controlValues({ focusMode: 'manual', focusDistance: 1 }, fixed), { focus_absolute: 1000 });
});

test('what the camera has not', async (t) => {
  const controls = controlsOf(VIVID);
  t.same(controlCapabilities(controls), { brightness: { min: 0, max: 255, step: 1 } }, 'hue has no property');
  for (const settings of [
    { zoom: 2 },
    { torch: true },
    { focusMode: 'manual' },
    { pointsOfInterest: [{ x: 0, y: 0 }] },
  ])
    t.throws(() => controlValues(settings, controls), {
      name: 'CaptureError',
      code: 'invalid-value',
      message: `${Object.keys(settings)[0]}: the camera has no such control`,
    });
  t.throws(() => controlValues({ exposureMode: 'single-shot' }, controlsOf(UVC_WEBCAM)), {
    code: 'invalid-value',
    message: "exposureMode 'single-shot': allowed are manual, continuous",
  });
  const shutter = controlsOf(UVC_PTZ_CONTROLS).find(({ name }) => name === 'privacy');
  t.match(shutter, { readOnly: true });
});

test('from settings to the device and back', async (t) => {
  const tool = new V4l2Tool(UVC_WEBCAM, [
    ['auto_exposure', 'exposure_time_absolute', 1],
    ['white_balance_automatic', 'white_balance_temperature', 0],
  ]);
  const settings = { colorTemperature: 5000, exposureMode: 'manual', exposureTime: 40, brightness: 7 };
  const after = await setControls('/dev/video0', controlValues(settings, controlsOf(UVC_WEBCAM)), tool.run);
  t.match(controlSettings(after), settings);
});
