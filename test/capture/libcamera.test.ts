/** Cameras on CSI: how they are found, what they are known to have, and how their controls are set. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { controlCapabilities, controlValues } from '../../daemon/capture/camera-controls.ts';
import { ControlsMemory } from '../../daemon/capture/controls-memory.ts';
import type { VideoDevice } from '../../daemon/capture/device.ts';
import {
  parseCameraControls,
  parseCameraFormats,
  parseCameraList,
  parseSourceProperties,
  propertyOf,
} from '../../daemon/capture/libcamera.ts';
import { sourceProperties } from '../../daemon/capture/libcamera-controls.ts';
import { LibcameraFinder } from '../../daemon/capture/libcamera-finder.ts';
import type { runTool, ToolResult } from '../../daemon/capture/run-tool.ts';
import { captureTest, until } from '../support/capture-test-source.ts';
import { FakeWorkers } from '../support/fake-workers.ts';
import { CAM_INFO, CAM_INFO_OLD, CAM_LIST, INSPECT, INSPECT_OLD } from '../support/libcamera-outputs.ts';
import { type LogEntry, recordingLog } from '../support/recording-log.ts';

const IMX219 = '/base/soc/i2c0mux/i2c@1/imx219@10';
const OV5647 = '/base/axi/pcie@1000120000/rp1/i2c@88000/ov5647@36';

test('cameras by their place, without those of USB', (t) => {
  t.same(parseCameraList(CAM_LIST), [
    { id: IMX219, model: 'imx219' },
    { id: OV5647, model: 'ov5647' },
  ]);
  t.same(parseCameraList('Available cameras:\n'), []);
  t.end();
});

test('formats: NV12 alone where it is, the sizes listed and the whole sensor, rates within the limits', (t) => {
  const formats = parseCameraFormats(CAM_INFO);
  t.same(
    formats.map(({ pixelFormat, width, height }) => `${pixelFormat} ${width}x${height}`),
    ['NV12 640x480', 'NV12 1280x720', 'NV12 1920x1080', 'NV12 3280x2464'],
  );
  t.same(formats[0]?.frameRates, [30, 25, 24, 20, 15, 10, 5, 2, 1]);
  t.same(parseCameraFormats(CAM_INFO_OLD), [
    { pixelFormat: 'YUYV', width: 640, height: 480, frameRates: [] },
    { pixelFormat: 'YUYV', width: 1280, height: 720, frameRates: [] },
  ]);
  t.end();
});

test('controls that the camera has and libcamerasrc can set', (t) => {
  t.equal(propertyOf('AeEnable'), 'ae-enable');
  t.same(parseCameraControls(CAM_INFO, parseSourceProperties(INSPECT)), [
    { name: 'AeEnable', type: 'boolean', default: 1, value: 1 },
    {
      name: 'AfMode',
      type: 'menu',
      menu: [
        { value: 0, label: 'manual' },
        { value: 2, label: 'continuous' },
      ],
      default: 0,
      value: 0,
    },
    { name: 'AnalogueGain', type: 'number', min: 1, max: 16 },
    { name: 'AwbEnable', type: 'boolean', default: 1, value: 1 },
    { name: 'Brightness', type: 'number', min: -1, max: 1, default: 0, value: 0 },
    { name: 'ExposureTime', type: 'integer', min: 1, max: 66666 },
    { name: 'LensPosition', type: 'number', min: 0, max: 32 },
  ]);
  t.same(parseCameraControls(CAM_INFO_OLD, parseSourceProperties(INSPECT_OLD)), [], 'of before 0.4 none');
  t.end();
});

/** The tools of libcamera as a board has them. */
class Board {
  readonly ran: string[] = [];
  readonly logged: LogEntry[] = [];
  readonly sys: string;
  readonly dev: string;
  list: Partial<ToolResult> = { stdout: CAM_LIST };
  info: Partial<ToolResult> = { stdout: CAM_INFO };
  inspect: Partial<ToolResult> = { stdout: INSPECT };

  constructor(sys: string) {
    this.sys = sys;
    this.dev = join(sys, 'dev');
  }

  readonly run: typeof runTool = async (program, args) => {
    this.ran.push([program, ...args].join(' '));
    const answer = program === 'gst-inspect-1.0' ? this.inspect : args[0] === '--list' ? this.list : this.info;
    return { ok: true, missing: false, late: false, stdout: '', stderr: '', ...answer };
  };

