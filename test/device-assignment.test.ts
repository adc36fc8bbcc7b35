import { test } from 'tap';
import type { CaptureSource } from '../daemon/capture/capture-source.ts';
import type { CaptureDevice, VideoDevice } from '../daemon/capture/device.ts';
import { DeviceAssignment } from '../daemon/device-assignment.ts';

const camera = (deviceId: string, path: string): VideoDevice => ({
  kind: 'videoinput',
  deviceId,
  groupId: deviceId,
  label: 'Webcam',
  bus: 'usb',
  path,
  formats: [{ pixelFormat: 'YUYV', width: 640, height: 480, frameRates: [30] }],
  controls: [],
});
const [left, right, back] = [
  camera('left', '/dev/video0'),
  camera('right', '/dev/video2'),
  camera('right', '/dev/video4'),
] as const;

/** What a source with this wish gets as these tables come. */
function follows(wish: string, ...tables: CaptureDevice[][]): (string | undefined)[] {
  const assignment = new DeviceAssignment();
  const got: (string | undefined)[] = [];
  const source = {
    kind: 'video',
    setDevice: (device: CaptureDevice | undefined) => got.push(device?.path),
  } as unknown as CaptureSource;
  assignment.open(wish, 'video', (device) => {
    got.push(device?.path);
    return source;
  });
  for (const table of tables) assignment.devicesChanged(table);
  return got;
}

test('the device that a wish means, as devices come and go', async (t) => {
  const TABLE: [string, string, (string | undefined)[]][] = [
    ['any: the first, and never another', 'any', ['test', '/dev/video0', undefined, '/dev/video0', '/dev/video0']],
    ['id', 'right', [undefined, '/dev/video2', '/dev/video2', '/dev/video4', undefined]],
    ['path: whatever is there', '/dev/video2', [undefined, '/dev/video2', '/dev/video2', undefined, undefined]],
    [
      'label: stays with what it has',
      'webcam',
      [undefined, '/dev/video0', '/dev/video2', '/dev/video4', '/dev/video0'],
    ],
    ['pattern: the same', '/dev/video*', [undefined, '/dev/video0', '/dev/video2', '/dev/video4', '/dev/video0']],
  ];
  for (const [name, wish, paths] of TABLE)
    t.same(follows(wish, [left, right], [right], [left, back], [left]), paths, name);
});
