import { mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Test, test } from 'tap';
import type { CaptureDevice, VideoDevice } from '../../daemon/capture/device.ts';
import type { DeviceRoots } from '../../daemon/capture/device-finder.ts';
import { DeviceMonitor } from '../../daemon/capture/device-monitor.ts';
import { silentLog } from '../../daemon/lib/log.ts';
import { type LogEntry, recordingLog } from '../support/recording-log.ts';
import { PI_ENCODER, UVC_METADATA, UVC_WEBCAM, VIVID } from '../support/v4l2-outputs.ts';

const USB = 'devices/platform/scb/fd500000.pcie/pci0000:00/0000:00:00.0/0000:01:00.0/usb1';

/** A tree that looks like the parts of /sys, /proc and /dev that tell of devices. */
class FakeMachine {
  readonly root: string;
  readonly probes: string[] = [];
  readonly outputs = new Map<string, string>();

  constructor(root: string) {
    this.root = root;
  }

  get roots(): DeviceRoots {
    const [sys, proc, dev, run] = ['sys', 'proc', 'dev', 'run'].map((name) => join(this.root, name));
    return { sys, proc, dev, run } as DeviceRoots;
  }

  async write(path: string, text: string): Promise<void> {
    const file = join(this.root, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }

  async usb(port: string, serial: string | undefined, speed = '480'): Promise<void> {
    const directory = `sys/${USB}/${port}`;
    await this.write(`${directory}/idVendor`, '046d\n');
    await this.write(`${directory}/idProduct`, '082d\n');
    await this.write(`${directory}/speed`, `${speed}\n`);
    if (serial !== undefined) await this.write(`${directory}/serial`, `${serial}\n`);
  }

  async video(name: string, parent: string, label: string, output: string): Promise<void> {
    const directory = join(this.root, 'sys', parent, 'video4linux', name);
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, 'name'), `${label}\n`);
    await symlink(join(this.root, 'sys', parent), join(directory, 'device'));
    await mkdir(join(this.root, 'sys/class/video4linux'), { recursive: true });
    await symlink(directory, join(this.root, 'sys/class/video4linux', name));
    this.outputs.set(join(this.root, 'dev', name), output);
    await this.write(`dev/${name}`, '');
  }

  async unplug(name: string): Promise<void> {
    await rm(join(this.root, 'sys/class/video4linux', name));
    await rm(join(this.root, 'dev', name));
  }

  async sound(card: number, id: string, name: string, parent: string): Promise<void> {
    const directory = join(this.root, 'sys', parent, 'sound', `card${card}`);
    await mkdir(directory, { recursive: true });
    await symlink(join(this.root, 'sys', parent), join(directory, 'device'));
    await mkdir(join(this.root, 'sys/class/sound'), { recursive: true });
    await symlink(directory, join(this.root, `sys/class/sound/card${card}`));
    const cards = await readFile(join(this.root, 'proc/asound/cards'), 'utf8').catch(() => '');
    const pcm = await readFile(join(this.root, 'proc/asound/pcm'), 'utf8').catch(() => '');
    await this.write(
      'proc/asound/cards',
      `${cards} ${card} [${id.padEnd(15)}]: USB-Audio - ${name}\n    at somewhere\n`,
    );
    await this.write('proc/asound/pcm', `${pcm}0${card}-00: USB Audio : USB Audio : capture 1\n`);
  }

  monitor(t: Test, salt = 'salt'): DeviceMonitor {
    const monitor = new DeviceMonitor({
      log: silentLog,
      salt,
      roots: this.roots,
      probe: async (path) => {
        this.probes.push(path.slice(this.root.length));
        return this.outputs.get(path);
      },
    });
    t.teardown(() => monitor.stop());
    return monitor;
  }
}

async function machine(t: Test): Promise<FakeMachine> {
  const root = await mkdtemp(join(tmpdir(), 'vedette-test-'));
  t.teardown(() => rm(root, { recursive: true }));
  await mkdir(join(root, 'dev'));
  return new FakeMachine(root);
}

const ids = (devices: readonly CaptureDevice[]): string[] => devices.map(({ deviceId }) => deviceId);

