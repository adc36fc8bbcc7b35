/** The control room on a real Mosquitto in every mode that it may be configured for. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type Test, test } from 'tap';
import type { MqttSettings } from '../../../config/settings.ts';
import { Controller } from '../../../daemon/control/controller.ts';
import { MqttControl } from '../../../daemon/control/mqtt/control.ts';
import { systemClock } from '../../../daemon/lib/clock.ts';
import { Certificates } from '../../support/certificates.ts';
import { FakeGateway } from '../../support/fake-gateway.ts';
import { freePort, Listener, Mosquitto, until } from '../../support/mosquitto.ts';
import { MQTT_SETTINGS, TRUSTING } from '../../support/mqtt-settings.ts';
import { type LogEntry, recordingLog } from '../../support/recording-log.ts';

const B = 'vedette/porch';
const certificates = new Certificates();
process.once('exit', () => certificates.remove());
const server = certificates.of('server');
const client = certificates.of('client');
const { fingerprint256 } = new X509Certificate(readFileSync(server.certificate));
const TLS = [`certfile ${server.certificate}`, `keyfile ${server.key}`];
const MUTUAL = [...TLS, `cafile ${certificates.ca}`, 'require_certificate true', 'use_identity_as_username true'];
const OURS = { ...MQTT_SETTINGS.tls, caFile: certificates.ca, certFile: client.certificate, keyFile: client.key };

function start(
  t: Test,
  settings: Partial<MqttSettings>,
): { control: MqttControl; gateway: FakeGateway; log: LogEntry[] } {
  const gateway = new FakeGateway('camera');
  const log: LogEntry[] = [];
  const control = new MqttControl({
    settings: { ...MQTT_SETTINGS, ...settings },
    gatewayId: 'porch',
    controller: new Controller({ gateway, rights: TRUSTING, clock: systemClock, log: recordingLog([]) }),
    gateway,
    directory: '',
    retry: { minimum: 50, maximum: 500 },
    log: recordingLog(log),
  });
  t.teardown(() => control.stop());
  return { control, gateway, log };
}

const modes: [name: string, scheme: string, listener: string[], tls: MqttSettings['tls']][] = [
  ['TCP', 'mqtt', [], MQTT_SETTINGS.tls],
  ['TLS', 'mqtts', TLS, { ...MQTT_SETTINGS.tls, caFile: certificates.ca }],
  ['TLS, pinned', 'mqtts', TLS, { ...MQTT_SETTINGS.tls, caFile: certificates.ca, fingerprint: fingerprint256 }],
  ['TLS with a client certificate', 'mqtts', MUTUAL, OURS],
  ['WebSocket', 'ws', ['protocol websockets'], MQTT_SETTINGS.tls],
  ['WebSocket over TLS', 'wss', ['protocol websockets', ...TLS], { ...MQTT_SETTINGS.tls, caFile: certificates.ca }],
];
for (const [name, scheme, lines, tls] of modes) {
  for (const protocolVersion of ['5', '3.1.1'] as const) {
    test(`${name}, MQTT ${protocolVersion}`, async (t) => {
      const broker = new Mosquitto();
      const port = await freePort();
      const listening = [`listener ${port} 127.0.0.1`, ...lines];
      await broker.start(...listening);
      t.teardown(() => broker.stop());
      const settings = { url: `${scheme}://127.0.0.1:${port}`, tls, protocolVersion };
      const { control, gateway } = start(t, settings);
      await control.start();
      await until(() => control.status().connected, 'connected');
      t.equal(control.status().protocolVersion, protocolVersion);
      const listener = await new Listener(broker.url).subscribe(`${B}/#`);
      t.teardown(() => listener.stop());
      t.equal((await listener.message(`${B}/availability`)).text, 'online');
      await listener.client.publishAsync(`${B}/request/stream/keyframe`, '{"name":"camera"}', { qos: 1 });
      t.match(JSON.parse((await listener.message(`${B}/response/stream/keyframe`)).text), { status: 'ok' });
      t.same(gateway.calls, ['keyframe camera']);

      // A broker that forgot everything.
      await broker.kill();
      await broker.start(...listening);
      await until(() => control.status().reconnects > 0 && control.status().connected, 'connected again');
      const late = await new Listener(broker.url).subscribe(`${B}/#`);
      t.teardown(() => late.stop());
      for (const topic of ['availability', 'info', 'config', 'devices', 'streams/camera/state'])
        t.ok((await late.message(`${B}/${topic}`)).retain, `${topic} is there again`);
      await control.stop();
      await until(() => late.on(`${B}/availability`).at(-1)?.text === 'offline', 'the farewell');
    });
  }
}

const refused: [name: string, tls: Partial<MqttSettings['tls']>, code: string][] = [
  ['without our certificate', { certFile: '', keyFile: '' }, 'closed|failed|tls'],
  ['of an authority that we do not know', { caFile: '' }, 'tls'],
  ['whose certificate is another one', { fingerprint: fingerprint256.replace(/^../, 'XX') }, 'tls'],
];
for (const [name, tls, code] of refused) {
  test(`a broker ${name} gets nothing, and the log says why`, async (t) => {
    const broker = new Mosquitto();
    const port = await freePort();
    await broker.start(`listener ${port} 127.0.0.1`, ...MUTUAL);
    t.teardown(() => broker.stop());
    const { control, log } = start(t, { url: `mqtts://127.0.0.1:${port}`, tls: { ...OURS, ...tls } });
    await control.start();
    await until(() => log.some(({ level }) => level === 'warn'), 'a warning');
    t.notOk(control.status().connected);
    t.match(log.find(({ level }) => level === 'warn')?.fields.code, new RegExp(code));
  });
}

test('password: the right one, a wrong one, none', async (t) => {
  const broker = new Mosquitto();
  await broker.startWithPassword('porch', 'right');
  t.teardown(() => broker.stop());
  const right = start(t, { url: broker.url, username: 'porch', password: 'right' });
  await right.control.start();
  await until(() => right.control.status().connected, 'connected');
  for (const credentials of [{ username: 'porch', password: 'wrong' }, {}]) {
    const wrong = start(t, { url: broker.url, clientId: 'other', ...credentials });
    await wrong.control.start();
    await until(() => wrong.log.some(({ fields }) => fields.code === 'refused'), 'refused');
    t.match(
      wrong.log.find(({ fields }) => fields.code === 'refused'),
      { level: 'warn', fields: { hint: /mqtt.username/ } },
    );
  }
});

test('no broker at first, for long: it is found when it comes', async (t) => {
  const broker = new Mosquitto();
  broker.port = await freePort();
  const { control, gateway, log } = start(t, { url: broker.url });
  await control.start();
  await until(() => log.some(({ level }) => level === 'warn'), 'it is told');
  for (let i = 0; i < 3000; i++) gateway.event({ type: 'viewer_joined', stream: 'camera', data: { i } });
  t.ok(control.status().queued <= 1000, 'what waits is bounded');
  t.ok(control.status().dropped >= 2000);
  await broker.start();
  t.teardown(() => broker.stop());
  await until(() => control.status().connected, 'connected');
  t.equal(log.filter(({ level }) => level === 'warn').length, 1, 'one line for all that time');
});
