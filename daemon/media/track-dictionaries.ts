/** The dictionaries of constrainable tracks (W3C Media Capture and Streams, 4.3; Image Capture, 9), as plain data. */

/** The least and the greatest value; `step` where the device has one (Image Capture, MediaSettingsRange). */
export interface ValueRange {
  min: number;
  max: number;
  step?: number;
}

export interface Point2D {
  x: number;
  y: number;
}

/** MediaTrackSettings: what a track has. */
export interface MediaTrackSettings {
  width?: number;
  height?: number;
  aspectRatio?: number;
  frameRate?: number;
  facingMode?: string;
  resizeMode?: string;
  sampleRate?: number;
  sampleSize?: number;
  channelCount?: number;
  /** Or a member of EchoCancellationModeEnum. */
  echoCancellation?: boolean | string;
  autoGainControl?: boolean;
  noiseSuppression?: boolean;
  /** Seconds. */
  latency?: number;
  deviceId?: string;
  groupId?: string;
  backgroundBlur?: boolean;

  whiteBalanceMode?: string;
  exposureMode?: string;
  focusMode?: string;
  pointsOfInterest?: Point2D[];
  exposureCompensation?: number;
  /** 100 microseconds. */
  exposureTime?: number;
  /** Kelvin. */
  colorTemperature?: number;
  iso?: number;
  brightness?: number;
  contrast?: number;
  saturation?: number;
  sharpness?: number;
  /** Metres. */
  focusDistance?: number;
  /** Arc seconds. */
  pan?: number;
  tilt?: number;
  zoom?: number;
  torch?: boolean;
}

/** MediaTrackCapabilities: what it could have. Numbers are ranges, words and flags are lists of what is possible. */
export interface MediaTrackCapabilities {
  width?: ValueRange;
  height?: ValueRange;
  aspectRatio?: ValueRange;
  frameRate?: ValueRange;
  facingMode?: string[];
  resizeMode?: string[];
  sampleRate?: ValueRange;
  sampleSize?: ValueRange;
  channelCount?: ValueRange;
  echoCancellation?: (boolean | string)[];
  autoGainControl?: boolean[];
  noiseSuppression?: boolean[];
  latency?: ValueRange;
  deviceId?: string;
  groupId?: string;
  backgroundBlur?: boolean[];

  whiteBalanceMode?: string[];
  exposureMode?: string[];
  focusMode?: string[];
  exposureCompensation?: ValueRange;
  exposureTime?: ValueRange;
  colorTemperature?: ValueRange;
  iso?: ValueRange;
  brightness?: ValueRange;
  contrast?: ValueRange;
  saturation?: ValueRange;
  sharpness?: ValueRange;
  focusDistance?: ValueRange;
  pan?: ValueRange;
  tilt?: ValueRange;
  zoom?: ValueRange;
  torch?: boolean[];
}