test('a webcam with its microphone, an encoder, a virtual camera', async (t) => {
  const fake = await machine(t);
  await fake.usb('1-1.2', '7A1F2B3C');
  await fake.video('video0', `${USB}/1-1.2/1-1.2:1.0`, 'HD Pro Webcam C920', UVC_WEBCAM);
  await fake.video('video1', `${USB}/1-1.2/1-1.2:1.0`, 'HD Pro Webcam C920', UVC_METADATA);
  await fake.video('video11', 'devices/platform/codec', 'bcm2835-codec-encode', PI_ENCODER);
  await fake.video('video2', 'devices/platform/vivid.0', 'vivid-000-vid-cap', VIVID);
  await fake.sound(1, 'C920', 'HD Pro Webcam C920', `${USB}/1-1.2/1-1.2:1.2`);
  const monitor = fake.monitor(t);
  await monitor.start();
  const { devices } = monitor;
  t.match(devices, [
    {
      kind: 'videoinput',
      label: 'HD Pro Webcam C920',
      bus: 'usb-0000:01:00.0-1.2',
      usb: { speed: 480 },
      serial: '7A1F2B3C',
    },
    { kind: 'videoinput', label: 'vivid', bus: 'platform:vivid-000' },
    { kind: 'audioinput', label: 'HD Pro Webcam C920', bus: 'usb', path: 'plughw:CARD=C920,DEV=0' },
  ]);
  t.match(devices[0]?.path, /dev\/video0$/);
  t.equal((devices[0] as VideoDevice).formats.length, 7);
  t.equal(devices[0]?.groupId, devices[2]?.groupId, 'one physical device');
  t.not(devices[0]?.groupId, devices[1]?.groupId);
  t.equal(new Set(ids(devices)).size, 3);
  for (const id of ids(devices)) t.match(id, /^[0-9a-f]{32}$/);
  t.notOk(fake.probes.includes('/dev/video11'), 'the encoder was not even opened');
  const other = fake.monitor(t, 'other salt');
  await other.start();
  t.not(other.devices[0]?.deviceId, devices[0]?.deviceId, 'the id says nothing elsewhere');
});

test('plugged out, and in again at another node: the same device', async (t) => {
  const fake = await machine(t);
  await fake.usb('1-1.2', '7A1F2B3C');
  const interfaces = `${USB}/1-1.2/1-1.2:1.0`;
  await fake.video('video0', interfaces, 'HD Pro Webcam C920', UVC_WEBCAM);
  const monitor = fake.monitor(t);
  await monitor.start();
  const [first] = ids(monitor.devices);
  const changes: number[] = [];
  monitor.onChange((devices) => changes.push(devices.length));
  await fake.unplug('video0');
  await waitFor(() => monitor.devices.length === 0);
  await fake.video('video4', interfaces, 'HD Pro Webcam C920', UVC_WEBCAM);
  await waitFor(() => monitor.devices.length === 1);
  t.same(ids(monitor.devices), [first]);
  t.match(monitor.devices[0]?.path, /video4$/);
  t.same(changes, [0, 1], 'told once each');
});

test('a node that may not be opened yet is asked again', async (t) => {
  const fake = await machine(t);
  await fake.usb('1-1.2', undefined);
  await fake.video('video0', `${USB}/1-1.2/1-1.2:1.0`, 'HD Pro Webcam C920', UVC_WEBCAM);
  const path = join(fake.root, 'dev/video0');
  fake.outputs.delete(path);
  const monitor = fake.monitor(t);
  await monitor.start();
  t.same(monitor.devices, []);
  fake.outputs.set(path, UVC_WEBCAM);
  // As udev does when it sets the permissions.
  await writeFile(path, 'x');
  await waitFor(() => monitor.devices.length === 1);
  t.pass();
});

test('a node that answers by halves, while it is unplugged, is asked again', async (t) => {
  const fake = await machine(t);
  const half = UVC_WEBCAM.slice(0, UVC_WEBCAM.indexOf('ioctl: VIDIOC_ENUM_FMT'));
  for (const [moment, output] of Object.entries({ 'before its formats': half, 'at once': '' })) {
    await fake.video('video0', `${USB}/1-1`, 'Webcam', output);
    const monitor = fake.monitor(t);
    await monitor.start();
    t.same(monitor.devices, [], moment);
    fake.outputs.set(join(fake.root, 'dev/video0'), UVC_WEBCAM);
    await monitor.start();
    t.equal(monitor.devices.length, 1, moment);
    await fake.unplug('video0');
    await rm(join(fake.root, 'sys', USB, '1-1/video4linux'), { recursive: true });
  }
});

test('another device in the place of one, under the same name, is asked', async (t) => {
  const fake = await machine(t);
  const place = join(fake.root, 'sys', USB, '1-1/video4linux');
  await fake.video('video0', `${USB}/1-1`, 'Webcam', UVC_METADATA);
  const monitor = fake.monitor(t);
  await monitor.start();
  t.same(monitor.devices, []);
  // Both between two scans.
  await fake.unplug('video0');
  await rename(place, `${place}-before`);
  await fake.video('video0', `${USB}/1-1`, 'Webcam', UVC_WEBCAM);
  await monitor.start();
  t.equal(monitor.devices.length, 1);
});

