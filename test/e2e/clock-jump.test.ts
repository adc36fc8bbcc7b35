/** A clock that is set while the gateway runs, as a board without a battery does each time that it finds the network. */
import { test } from 'tap';
import { Daemon } from '../support/daemon.ts';
import { FrameWatcher } from '../support/frame-watcher.ts';
import { Mosquitto, until } from '../support/mosquitto.ts';
import { Requests } from '../support/mqtt-requests.ts';
import { WallClock } from '../support/wall-clock.ts';

const skip = WallClock.library === undefined && 'libfaketime is not installed';
const B = 'vedette/porch';
const YEAR = 365 * 86_400_000;

test('the clock jumps by years, there and back', { skip, timeout: 120_000 }, async (t) => {
  const broker = new Mosquitto();
  await broker.start();
  const daemon = new Daemon({
    'mqtt.url': broker.url,
    'mqtt.keepalive': '5',
    'mqtt.willDelay': '0',
    'mqtt.telemetryInterval': '2',
    'streams.camera.audio': 'false',
  });
  const clock = new WallClock(daemon.folder);
  Object.assign(daemon.environment, clock.environment);
  const requests = await new Requests(broker.url, B).start();
  t.teardown(async () => {
    await requests.stop();
    await daemon.stop();
    await broker.stop();
  });
  await daemon.start();
  await requests.online();
  const viewer = new FrameWatcher(daemon.rtsp, '-rtsp_transport', 'tcp');
  t.teardown(() => viewer.end());
  await until(() => viewer.frames > 10, 'the picture', 40_000);
  const workers = daemon.children('capture/worker');
  const telemetry = () => requests.listener.on(`${B}/telemetry`).map(({ text }) => Date.parse(JSON.parse(text).time));

  const patch = { patch: { mqtt: { telemetryInterval: 1 } }, confirmWithin: 300 };
  t.match(await requests.ask('config/patch', patch), { status: 'ok', data: { applied: true } });
  const key = JSON.stringify({ name: 'camera', maxBitrate: 800_000, transaction: 'once' });
  const encoding = () => requests.listener.client.publishAsync(`${B}/request/stream/encoding`, key, { qos: 1 });
  const encodings = () => requests.listener.on(`${B}/response/stream/encoding`);
  await encoding();
  await until(() => encodings().length === 1, 'the first answer');
  for (const years of [10, -20, 0]) {
    clock.jump(years);
    const told = () => telemetry().some((time) => Math.abs(time - Date.now() - years * YEAR) < YEAR / 2);
    const before = { frames: viewer.frames, telemetry: telemetry().length };
    await until(() => told() && telemetry().length > before.telemetry + 3, `telemetry of ${years} years from now`);
    await until(() => viewer.frames > before.frames + 30, 'the picture goes on');
    t.match(await requests.ask('stream/get', { name: 'camera' }), { data: { state: 'live' } }, `${years} years`);
    const again = encodings().length;
    await requests.ask('stream/encoding', { name: 'camera', maxBitrate: 900_000 });
    await encoding();
    await until(() => encodings().length === again + 2, 'the old answer');
    const [{ encodings: now }] = [(await requests.ask('stream/get', { name: 'camera' })).data] as [
      { encodings: { maxBitrate: number }[] },
    ];
    t.equal(now[0]?.maxBitrate, 900_000, 'a repeated request is still known, and not carried out again');
  }
  t.match(await requests.ask('config/confirm'), { status: 'ok' }, 'the change still waits for its confirmation');
  const availability = requests.listener.on(`${B}/availability`).map(({ text }) => text);
  t.same(availability, ['online'], 'the connection stayed');
  t.same(daemon.children('capture/worker'), workers, 'the same workers');
  t.equal(viewer.errors, '');
  t.notMatch(daemon.output, /"level":"error"/);
});