  async node(node: string, name: string): Promise<void> {
    const directory = join(this.sys, 'class/video4linux', node);
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, 'name'), `${name}\n`);
  }

  finder(held?: (deviceId: string) => Record<string, number>): LibcameraFinder {
    const roots = { sys: this.sys, proc: '/nonexistent', dev: this.dev, run: '/nonexistent' };
    return new LibcameraFinder({ log: recordingLog(this.logged), salt: 'salt', roots, run: this.run, held });
  }
}

async function board(t: Test): Promise<Board> {
  const sys = await mkdtemp(join(tmpdir(), 'vedette-test-'));
  t.teardown(() => rm(sys, { recursive: true }));
  return new Board(sys);
}

test('asked once, when the kernel shows sensors; again when others come, or when somebody wishes', async (t) => {
  const pi = await board(t);
  await pi.node('video13', 'bcm2835-isp0-output0');
  await pi.node('video0', 'HD Pro Webcam C920');
  const finder = pi.finder();
  t.same(await finder.find(), []);
  t.same(pi.ran, [], 'a board without a camera on CSI runs nothing');
  await pi.node('video1', 'unicam-image');
  await pi.node('v4l-subdev0', 'imx219 10-0010');
  const cameras = await finder.find();
  t.match(cameras, [
    { kind: 'videoinput', label: 'imx219', bus: 'libcamera', path: IMX219 },
    { kind: 'videoinput', label: 'ov5647', bus: 'libcamera', path: OV5647 },
  ]);
  t.equal(new Set(cameras.map(({ deviceId }) => deviceId)).size, 2);
  t.equal(cameras[0]?.formats.length, 4);
  t.equal(cameras[0]?.controls.length, 7);
  t.same(await finder.find(), cameras);
  t.same(pi.ran, [
    'cam --list',
    'gst-inspect-1.0 libcamerasrc',
    `cam --camera ${IMX219} --info --list-controls`,
    `cam --camera ${OV5647} --info --list-controls`,
  ]);
  finder.forget(IMX219);
  await finder.find();
  t.equal(pi.ran.length, 4, 'a single camera has nothing to tell');

  // We have it open now.
  pi.info = { ok: false, stderr: 'Failed to acquire camera' };
  finder.forget();
  t.same(await finder.find(), cameras, 'what was known of it stays');
  pi.list = { stdout: 'Available cameras:\n' };
  await pi.node('v4l-subdev1', 'imx708 10-001a');
  t.same(await finder.find(), []);
});

test('permissions that come late, and a libcamera that does not answer', async (t) => {
  const pi = await board(t);
  await pi.node('v4l-subdev0', 'imx219 10-0010');
  pi.list = { stdout: 'Available cameras:\n' };
  const finder = pi.finder();
  t.same(await finder.find(), [], 'it may not open anything yet');
  pi.list = { stdout: CAM_LIST };
  t.same(await finder.find(), []);
  await mkdir(pi.dev);
  await writeFile(join(pi.dev, 'media0'), '');
  t.equal((await finder.find()).length, 2);
  pi.list = { ok: false, late: true };
  finder.forget();
  t.equal((await finder.find()).length, 2, 'what was there stays');
  t.match(finder.problems, [/libcamera tells no cameras: it does not answer/]);
  pi.list = { stdout: CAM_LIST };
  t.equal((await finder.find()).length, 2);
  t.same(finder.problems, [], 'asked again by itself');
});

test('one that somebody else has open from the start', async (t) => {
  const pi = await board(t);
  pi.info = { ok: false, stderr: 'Failed to acquire camera' };
  await pi.node('v4l-subdev0', 'imx219 10-0010');
  const [camera] = await pi.finder().find();
  t.match(camera, { label: 'imx219', controls: [] });
  t.match(camera?.formats.at(-1), { pixelFormat: 'NV12', width: 1920, height: 1080 });
  const [remembered] = await pi.finder(() => ({ Brightness: 1 })).find();
  t.same(remembered?.controls, [], 'what it was set to has to wait');
});

