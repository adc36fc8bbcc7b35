// The door for the Web Platform Tests: the built package's interfaces over test devices, and what the suite's driver has to
// do for a browser. Importing it starts nothing. Build first: `npm run build`.
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CapturedDevices } from '../../dist/daemon/captured-devices.js';
import { silentLog } from '../../dist/daemon/lib/log.js';
import { createMediaDevices } from '../../dist/daemon/media/media-devices.js';
import { MediaStream } from '../../dist/daemon/media/media-stream.js';
import { createTrack } from '../../dist/daemon/media/media-stream-track.js';
import { PermissionStore } from '../../dist/daemon/media/permission-store.js';
import { createPermissions } from '../../dist/daemon/media/permissions.js';
import { ImageCaptureTest, scriptable } from './image-capture-test.mjs';

// biome-ignore lint/performance/noBarrelFile lint/performance/noReExportAll: the door has whatever the package has.
export * from '../../dist/daemon/library.js';

const MODES = [
  { pixelFormat: 'YUYV', width: 640, height: 480, frameRates: [30] },
  { pixelFormat: 'YUYV', width: 1280, height: 720, frameRates: [30] },
];
const camera = (number, group) => ({
  kind: 'videoinput',
  deviceId: `camera-${number}`,
  groupId: group,
  label: `Test camera ${number}`,
  bus: 'test',
  path: 'test',
  formats: MODES,
  controls: [],
});
const microphone = (number, group) => ({
  kind: 'audioinput',
  deviceId: `microphone-${number}`,
  groupId: group,
  label: `Test microphone ${number}`,
  bus: 'test',
  path: 'test',
});

/** A webcam with a microphone, another camera, a headset of microphone and loudspeaker. */
const DEVICES = [camera(1, 'webcam'), camera(2, 'second-camera'), microphone(1, 'webcam'), microphone(2, 'headset')];
const SPEAKER = { kind: 'audiooutput', deviceId: 'speaker-1', groupId: 'headset', label: 'Test speaker' };

const store = new PermissionStore();
const mayMove = () => store.state({ name: 'camera', panTiltZoom: true }) === 'granted';

/** The test devices, their cameras with the scripted one before them where the suite asks for it. */
class TestDevices extends CapturedDevices {
  async devices() {
    return (await super.devices()).map((device) => {
      if (device.kind !== 'videoinput') return device;
      const source = () => scriptable(device.source(), mayMove);
      return { ...device, capabilities: () => source().capabilities(), source };
    });
  }
}

const devices = new TestDevices({
  stateDirectory: join(tmpdir(), 'vedette-wpt'),
  log: silentLog,
  outputs: [SPEAKER],
  table: async () => ({ devices: DEVICES, start: async () => undefined, onChange: () => undefined }),
});

export const mediaDevices = createMediaDevices(devices, store);
export const permissions = createPermissions(store);

let made = 0;

/** A stream of one live track over a source of its own. */
function streamOf(device, settings, flowing) {
  made += 1;
  const generated = devices.source({ ...device, deviceId: `generated-${made}`, groupId: `generated-${made}` });
  const source = device.kind === 'videoinput' ? scriptable(generated, mayMove) : generated;
  // A captured track runs its source whether or not somebody reads it.
  return new MediaStream([createTrack(source, { settings }, flowing ? { captured: new Set() } : {})]);
}

export const wptHooks = {
  /** Stands for a canvas that is drawn on all the time. */
  createVideoStream: ({ width = 640, height = 480 } = {}) =>
    streamOf({ ...camera(0), formats: [], label: 'Canvas' }, { width, height, frameRate: 30 }, true),

  /** Stands for an audio node that plays, or with `flowing: false` one that plays when somebody listens. */
  createAudioStream: ({ flowing = true } = {}) => streamOf({ ...microphone(0), label: 'Audio node' }, {}, flowing),

  /** test_driver.set_permission(). */
  setPermission: (descriptor, state) => store.set(descriptor, state),

  ImageCaptureTest,
};
