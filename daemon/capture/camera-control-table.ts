/**
 * What the controls of V4L2 and libcamera are in the standard's words and units (W3C Image Capture, 10). Every row is
 * one of docs/camera-controls.md.
 */
import type { DeviceControl } from './device.ts';

/** MeteringMode (Image Capture, 11), without `none`: a camera that cannot do it has no such property. */
export const METERING_MODES = ['manual', 'single-shot', 'continuous'] as const;
export type MeteringMode = (typeof METERING_MODES)[number];

export const MODE_PROPERTIES = ['exposureMode', 'whiteBalanceMode', 'focusMode'] as const;
export type ModeProperty = (typeof MODE_PROPERTIES)[number];

export type NumberProperty =
  | 'exposureTime'
  | 'exposureCompensation'
  | 'iso'
  | 'colorTemperature'
  | 'focusDistance'
  | 'brightness'
  | 'contrast'
  | 'saturation'
  | 'sharpness'
  | 'pan'
  | 'tilt'
  | 'zoom';

export interface ModeRow {
  readonly property: ModeProperty;
  /** Names of the control; the first that the device has counts. */
  readonly controls: readonly string[];
  /** What each raw value means; of several for one mode the first that the device has is set. */
  readonly modes: readonly (readonly [raw: number, mode: MeteringMode])[];
  /** A control that adjusts once, and its value: what `single-shot` sets besides. */
  readonly shot?: readonly [name: string, value: number];
}

/** Conversion of what a control says into the standard's unit, and back. */
export interface Unit {
  standard(raw: number, control: DeviceControl): number;
  raw(value: number, control: DeviceControl): number;
}

export interface NumberRow {
  readonly property: NumberProperty;
  readonly controls: readonly string[];
  readonly unit: Unit;
  /** The mode in which it has a meaning. */
  readonly mode?: readonly [property: ModeProperty, mode: 'manual' | 'continuous'];
  /** A switch that leaves it to the device: its name, off and on. */
  readonly automatic?: readonly [name: string, off: number, on: number];
}

const SWITCH = [
  [1, 'continuous'],
  [0, 'manual'],
] as const satisfies ModeRow['modes'];

export const MODE_ROWS: readonly ModeRow[] = [
  {
    property: 'exposureMode',
    controls: ['auto_exposure', 'exposure_auto'],
    modes: [
      [3, 'continuous'], // aperture priority
      [0, 'continuous'], // time and aperture
      [1, 'manual'],
      [2, 'manual'], // shutter priority: the time is fixed
    ],
  },
  { property: 'exposureMode', controls: ['AeEnable'], modes: SWITCH },
  {
    property: 'whiteBalanceMode',
    controls: ['white_balance_automatic', 'white_balance_temperature_auto'],
    modes: SWITCH,
    shot: ['do_white_balance', 1],
  },
  {
    property: 'whiteBalanceMode',
    controls: ['white_balance_auto_preset'],
    // From 2 on presets: incandescent, fluorescent, horizon, daylight, flash, cloudy, shade, greyworld.
    modes: [[1, 'continuous'], ...[0, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((raw) => [raw, 'manual'] as const)],
  },
  { property: 'whiteBalanceMode', controls: ['AwbEnable'], modes: SWITCH },
  {
    property: 'focusMode',
    controls: ['focus_automatic_continuous', 'focus_auto'],
    modes: SWITCH,
    shot: ['auto_focus_start', 1],
  },
  {
    property: 'focusMode',
    controls: ['AfMode'],
    modes: [
      [2, 'continuous'],
      [1, 'single-shot'],
      [0, 'manual'],
    ],
    shot: ['AfTrigger', 0],
  },
];

/** So many raw units are one of the standard's. */
const per = (count: number): Unit => ({ standard: (raw) => raw / count, raw: (value) => value * count });
const AS_IS = per(1);
/** A focal length in a unit of the driver's choice: the shortest one is 1:1. */
const FOCAL_LENGTH: Unit = {
  standard: (raw, { min = 0 }) => raw / Math.max(min, 1),
  raw: (value, { min = 0 }) => value * Math.max(min, 1),
};
/** Metres; the standard's numbers are finite, so that from here on it counts as infinite. */
const FAR = 100;
/** 1/metre, 0 for infinite. */
const DIOPTRES: Unit = {
  standard: (raw) => Math.min(1 / raw, FAR),
  raw: (value) => (value >= FAR ? 0 : 1 / value),
};

const FIXED_EXPOSURE = ['exposureMode', 'manual'] as const;
const AUTO_EXPOSURE = ['exposureMode', 'continuous'] as const;
const FIXED_WHITE = ['whiteBalanceMode', 'manual'] as const;
const FIXED_FOCUS = ['focusMode', 'manual'] as const;

export const NUMBER_ROWS: readonly NumberRow[] = [
  {
    property: 'exposureTime',
    controls: ['exposure_time_absolute', 'exposure_absolute'],
    unit: AS_IS,
    mode: FIXED_EXPOSURE,
  },
  { property: 'exposureTime', controls: ['ExposureTime'], unit: per(100), mode: FIXED_EXPOSURE },
  { property: 'exposureCompensation', controls: ['auto_exposure_bias'], unit: per(1000), mode: AUTO_EXPOSURE },
  { property: 'exposureCompensation', controls: ['ExposureValue'], unit: AS_IS, mode: AUTO_EXPOSURE },
  { property: 'iso', controls: ['iso_sensitivity'], unit: per(1000), automatic: ['iso_sensitivity_auto', 0, 1] },
  { property: 'iso', controls: ['AnalogueGain'], unit: per(1 / 100), mode: FIXED_EXPOSURE },
  {
    property: 'colorTemperature',
    controls: ['white_balance_temperature', 'ColourTemperature'],
    unit: AS_IS,
    mode: FIXED_WHITE,
  },
  { property: 'focusDistance', controls: ['focus_absolute'], unit: per(1000), mode: FIXED_FOCUS },
  { property: 'focusDistance', controls: ['LensPosition'], unit: DIOPTRES, mode: FIXED_FOCUS },
  { property: 'brightness', controls: ['brightness', 'Brightness'], unit: AS_IS },
  { property: 'contrast', controls: ['contrast', 'Contrast'], unit: AS_IS },
  { property: 'saturation', controls: ['saturation', 'Saturation'], unit: AS_IS },
  { property: 'sharpness', controls: ['sharpness', 'Sharpness'], unit: AS_IS },
  { property: 'pan', controls: ['pan_absolute'], unit: AS_IS },
  { property: 'tilt', controls: ['tilt_absolute'], unit: AS_IS },
  { property: 'zoom', controls: ['zoom_absolute'], unit: FOCAL_LENGTH },
];

/** The mode of the flash's lamp. */
export const TORCH = { control: 'led_mode', off: 0, on: 2 } as const;
