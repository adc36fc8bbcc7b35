import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { Daemon } from '../support/daemon.ts';
import { FrameWatcher } from '../support/frame-watcher.ts';
import { until } from '../support/mosquitto.ts';
import { notifySocket } from '../support/notify-socket.ts';

test('SIGHUP: systemd hears of a reload, not of an end, and the process stays', async (t) => {
  const { path, received } = notifySocket(t);
  process.env.NOTIFY_SOCKET = path;
  const daemon = new Daemon({ 'streams.camera.video.device': 'test' });
  t.teardown(() => daemon.stop());
  await daemon.start();
  delete process.env.NOTIFY_SOCKET;
  const { pid } = daemon;
  const told = (): string[] =>
    received.map((message) => message.replace(/[=\n].*/s, '')).filter((word) => word !== 'STATUS');
  await until(() => told().length === 1, 'ready');
  daemon.signal('SIGHUP');
  await until(() => told().length === 3, 'ready again');
  t.same(told(), ['READY', 'RELOADING', 'READY']);
  t.equal(daemon.pid, pid);
  t.equal(daemon.exit, undefined);
  await daemon.stop();
  await until(() => told().at(-1) === 'STOPPING', 'the end');
});

const FILE = `
gateway: {id: porch}
rtsp: {port: 0, maxViewers: 5}
http: {port: 0}
webrtc: {port: 0}
mqtt: {embeddedPort: 0}
streams:
  camera: {video: {device: test, width: 320, height: 240}, audio: false}
  second: {video: {device: test}, audio: false}
`;

test('SIGHUP: who watches what has not changed goes on watching', async (t) => {
  const daemon = new Daemon({}, FILE);
  t.teardown(() => daemon.stop());
  await daemon.start();
  const path = join(daemon.folder, 'vedette.yaml');
  const reload = async (from: string, to: string, told: RegExp): Promise<void> => {
    writeFileSync(path, readFileSync(path, 'utf8').replace(from, to));
    const before = daemon.output.length;
    daemon.signal('SIGHUP');
    await until(() => told.test(daemon.output.slice(before)), `${told}`, 20_000);
  };
  const streams = async (): Promise<string[]> => {
    const { streams: all } = (await (await fetch(new URL('/streams', daemon.page))).json()) as {
      streams: { name: string }[];
    };
    return all.map(({ name }) => name);
  };
  const { pid, rtsp } = daemon;
  const viewer = new FrameWatcher(rtsp, '-rtsp_transport', 'tcp');
  t.teardown(() => viewer.end());
  await until(() => viewer.frames > 10, 'the picture', 40_000);
  const workers = daemon.children('capture/worker');

  await reload('second:', 'third:', /configuration read again/);
  t.same(await streams(), ['camera', 'third']);
  await reload('maxViewers: 5', 'maxViewers: 1', /configuration read again/);
  await reload('maxViewers: 1', 'maxViewers: none', /has become wrong/);
  const { frames } = viewer;
  await until(() => viewer.frames > frames + 10, 'the picture goes on', 20_000);
  t.same(daemon.children('capture/worker'), workers, 'from the same worker');
  t.equal(viewer.errors, '');

  // What can be set at the machine only takes a gateway of its own, in the same process.
  await reload('maxViewers: none', 'maxViewers: 2, digest: [MD5]', /gateway ended: reload/);
  await until(() => viewer.ended, 'the end of the session', 20_000);
  t.equal(daemon.pid, pid);
  t.equal(daemon.exit, undefined);
});
