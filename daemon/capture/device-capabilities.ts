import type { MediaTrackCapabilities, ValueRange } from '../media/track-dictionaries.ts';
import type { VideoMode } from '../media/track-source.ts';
import { controlCapabilities } from './camera-controls.ts';
import type { CaptureDevice, VideoDevice } from './device.ts';
import { isUsableFormat } from './pixel-formats.ts';

/** Of the test picture, in pixels and frames per second. */
const LARGEST_TEST_PICTURE = { width: 3840, height: 2160, frameRate: 60 };

/** How every microphone is captured: in Hz, bits, and seconds from the sound to the packet (10 ms of ALSA, 20 ms of Opus). */
export const SOUND = { sampleRate: 48_000, sampleSize: 16, latency: 0.03 };

/** What tracks over a device can have (Media Capture and Streams, 4.3.8; getCapabilities). */
export function deviceCapabilities(device: CaptureDevice): MediaTrackCapabilities {
  const { deviceId, groupId } = device;
  if (device.kind === 'audioinput')
    return {
      deviceId,
      groupId,
      sampleRate: { min: Math.min(device.sound?.clockRate ?? Infinity, SOUND.sampleRate), max: SOUND.sampleRate },
      sampleSize: { min: SOUND.sampleSize, max: SOUND.sampleSize },
      latency: { min: SOUND.latency, max: SOUND.latency },
      channelCount: { min: 1, max: 2 },
      echoCancellation: [false],
      autoGainControl: [false],
      noiseSuppression: [false],
    };
  const modes = deviceModes(device);
  // A camera that has nothing we could use.
  if (modes.length === 0 && device.bus !== 'test') return { deviceId, groupId };
  const size = (of: 'width' | 'height'): ValueRange => ({ min: 1, max: Math.max(...modes.map((mode) => mode[of])) });
  const [width, height] =
    modes.length === 0
      ? [
          { min: 16, max: LARGEST_TEST_PICTURE.width },
          { min: 16, max: LARGEST_TEST_PICTURE.height },
        ]
      : [size('width'), size('height')];
  const rates = modes.flatMap(({ frameRates }) => frameRates);
  return {
    deviceId,
    groupId,
    width,
    height,
    aspectRatio: { min: width.min / height.max, max: width.max / height.min },
    frameRate: { min: 1, max: rates.length === 0 ? LARGEST_TEST_PICTURE.frameRate : Math.max(...rates) },
    facingMode: [],
    resizeMode: ['none', 'crop-and-scale'],
    ...controlCapabilities(device.controls),
  };
}

/** The sizes and rates that a camera delivers by itself, each size once; none for the test picture, which makes any. */
export function deviceModes(device: CaptureDevice): VideoMode[] {
  if (device.kind !== 'videoinput') return [];
  const bySize = new Map<string, Set<number>>();
  for (const { width, height, frameRates } of usableFormats(device)) {
    const key = `${width}x${height}`;
    const rates = bySize.get(key) ?? new Set();
    bySize.set(key, rates);
    for (const frameRate of frameRates) rates.add(frameRate);
  }
  return [...bySize].map(([key, rates]) => {
    const [width = 0, height = 0] = key.split('x').map(Number);
    return { width, height, frameRates: [...rates].sort((a, b) => a - b) };
  });
}

const usableFormats = (device: VideoDevice): VideoDevice['formats'] =>
  device.formats.filter(({ pixelFormat }) => isUsableFormat(pixelFormat));
