/** A camera that does not accept our password is not asked with it again and again: many lock the account. */
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'tap';
import type { CaptureDevice } from '../../daemon/capture/device.ts';
import { NetworkCameras } from '../../daemon/capture/network-cameras.ts';
import { temporaryFolder } from '../support/capture-test-source.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { cameraSettings } from '../support/network-camera.ts';

test('once a minute for camera and microphone together; at once with another password', async (t) => {
  const clock = new ManualClock();
  let attempts = 0;
  const server = createServer((socket) => {
    socket.on('data', (request) => {
      const [, sequence = ''] = /CSeq: (\d+)/.exec(request.toString()) ?? [];
      if (/^Authorization:/m.test(request.toString())) attempts += 1;
      socket.write(`RTSP/1.0 401 Unauthorized\r\nCSeq: ${sequence}\r\nWWW-Authenticate: Basic realm="camera"\r\n\r\n`);
    });
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const passwordFile = join(await temporaryFolder(t), 'password');
  await writeFile(passwordFile, 'wrong\n');
  const url = `rtsp://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const cameras = new NetworkCameras(
    { porch: cameraSettings(url, { username: 'admin', passwordFile }) },
    'salt',
    clock,
  );
  const [camera, microphone] = cameras.devices as [CaptureDevice, CaptureDevice];
  const refused = { code: 'not-live', message: /does not accept the user name and password/ };
  const ask = async (device: CaptureDevice, tried: number, what: string): Promise<void> => {
    await t.rejects(cameras.open(device), refused, what);
    t.equal(attempts, tried, what);
  };
  await ask(camera, 1, 'at first');
  await ask(camera, 1, 'again');
  await ask(microphone, 1, 'the other device of the camera');
  clock.advance(59_000);
  await ask(camera, 1, 'before a minute has passed');
  clock.advance(2000);
  await ask(camera, 2, 'after it');
  await writeFile(passwordFile, 'wrong as well\n');
  await ask(camera, 3, 'another password');
});
