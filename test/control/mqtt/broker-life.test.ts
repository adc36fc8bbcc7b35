/** What the broker does for a gateway that is away, and the gateway while there is no broker. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Test, test } from 'tap';
import type { MqttSettings } from '../../../config/settings.ts';
import { Controller } from '../../../daemon/control/controller.ts';
import { MqttControl, type MqttControlOptions } from '../../../daemon/control/mqtt/control.ts';
import { systemClock } from '../../../daemon/lib/clock.ts';
import { silentLog } from '../../../daemon/lib/log.ts';
import { Relay } from '../../support/broker-ways.ts';
import { FakeGateway } from '../../support/fake-gateway.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { freePort, Listener, Mosquitto, until } from '../../support/mosquitto.ts';
import { MQTT_SETTINGS, TRUSTING } from '../../support/mqtt-settings.ts';
import { type LogEntry, recordingLog } from '../../support/recording-log.ts';

const B = 'vedette/porch';
const PROCESS = fileURLToPath(new URL(`../../support/control-process${extname(import.meta.url)}`, import.meta.url));
/** Seconds. */
const WILL_DELAY = 3;
const QUICK = { minimum: 50, maximum: 200 };

function gatewayAt(
  t: Test,
  settings: Partial<MqttSettings>,
  more: Partial<Pick<MqttControlOptions, 'clock' | 'log' | 'retry'>> = {},
): { control: MqttControl; gateway: FakeGateway } {
  const gateway = new FakeGateway('camera');
  const control = new MqttControl({
    settings: { ...MQTT_SETTINGS, ...settings },
    gatewayId: 'porch',
    controller: new Controller({ gateway, rights: TRUSTING, clock: more.clock ?? systemClock, log: silentLog }),
    gateway,
    directory: '',
    log: silentLog,
    ...more,
  });
  t.teardown(() => control.stop());
  return { control, gateway };
}

test('the will waits: who comes back in time was never away', async (t) => {
  const broker = new Mosquitto();
  await broker.start();
  const settings = JSON.stringify({ ...MQTT_SETTINGS, url: broker.url, willDelay: WILL_DELAY });
  const listener = await new Listener(broker.url).subscribe(`${B}/availability`);
  t.teardown(async () => {
    await listener.stop();
    await broker.stop();
  });
  const said = () => listener.seen.map(({ text }) => text);
  const run = () => {
    const child = fork(PROCESS, [settings]);
    t.teardown(() => child.kill('SIGKILL'));
    return child;
  };
  const first = run();
  await until(() => said().length === 1, 'online');
  first.kill('SIGKILL');
  await once(first, 'exit');
  const second = run();
  await until(() => said().length === 2, 'online again');
  await sleep((WILL_DELAY + 1) * 1000);
  t.same(said(), ['online', 'online'], 'nobody was told of it');
  second.kill('SIGKILL');
  const gone = performance.now();
  await until(() => said().length === 3, 'the will');
  t.equal(said()[2], 'offline');
  // Mosquitto looks once a second.
  t.ok(performance.now() - gone > (WILL_DELAY - 1.5) * 1000, 'not before its time');
});

test('a request that comes while the gateway is cut off waits for it; for a new process it is too late', async (t) => {
  const way = new Relay();
  await way.start();
  const { control, gateway } = gatewayAt(t, { url: way.url, keepalive: 1 }, { retry: QUICK });
  const listener = await new Listener(way.broker.url).subscribe(`${B}/response/#`);
  t.teardown(async () => {
    await listener.stop();
    await way.stop();
  });
  await control.start();
  await until(() => control.status().connected, 'connected');
  const ask = () => listener.client.publishAsync(`${B}/request/stream/keyframe`, '{"name":"camera"}', { qos: 1 });
  way.cut();
  await ask();
  await until(() => !control.status().connected, 'it has noticed');
  t.same(gateway.calls, []);
  way.mend();
  t.match(JSON.parse((await listener.message(`${B}/response/stream/keyframe`)).text), { status: 'ok' });
  t.same(gateway.calls, ['keyframe camera']);

  way.cut();
  await ask();
  await until(() => !control.status().connected, 'it has noticed');
  await control.stop();
  way.mend();
  const next = gatewayAt(t, { url: way.url }, { retry: QUICK });
  await next.control.start();
  await until(() => next.control.status().connected, 'the next process');
  await ask();
  await listener.message(`${B}/response/stream/keyframe`, 1);
  t.same(next.gateway.calls, ['keyframe camera'], 'only what was asked of it');
});

test('no broker for days', async (t) => {
  const clock = new ManualClock();
  const log: LogEntry[] = [];
  const broker = new Mosquitto();
  broker.port = await freePort();
  const { control, gateway } = gatewayAt(
    t,
    { url: broker.url, telemetryInterval: 60 },
    { clock, log: recordingLog(log) },
  );
  await control.start();
  const DAYS = 3;
  const STEP = 10 * 60_000;
  for (let passed = 0; passed < DAYS * 86_400_000; passed += STEP) {
    clock.advance(STEP);
    gateway.set('camera', passed % 2 === 0 ? 'muted' : 'live');
    gateway.event({ type: 'viewer_joined', stream: 'camera', data: { passed } });
    // The attempt is made in real time.
    await new Promise(setImmediate);
  }
  const { queued, reason } = control.status();
  t.ok(queued <= 1000, `${queued} messages wait`);
  t.match(reason, /ECONNREFUSED/);
  t.equal(log.filter(({ level }) => level !== 'debug').length, 1, 'one line of log');
  await broker.start();
  const listener = await new Listener(broker.url).subscribe(`${B}/#`);
  t.teardown(async () => {
    await listener.stop();
    await broker.stop();
  });
  await until(() => {
    clock.advance(1000);
    return control.status().connected;
  }, 'connected');
  await until(() => control.status().queued === 0, 'all is told');
  t.equal((await listener.message(`${B}/availability`)).text, 'online');
  const events = listener.on(`${B}/events`).map(({ text }) => JSON.parse(text));
  t.ok(events.length > 100, `${events.length} events from meanwhile`);
  t.equal(events.at(-1)?.data.passed, DAYS * 86_400_000 - STEP, 'the newest among them');
});
