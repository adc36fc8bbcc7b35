/** What a track says of its source (W3C Media Capture and Streams, 4.3.4): the device's own limits in the specified form. */
import type { MediaTrackCapabilities } from './track-dictionaries.ts';
import type { VideoMode } from './track-source.ts';

interface CapableSource {
  readonly kind: 'audio' | 'video';
  capabilities(): MediaTrackCapabilities;
  modes(): readonly VideoMode[];
}

/** Not to be told without the permission to move the camera (Image Capture, 9.2). */
const PAN_TILT_ZOOM = ['pan', 'tilt', 'zoom'] as const;

export function withoutPanTiltZoom<T extends object>(dictionary: T): T {
  const rest = { ...dictionary };
  for (const name of PAN_TILT_ZOOM) Reflect.deleteProperty(rest, name);
  return rest;
}

/** Adds what follows from the modes, what scaling gives, and "false" for the processing that a source does not have. */
export function trackCapabilities(source: CapableSource, panTiltZoom = true): MediaTrackCapabilities {
  const own = panTiltZoom ? source.capabilities() : withoutPanTiltZoom(source.capabilities());
  if (source.kind === 'audio')
    return { echoCancellation: [false], autoGainControl: [false], noiseSuppression: [false], ...own };
  const modes = source.modes();
  const width = Math.max(own.width?.max ?? 0, ...modes.map((mode) => mode.width));
  const height = Math.max(own.height?.max ?? 0, ...modes.map((mode) => mode.height));
  const frameRate = Math.max(own.frameRate?.max ?? 0, ...modes.flatMap(({ frameRates }) => frameRates));
  return {
    facingMode: [],
    backgroundBlur: [false],
    ...own,
    // "min being equal to 1": everything can be cropped and scaled down.
    ...(width > 0 && { width: { min: 1, max: width } }),
    ...(height > 0 && { height: { min: 1, max: height } }),
    ...(width > 0 && height > 0 && { aspectRatio: { min: 1 / height, max: width } }),
    ...(frameRate > 0 && { frameRate: { min: 0, max: frameRate } }),
    resizeMode: ['none', 'crop-and-scale'],
  };
}