test('a node that udev is not done with is no reason for a warning', async (t) => {
  const fake = await machine(t);
  await fake.usb('1-1.2', undefined);
  const interfaces = `${USB}/1-1.2/1-1.2:1.0`;
  await fake.video('video0', interfaces, 'HD Pro Webcam C920', UVC_WEBCAM);
  await fake.write(`sys/${interfaces}/video4linux/video0/dev`, '81:0\n');
  await rm(join(fake.root, 'dev/video0'));
  const warnings = async (): Promise<number> => {
    const logged: LogEntry[] = [];
    const monitor = new DeviceMonitor({ log: recordingLog(logged), salt: 'salt', roots: fake.roots });
    await monitor.start();
    // Looks again, and has nothing new to say.
    await monitor.rescan();
    await monitor.stop();
    t.equal(monitor.problems.length, logged.filter(({ level }) => level === 'warn').length);
    return logged.filter(({ level }) => level === 'warn').length;
  };
  t.equal(await warnings(), 1, 'without udev');
  await fake.write('run/udev/control', '');
  t.equal(await warnings(), 0, 'udev works at it');
  await fake.write('run/udev/data/c81:0', '');
  t.equal(await warnings(), 1, 'udev is done');
});

test('two of a kind with the same serial number, and two without', async (t) => {
  const fake = await machine(t);
  for (const [index, [port, serial]] of Object.entries([
    ['1-1.1', 'SN0001'],
    ['1-1.2', 'SN0001'],
    ['1-1.3', undefined],
    ['1-1.4', undefined],
  ] as const)) {
    await fake.usb(port, serial);
    await fake.video(`video${index}`, `${USB}/${port}/${port}:1.0`, 'USB Camera', UVC_WEBCAM);
    await fake.sound(Number(index), `Camera${index}`, 'USB Camera', `${USB}/${port}/${port}:1.2`);
  }
  const monitor = fake.monitor(t);
  await monitor.start();
  t.equal(new Set(ids(monitor.devices)).size, 8);
  const [cameras, microphones] = [monitor.devices.slice(0, 4), monitor.devices.slice(4)];
  t.same(
    cameras.map(({ path }) => path.slice(-1)),
    ['0', '1', '2', '3'],
  );
  const groups = (devices: readonly CaptureDevice[]): string[] => devices.map(({ groupId }) => groupId);
  t.equal(new Set(groups(cameras)).size, 4, 'four physical devices');
  t.same(groups(microphones), groups(cameras), 'each with its microphone');
});

test('what udev calls them; links that come after the node, and those of a card', async (t) => {
  const fake = await machine(t);
  await fake.usb('1-1.2', '7A1F2B3C');
  await fake.video('video0', `${USB}/1-1.2/1-1.2:1.0`, 'HD Pro Webcam C920', UVC_WEBCAM);
  await fake.sound(1, 'C920', 'HD Pro Webcam C920', `${USB}/1-1.2/1-1.2:1.2`);
  const monitor = fake.monitor(t);
  await monitor.start();
  t.same(
    monitor.devices.map(({ links }) => links),
    [[], []],
  );
  const links = {
    'v4l/by-path/platform-usb-0:1.2:1.0-video-index0': '../../video0',
    'v4l/by-id/usb-046d_HD_Pro_Webcam_C920_7A1F2B3C-video-index0': '../../video0',
    'v4l/by-id/usb-somebody-else-video-index0': '../../video7',
    'snd/by-path/platform-usb-0:1.2:1.2': '../controlC1',
  };
  for (const [link, target] of Object.entries(links)) {
    await mkdir(dirname(join(fake.root, 'dev', link)), { recursive: true });
    await symlink(target, join(fake.root, 'dev', link));
  }
  await waitFor(() => monitor.devices[0]?.links?.length === 2);
  t.same(
    monitor.devices.map((device) => device.links?.map((link) => link.slice(join(fake.root, 'dev/').length))),
    [[Object.keys(links)[1], Object.keys(links)[0]], [Object.keys(links)[3]]],
  );
  t.same(
    monitor.devices.map(({ serial, usb }) => [serial, usb?.directory.endsWith('usb1/1-1.2')]),
    [
      ['7A1F2B3C', true],
      ['7A1F2B3C', true],
    ],
  );
});

test('a scan without news asks no device; rescan() asks all', async (t) => {
  const fake = await machine(t);
  await fake.usb('1-1.2', '7A1F2B3C');
  await fake.video('video0', `${USB}/1-1.2/1-1.2:1.0`, 'HD Pro Webcam C920', UVC_WEBCAM);
  const monitor = fake.monitor(t);
  await monitor.start();
  await monitor.start();
  t.equal(fake.probes.length, 1);
  fake.outputs.set(join(fake.root, 'dev/video0'), UVC_WEBCAM.replace('default=128 value=128', 'default=128 value=77'));
  await monitor.rescan();
  t.equal(fake.probes.length, 2);
  t.equal((monitor.devices[0] as VideoDevice).controls[0]?.value, 77);
});

test('a machine without anything, and this machine', async (t) => {
  const fake = await machine(t);
  const monitor = fake.monitor(t);
  await monitor.start();
  t.same(monitor.devices, []);
  await monitor.stop();
  await monitor.stop();
  const real = new DeviceMonitor({ log: silentLog, salt: 'salt' });
  await real.start();
  t.ok(Array.isArray(real.devices));
  await real.stop();
});

async function waitFor(condition: () => boolean): Promise<void> {
  const end = Date.now() + 15_000;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`not within 15 s: ${condition}`);
    await delay(20);
  }
}
