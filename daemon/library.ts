/**
 * The web's media capture API for programs: `import { mediaDevices, MediaStream } from 'vedette'`.
 * Nothing runs until a device is asked for, and the process ends by itself when the last live track has stopped.
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { defaultStateDirectory } from '../config/state-directory.ts';
import { ControlsMemory } from './capture/controls-memory.ts';
import { pushedDevice } from './capture/device.ts';
import { DeviceMonitor } from './capture/device-monitor.ts';
import { gstreamerEnvironment } from './capture/gstreamer-environment.ts';
import { CapturedDevices } from './captured-devices.ts';
import { silentLog } from './lib/log.ts';
import { installationSecret } from './lib/secret-file.ts';
import { createMediaDevices, type MediaDevices } from './media/media-devices.ts';
import type { MediaStream } from './media/media-stream.ts';
import {
  type PermissionDescriptor,
  type PermissionName,
  type PermissionState,
  PermissionStore,
} from './media/permission-store.ts';
import { createPermissions, type Permissions } from './media/permissions.ts';
import { type PushedMediaStreamTrack, pushedTrack } from './media/pushed-media-stream-track.ts';
import type { Publication, PublishOptions } from './publication.ts';

// biome-ignore-start lint/performance/noBarrelFile: the one entry of the package is a list of what it has.
export { DeviceChangeEvent, type DeviceChangeEventInit } from './media/device-change-event.ts';
export { ErrorEvent, type ErrorEventInit } from './media/error-event.ts';
export { ImageBitmap } from './media/image-bitmap.ts';
export { ImageCapture } from './media/image-capture.ts';
export { InputDeviceInfo, MediaDeviceInfo, type MediaDeviceKind } from './media/media-device-info.ts';
export { MediaDevices, type MediaTrackSupportedConstraints } from './media/media-devices.ts';
export { MediaStream, MediaStreamTrackEvent, type MediaStreamTrackEventInit } from './media/media-stream.ts';
export type { GetUserMediaSemantics, MediaStreamConstraints } from './media/media-stream-constraints.ts';
export { MediaStreamTrack, type MediaStreamTrackState } from './media/media-stream-track.ts';
export { OverconstrainedError } from './media/overconstrained-error.ts';
export type { PermissionDescriptor, PermissionName, PermissionState } from './media/permission-store.ts';
export { PermissionStatus, Permissions } from './media/permissions.ts';
export type { PhotoCapabilities, PhotoSettings } from './media/photo-dictionaries.ts';
export { PushedMediaStreamTrack } from './media/pushed-media-stream-track.ts';
export type { MediaTrackConstraintSet, MediaTrackConstraints } from './media/track-constraints.ts';
export type { MediaTrackCapabilities, MediaTrackSettings } from './media/track-dictionaries.ts';
export { MediaStreamTrackAudioStats, MediaStreamTrackVideoStats } from './media/track-stats.ts';
export type { Publication, PublishedUrls, PublishOptions } from './publication.ts';
export { BlobEvent, type BlobEventInit } from './record/blob-event.ts';
export { MediaRecorder, type RecordingState } from './record/media-recorder.ts';
export type { BitrateMode, MediaRecorderOptions } from './record/media-recorder-options.ts';

// biome-ignore-end lint/performance/noBarrelFile: the one entry of the package is a list of what it has.

const store = new PermissionStore(permissionsFrom(process.env));
const stateDirectory = defaultStateDirectory(process.env);
const cameraControls = new ControlsMemory();
const devices = new CapturedDevices({
  stateDirectory,
  controls: cameraControls,
  log: silentLog,
  table: async () =>
    new DeviceMonitor({
      salt: await deviceSalt(),
      // A camera that may not be opened, a tool that is missing: what one would look for long.
      log: { ...silentLog, warn: (_, message) => process.emitWarning(message ?? '') },
      held: (deviceId) => cameraControls.held(deviceId),
      environment: gstreamerEnvironment(stateDirectory),
      testDevices: process.env.VEDETTE_TEST_DEVICES === '1',
    }),
});

/**
 * Cameras and microphones of this machine, as `navigator.mediaDevices` has them. With `VEDETTE_TEST_DEVICES=1` in the
 * environment there are a test picture and a test tone besides.
 */