test('what is missing is told with its package, once', async (t) => {
  const pi = await board(t);
  const warnings = (): string[] => pi.logged.filter(({ level }) => level === 'warn').map(({ message }) => message);
  await pi.node('v4l-subdev0', 'imx219 10-0010');
  const finder = pi.finder();
  pi.list = { ok: false, missing: true };
  t.same(await finder.find(), []);
  finder.forget();
  await finder.find();
  t.match(warnings(), [/libcamera \(package libcamera-tools\)/]);
  t.equal(warnings().length, 1);
  pi.list = { stdout: CAM_LIST };
  pi.inspect = { ok: false, stdout: "No such element or plugin 'libcamerasrc'" };
  finder.forget();
  t.same(await finder.find(), []);
  t.match(finder.problems, [/gstreamer1\.0-libcamera/], 'and stays to be seen until it is over');
  t.match(warnings()[1], /imx219, ov5647: .*\(package gstreamer1\.0-libcamera\)/);
  pi.inspect = { stdout: INSPECT };
  finder.forget();
  t.equal((await finder.find()).length, 2);
  t.same(finder.problems, []);
});

test('a running camera gets its controls with another life, whoever set them', async (t) => {
  const pi = await board(t);
  await pi.node('v4l-subdev0', 'imx219 10-0010');
  const controls = new ControlsMemory();
  const finder = pi.finder((deviceId) => controls.held(deviceId) as Record<string, number>);
  const [camera] = (await finder.find()) as [VideoDevice];
  const workers = new FakeWorkers();
  const launches = (): (string | undefined)[] =>
    workers.lives.map(({ sent }) => {
      const start = sent.find((command) => command.type === 'start');
      return start && /^libcamerasrc name=source camera-name="[^"]*"(.*?) ! /.exec(start.launch)?.[1];
    });
  const { source } = captureTest('video', { device: camera, controls, startWorker: workers.start });
  t.teardown(() => source.close());
  source.hold();
  await until(() => launches().length === 1 && launches()[0] !== undefined);
  workers.last.report({ type: 'flowing' });
  await source.setControls({ brightness: 0.5 });
  await until(() => launches()[1] !== undefined);
  workers.last.report({ type: 'flowing' });
  source.setDevice((await finder.find())[0]);
  t.equal(workers.lives.length, 2, 'the table tells the same');
  await controls.set(camera, { AeEnable: 0 });
  source.setDevice((await finder.find())[0]);
  await until(() => launches()[2] !== undefined);
  t.same(launches(), ['', ' brightness=0.5', ' ae-enable=0 brightness=0.5']);
});

test('controls are constraints, and properties of the next life', async (t) => {
  const pi = await board(t);
  await pi.node('v4l-subdev0', 'imx219 10-0010');
  const memory = new ControlsMemory(() => Promise.reject(new Error('v4l2-ctl has no part in it')));
  const finder = pi.finder((deviceId) => memory.held(deviceId) as Record<string, number>);
  const [camera] = (await finder.find()) as [VideoDevice];
  t.same(sourceProperties(camera), {}, 'it begins as libcamera has it');
  t.match(controlCapabilities(camera.controls), {
    exposureMode: ['manual', 'continuous'],
    focusMode: ['manual', 'continuous'],
    exposureTime: { min: 0.01, max: 666.66 },
    brightness: { min: -1, max: 1 },
  });
  const wish = { exposureTime: 100, brightness: 0.25, focusMode: 'continuous' };
  const set = await memory.set(camera, controlValues(wish, camera.controls));
  t.same(sourceProperties(set), { 'ae-enable': 0, 'af-mode': 2, brightness: 0.25, 'exposure-time': 10_000 });
  t.same((await finder.find())[0], set, 'the table has them too');
  const back = await memory.set(set, { AeEnable: 1, AfMode: 0, Brightness: 0 });
  t.same(sourceProperties(back), { 'exposure-time': 10_000 });
  for (const [values, message] of [
    [{ Brightness: 2 }, 'Brightness 2: allowed are numbers from -1 to 1'],
    [{ ExposureTime: 1.5 }, 'ExposureTime 1.5: allowed are whole numbers from 1 to 66666'],
    [{ AfMode: 1 }, 'AfMode 1: allowed are 0 (manual), 2 (continuous)'],
    [{ Zoom: 1 }, /the device has no control 'Zoom': it has AeEnable, /],
  ] as [Record<string, number>, string | RegExp][])
    await t.rejects(memory.set(back, values), { code: 'invalid-value', message });
  t.same((await finder.find())[0], back, 'and nothing has changed');
});
