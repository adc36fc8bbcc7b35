/** The dictionaries of ImageCapture (W3C Image Capture, 4 to 8), as plain data. */
import type { ValueRange } from './track-dictionaries.ts';
import { boolean, dictionary, double, enumeration } from './web-idl-types.ts';

/** `never`: the device has none; `always`: it cannot be turned off; `controllable`. */
export type RedEyeReduction = 'never' | 'always' | 'controllable';

const FILL_LIGHT_MODES = ['auto', 'off', 'flash'] as const;
/** `auto`: where it is dark; `flash`: always, at takePhoto(). */
export type FillLightMode = (typeof FILL_LIGHT_MODES)[number];

/** What the photos of a camera may be like. */
export interface PhotoCapabilities {
  redEyeReduction?: RedEyeReduction;
  /** Pixels. */
  imageHeight?: ValueRange;
  imageWidth?: ValueRange;
  fillLightMode?: FillLightMode[];
}

/** How a photo is wished, or how it is without a wish. */
export interface PhotoSettings {
  fillLightMode?: FillLightMode;
  /** Pixels. */
  imageHeight?: number;
  imageWidth?: number;
  redEyeReduction?: boolean;
}

export const PhotoSettings = dictionary<PhotoSettings>('PhotoSettings', {
  fillLightMode: enumeration('FillLightMode', FILL_LIGHT_MODES),
  imageHeight: double,
  imageWidth: double,
  redEyeReduction: boolean,
});
