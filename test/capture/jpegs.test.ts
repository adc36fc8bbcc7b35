/** Every picture as a JPEG: what MJPEG viewers get. */
import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'tap';
import { pushedDevice } from '../../daemon/capture/device.ts';
import type { WorkerReport } from '../../daemon/capture/worker-messages.ts';
import { startCaptureWorker } from '../../daemon/capture/worker-process.ts';
import { silentLog } from '../../daemon/lib/log.ts';
import { captureTest, collect, live, until } from '../support/capture-test-source.ts';
import { cameraSettings, dumbCamera, networkSource } from '../support/network-camera.ts';

const isJpeg = (bytes: Buffer): boolean =>
  bytes.readUInt16BE(0) === 0xffd8 && bytes.readUInt16BE(bytes.length - 2) === 0xffd9;

test('of a picture: encoded once for all readers, nothing when nobody looks, no H.264', async (t) => {
  const { source, track } = captureTest('video');
  t.teardown(() => source.close());
  const frames = collect(track);
  const [one, other]: [Buffer[], Buffer[]] = [[], []];
  const stop = track.watchJpegs((jpeg) => one.push(jpeg));
  const leave = track.watchJpegs((jpeg) => other.push(jpeg));
  await until(() => one.length >= 10 && other.length >= 8);
  t.ok(one.every(isJpeg));
  t.equal(one.at(-1), other.at(-1), 'the same bytes, made once');
  t.equal(frames.length, 0, 'nobody wants H.264');
  stop();
  await until(() => other.length >= 20);
  t.equal(source.state, 'live');
  leave();
  await until(() => source.state === 'idle');
});

test("a camera's own JPEGs are passed on untouched", async (t) => {
  const maker = captureTest('video');
  const stop = maker.source.hold();
  await live(maker.source);
  const { data } = { data: (await maker.source.photo()).jpeg };
  stop();
  await maker.source.close();
  const device = pushedDevice({ deviceId: 'p', label: 'p', format: 'jpeg', width: 320, height: 240, frameRate: 15 });
  const { source, track } = captureTest('video', { device });
  t.teardown(() => source.close());
  const got: Buffer[] = [];
  track.watchJpegs((jpeg) => got.push(jpeg));
  const timer = setInterval(() => source.push(data), 70);
  t.teardown(() => clearInterval(timer));
  // Where the worker takes long to begin there is a slate to be seen before.
  const own = (): Buffer[] => got.slice(got.findIndex((jpeg) => jpeg.equals(data)));
  await until(() => got.length >= 5 && own().length >= 5);
  t.ok(
    own().every((jpeg) => jpeg.equals(data)),
    `not one byte is another: ${got.map(({ length }) => length)} bytes, pushed: ${data.length}`,
  );
});

test('what stands for the device is shown, too: away, private, not enabled', async (t) => {
  const { source, track } = captureTest('video', { enabled: false, text: 'porch' });
  t.teardown(() => source.close());
  const got: Buffer[] = [];
  track.watchJpegs((jpeg) => got.push(jpeg));
  await until(() => got.length >= 3);
  const dark = got.at(-1) as Buffer;
  await track.configure({ ...track.configuration, enabled: true });
  await until(() => (got.at(-1)?.length ?? 0) > 3 * dark.length);
  await track.configure({ ...track.configuration, privacy: true });
  await until(() => source.pid === undefined);
  const before = got.length;
  await until(() => got.length >= before + 3);
  t.ok((got.at(-1) as Buffer).length < 3 * dark.length, 'the slate');
  await track.configure({ ...track.configuration, privacy: false });
  await live(source);
  source.setDevice(undefined);
  await until(() => source.muted);
  await delay(500);
  const away = got.length;
  await until(() => got.length >= away + 3);
});

test('of what passes through', async (t) => {
  const camera = await dumbCamera(t);
  const { source, track } = networkSource(t, 'video', cameraSettings(camera.url));
  const got: Buffer[] = [];
  track.watchJpegs((jpeg) => got.push(jpeg));
  await until(() => got.length >= 15);
  t.ok(got.every(isJpeg));
  t.same(source.encoders, []);
});

test('what is no picture is a failure of the worker that writes it', async (t) => {
  const reports: WorkerReport[] = [];
  const worker = startCaptureWorker({
    name: 'video capture',
    log: silentLog,
    environment: {},
    tracks: [],
    input: false,
    jpeg: () => t.fail('a picture'),
    refused: () => t.fail('refused'),
    report: (report) => reports.push(report),
  });
  t.teardown(() => worker.stop({ type: 'stop' }));
  worker.send({
    type: 'start',
    launch: 'audiotestsrc is-live=true ! fdsink fd=4',
    gates: [],
    keyFrameIntervals: [],
    overlays: [],
    input: undefined,
    text: undefined,
    queueRoom: undefined,
  });
  const failures = () => reports.filter(({ type }) => type === 'failed');
  await until(() => failures().length > 0);
  t.match(failures(), [{ reason: 'stream', message: /^no picture of up to \d+ bytes where one is due: "/ }]);
});
