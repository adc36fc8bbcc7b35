import { test } from 'tap';
import { Daemon } from '../support/daemon.ts';
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
