/** The machine's devices as MediaDevices sees them: one source each, which follows the table. */
import { test } from 'tap';
import { type CaptureDevice, TEST_PICTURE, TEST_TONE } from '../daemon/capture/device.ts';
import { CapturedDevices, type DeviceTable } from '../daemon/captured-devices.ts';
import { silentLog } from '../daemon/lib/log.ts';
import type { ProvidedInput } from '../daemon/media/device-provider.ts';
import { createMediaDevices } from '../daemon/media/media-devices.ts';
import { PermissionStore } from '../daemon/media/permission-store.ts';

const camera: CaptureDevice = { ...TEST_PICTURE, deviceId: 'camera', groupId: 'webcam', label: 'Webcam' };
const microphone: CaptureDevice = { ...TEST_TONE, deviceId: 'camera', groupId: 'webcam', label: 'Webcam' };

class Table implements DeviceTable {
  devices: readonly CaptureDevice[];
  started = 0;
  readonly #listeners: (() => void)[] = [];

  constructor(...devices: CaptureDevice[]) {
    this.devices = devices;
  }

  async start(): Promise<void> {
    this.started += 1;
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  change(...devices: CaptureDevice[]): void {
    this.devices = devices;
    for (const listener of this.#listeners) listener();
  }
}

test('devices, sources and replug', async (t) => {
  const table = new Table(camera, microphone);
  const devices = new CapturedDevices({ table: async () => table, stateDirectory: t.testdir({}), log: silentLog });
  t.equal(table.started, 0, 'nothing until somebody asks');
  const [first, second] = (await devices.devices()) as [ProvidedInput, ProvidedInput];
  await devices.devices();
  t.equal(table.started, 1);
  t.match(first, { kind: 'videoinput', deviceId: 'camera', groupId: 'webcam', label: 'Webcam' });
  t.equal(first.source(), first.source(), 'one source a device');
  t.not(first.source(), second.source(), 'though both parts have one id');
  t.equal(await first.explain?.('busy'), 'busy', 'nobody has it open');

  const media = createMediaDevices(devices, new PermissionStore());
  const [track] = (await media.getUserMedia({ video: { width: 160, height: 120 } })).getTracks();
  const changes: string[] = [];
  media.ondevicechange = () => changes.push('devicechange');
  for (const type of ['mute', 'unmute', 'ended']) track?.addEventListener(type, () => changes.push(type));
  const until = async (what: string): Promise<void> => {
    while (!changes.includes(what)) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  table.change(microphone);
  await until('mute');
  await until('devicechange');
  t.equal(track?.readyState, 'live', 'unplugged is not gone for good');
  table.change(microphone, camera);
  await until('unmute');
  t.notOk(changes.includes('ended'));
  track?.stop();
});
