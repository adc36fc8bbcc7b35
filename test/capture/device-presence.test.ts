import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'tap';
import { type CaptureDevice, pushedDevice, TEST_PICTURE, TEST_TONE } from '../../daemon/capture/device.ts';
import { isPresent } from '../../daemon/capture/device-presence.ts';
import { temporaryFolder } from '../support/capture-test-source.ts';

test('a device is there as long as its node is', async (t) => {
  const folder = await temporaryFolder(t);
  const node = join(folder, 'video0');
  await writeFile(node, '');
  await mkdir(join(folder, 'asound', 'Webcam'), { recursive: true });
  const camera = (path: string, bus = 'usb-0000:00:14.0-1'): CaptureDevice => ({ ...TEST_PICTURE, path, bus });
  const microphone = (path: string): CaptureDevice => ({ ...TEST_TONE, path, bus: 'usb' });
  const table: [what: string, device: CaptureDevice, present: boolean][] = [
    ['a camera', camera(node), true],
    ['one that was pulled out', camera(join(folder, 'video1')), false],
    ['a camera of which the path tells nothing', camera('/base/soc/i2c0mux/i2c@1/imx219@10', 'libcamera'), true],
    ['a path through what is no folder: its driver may tell', camera(join(node, 'x')), true],
    ['a microphone', microphone('plughw:CARD=Webcam,DEV=0'), true],
    ['one that was pulled out', microphone('plughw:CARD=Gone,DEV=0'), false],
    ['a PCM of another kind', microphone('default'), true],
    ['a network camera', camera('rtsp://192.0.2.1/', 'rtsp'), true],
    ['the test picture', TEST_PICTURE, true],
    ['the test tone', TEST_TONE, true],
    [
      'what a program pushes',
      pushedDevice({ deviceId: 'p', label: 'p', format: 'rgba', width: 16, height: 16, frameRate: 1 }),
      true,
    ],
  ];
  for (const [what, device, present] of table) t.equal(await isPresent(device, folder), present, what);
});