export const mediaDevices: MediaDevices = createMediaDevices(devices, store);

/** As `navigator.permissions`: who runs the program may use the devices, unless it was told otherwise. */
export const permissions: Permissions = createPermissions(store);

/** Gives or takes the permission to use devices; with `panTiltZoom` to move cameras. Taking it ends the tracks that came of it. */
export function setPermission(descriptor: PermissionDescriptor, state: PermissionState): void {
  store.set(descriptor, state);
}

/** What {@link createPushedTrack} is to make; see {@link PushedFormat}. */
export interface PushedTrackOptions {
  /** Of every picture, in pixels, 16 to 8192. */
  width: number;
  height: number;
  /** Default: `rgba`. */
  format?: 'rgba' | 'jpeg';
  /** As of canvas.captureStream(): not given: each picture that is written goes out; above 0: at most so many a second; 0: only on requestFrame(). */
  frameRate?: number;
  /** Default: `Pushed pictures`. */
  label?: string;
}

let pushedTracks = 0;

/** A video track whose pictures this program writes. @throws TypeError for what no picture can have. */
export function createPushedTrack(options: PushedTrackOptions): PushedMediaStreamTrack {
  const { format = 'rgba', frameRate, label = 'Pushed pictures' } = options;
  const size = (name: 'width' | 'height'): number => {
    const value = options[name];
    if (!Number.isInteger(value) || value < 16 || value > 8192)
      throw new TypeError(`createPushedTrack: ${name} is ${value}; allowed is a whole number from 16 to 8192`);
    return value;
  };
  const [width, height] = [size('width'), size('height')];
  if (format !== 'rgba' && format !== 'jpeg')
    throw new TypeError(`createPushedTrack: format is '${format}'; allowed are rgba and jpeg`);
  if (frameRate !== undefined && !(frameRate >= 0 && frameRate <= 240))
    throw new TypeError(`createPushedTrack: frameRate is ${frameRate}; allowed is 0 to 240`);
  pushedTracks += 1;
  const deviceId = `pushed-${pushedTracks}`;
  const device = pushedDevice({ deviceId, label, format, width, height, frameRate: frameRate || 30 });
  return pushedTrack(devices.source(device), { format, width, height, frameRate });
}

/** Serves streams to viewers: see {@link Publication}. Loaded with the first call. */
export async function publish(
  streams: Readonly<Record<string, MediaStream>>,
  options?: PublishOptions,
): Promise<Publication> {
  const publication = await import('./publication.ts');
  return publication.publish(streams, options);
}

/** What device ids are made with; where it cannot be kept they are others with each start. */
async function deviceSalt(): Promise<string> {
  try {
    return await installationSecret(join(stateDirectory, 'device-salt'));
  } catch (error) {
    process.emitWarning(`device ids do not outlive this process: ${(error as Error).message}`);
    return randomUUID();
  }
}

/**
 * `VEDETTE_CAMERA` and `VEDETTE_MICROPHONE`: `granted`, `denied` or `prompt`.
 * @throws TypeError for another word.
 */
function permissionsFrom(env: NodeJS.ProcessEnv): Partial<Record<PermissionName, PermissionState>> {
  const words = ['granted', 'denied', 'prompt'];
  const given = (['camera', 'microphone'] as const).flatMap((name) => {
    const variable = `VEDETTE_${name.toUpperCase()}`;
    const word = env[variable];
    if (word === undefined || word === '') return [];
    if (!words.includes(word)) throw new TypeError(`${variable} is '${word}'; allowed is ${words.join(', ')}`);
    return [[name, word]];
  });
  return Object.fromEntries(given);
}
