/** What the constraints of a track can speak of (W3C Media Capture and Streams, 4.3.8; Image Capture, 9). */

/** Of a value and of what may be asked of it. `booleanOrDouble`: true and false ask whether the property is there at all. */
export type PropertyType =
  | 'unsignedLong'
  | 'double'
  | 'domString'
  | 'boolean'
  | 'booleanOrDomString'
  | 'booleanOrDouble'
  | 'points';

export interface ConstrainableProperty {
  readonly kind: 'audio' | 'video' | 'both';
  readonly type: PropertyType;
  /** A control of the camera (Image Capture): set for all of its tracks, and only where a script asks for it. */
  readonly control?: true;
}

export const PROPERTIES = {
  width: { kind: 'video', type: 'unsignedLong' },
  height: { kind: 'video', type: 'unsignedLong' },
  aspectRatio: { kind: 'video', type: 'double' },
  frameRate: { kind: 'video', type: 'double' },
  facingMode: { kind: 'video', type: 'domString' },
  resizeMode: { kind: 'video', type: 'domString' },
  sampleRate: { kind: 'audio', type: 'unsignedLong' },
  sampleSize: { kind: 'audio', type: 'unsignedLong' },
  echoCancellation: { kind: 'audio', type: 'booleanOrDomString' },
  autoGainControl: { kind: 'audio', type: 'boolean' },
  noiseSuppression: { kind: 'audio', type: 'boolean' },
  latency: { kind: 'audio', type: 'double' },
  channelCount: { kind: 'audio', type: 'unsignedLong' },
  deviceId: { kind: 'both', type: 'domString' },
  groupId: { kind: 'both', type: 'domString' },
  backgroundBlur: { kind: 'video', type: 'boolean' },

  whiteBalanceMode: { kind: 'video', type: 'domString', control: true },
  exposureMode: { kind: 'video', type: 'domString', control: true },
  focusMode: { kind: 'video', type: 'domString', control: true },
  pointsOfInterest: { kind: 'video', type: 'points', control: true },
  exposureCompensation: { kind: 'video', type: 'double', control: true },
  exposureTime: { kind: 'video', type: 'double', control: true },
  colorTemperature: { kind: 'video', type: 'double', control: true },
  iso: { kind: 'video', type: 'double', control: true },
  brightness: { kind: 'video', type: 'double', control: true },
  contrast: { kind: 'video', type: 'double', control: true },
  saturation: { kind: 'video', type: 'double', control: true },
  sharpness: { kind: 'video', type: 'double', control: true },
  focusDistance: { kind: 'video', type: 'double', control: true },
  pan: { kind: 'video', type: 'booleanOrDouble', control: true },
  tilt: { kind: 'video', type: 'booleanOrDouble', control: true },
  zoom: { kind: 'video', type: 'booleanOrDouble', control: true },
  torch: { kind: 'video', type: 'boolean', control: true },
} as const satisfies Record<string, ConstrainableProperty>;

export type PropertyName = keyof typeof PROPERTIES;

export const PROPERTY_NAMES = Object.keys(PROPERTIES) as PropertyName[];

export const propertyOf = (name: PropertyName): ConstrainableProperty => PROPERTIES[name];

/** Whether tracks of this kind have the property; what is for the other kind only is ignored. */
export const appliesTo = (name: PropertyName, kind: 'audio' | 'video'): boolean =>
  PROPERTIES[name].kind === 'both' || PROPERTIES[name].kind === kind;

/** A settings dictionary in two: what the track itself asks of its source, and the controls of the device. */
export function splitSettings<T extends object>(settings: T): { own: T; controls: T } {
  const part = (control: boolean): T =>
    Object.fromEntries(
      Object.entries(settings).filter(([name]) => (propertyOf(name as PropertyName).control ?? false) === control),
    ) as T;
  return { own: part(false), controls: part(true) };
}
