import { test } from 'tap';
import { silentLog } from '../../daemon/lib/log.ts';
import { SystemdNotifier } from '../../daemon/telemetry/systemd-notifier.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { until } from '../support/mosquitto.ts';
import { notifySocket } from '../support/notify-socket.ts';
import { type LogEntry, recordingLog } from '../support/recording-log.ts';

test('what systemd is told', async (t) => {
  const { path, received } = notifySocket(t);
  const clock = new ManualClock();
  const notifier = new SystemdNotifier({ log: silentLog, healthy: () => true, env: { NOTIFY_SOCKET: path }, clock });
  await notifier.start();
  await notifier.ready('1 stream');
  await notifier.status('two\nREADY=0');
  clock.advance(1500);
  await notifier.reloading();
  await notifier.extendTimeout(2500);
  await notifier.stopping();
  await notifier.stop();
  await notifier.stop();
  await notifier.status('after the end');
  await until(() => received.length >= 5, 'all of it');
  t.same(received, [
    'READY=1\nSTATUS=1 stream',
    'STATUS=two READY=0',
    'RELOADING=1\nMONOTONIC_USEC=1500000',
    'EXTEND_TIMEOUT_USEC=2500000',
    'STOPPING=1',
  ]);
  t.equal(clock.pending, 0, 'no watchdog, no timer');
});

test('beats at half the time, only while healthy', async (t) => {
  const { path, received } = notifySocket(t);
  const clock = new ManualClock();
  const log: LogEntry[] = [];
  let healthy = true;
  const env = { NOTIFY_SOCKET: path, WATCHDOG_USEC: '30000000', WATCHDOG_PID: String(process.pid) };
  const notifier = new SystemdNotifier({ log: recordingLog(log), healthy: () => healthy, env, clock });
  await notifier.start();
  clock.advance(30_000);
  await until(() => received.length >= 3, 'beats');
  t.same(received, ['WATCHDOG=1', 'WATCHDOG=1', 'WATCHDOG=1']);
  healthy = false;
  clock.advance(60_000);
  healthy = true;
  clock.advance(15_000);
  await until(() => received.length >= 4, 'one more');
  t.equal(received.length, 4, 'none while unwell');
  t.same(
    log.map(({ level }) => level),
    ['error'],
    'told once',
  );
  await notifier.stop();
  t.equal(clock.pending, 0);
});

test('the watchdog of another process is not ours', async (t) => {
  const { path } = notifySocket(t);
  const clock = new ManualClock();
  const env = { NOTIFY_SOCKET: path, WATCHDOG_USEC: '30000000', WATCHDOG_PID: '1' };
  const notifier = new SystemdNotifier({ log: silentLog, healthy: () => true, env, clock });
  await notifier.start();
  t.equal(clock.pending, 0);
  await notifier.stop();
});

test('without systemd nothing happens', async (t) => {
  const log: LogEntry[] = [];
  const notifier = new SystemdNotifier({ log: recordingLog(log), healthy: () => true, env: {} });
  await notifier.start();
  await notifier.ready();
  await notifier.stop();
  t.same(log, []);
});

test('a socket that is gone or cannot be reached holds nothing up', async (t) => {
  const log: LogEntry[] = [];
  const gone = new SystemdNotifier({
    log: recordingLog(log),
    healthy: () => true,
    env: { NOTIFY_SOCKET: '/nonexistent/notify' },
  });
  await gone.start();
  await gone.ready();
  await gone.stop();
  t.same(
    log.map(({ level }) => level),
    ['debug'],
  );
  const abstract = new SystemdNotifier({
    log: recordingLog(log),
    healthy: () => true,
    env: { NOTIFY_SOCKET: '@abstract' },
  });
  await abstract.start();
  await abstract.ready();
  await abstract.stop();
  t.match(log.at(-1), { level: 'warn', message: /NOTIFY_SOCKET/ });
});
