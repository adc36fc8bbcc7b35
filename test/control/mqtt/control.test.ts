import { fork } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SignJWT } from 'jose';
import { type Test, test } from 'tap';
import type { MqttSettings } from '../../../config/settings.ts';
import { Controller } from '../../../daemon/control/controller.ts';
import { MqttControl } from '../../../daemon/control/mqtt/control.ts';
import { RequestRights } from '../../../daemon/control/request-rights.ts';
import { systemClock } from '../../../daemon/lib/clock.ts';
import { silentLog } from '../../../daemon/lib/log.ts';
import { FakeGateway } from '../../support/fake-gateway.ts';
import { Listener, Mosquitto, mosquittoClient, until } from '../../support/mosquitto.ts';
import { oldBroker } from '../../support/mqtt-peer.ts';
import { MQTT_SETTINGS, TRUSTING } from '../../support/mqtt-settings.ts';
import { type LogEntry, recordingLog } from '../../support/recording-log.ts';

const B = 'vedette/porch';

interface World {
  broker: Mosquitto;
  gateway: FakeGateway;
  control: MqttControl;
  log: LogEntry[];
  listen(...filters: string[]): Promise<Listener>;
  /** Another gateway process on the same broker. */
  another(gateway: FakeGateway, settings?: Partial<MqttSettings>): MqttControl;
}

async function world(t: Test, settings: Partial<MqttSettings> = {}, rights = TRUSTING): Promise<World> {
  const directory = await mkdtemp(join(tmpdir(), 'vedette-control-'));
  const broker = new Mosquitto();
  const stops: (() => Promise<void>)[] = [];
  const log: LogEntry[] = [];
  await broker.start();
  const another = (gateway: FakeGateway, more: Partial<MqttSettings> = {}) => {
    const control = new MqttControl({
      settings: { ...MQTT_SETTINGS, url: broker.url, ...settings, ...more },
      gatewayId: 'porch',
      controller: new Controller({ gateway, rights, clock: systemClock, log: silentLog }),
      gateway,
      directory,
      log: recordingLog(log),
    });
    stops.push(() => control.stop());
    return control;
  };
  const gateway = new FakeGateway('camera');
  const control = another(gateway);
  t.teardown(async () => {
    for (const stop of stops.reverse()) await stop();
    await broker.stop();
    await rm(directory, { recursive: true, force: true });
  });
  return {
    broker,
    gateway,
    control,
    another,
    log,
    listen: async (...filters) => {
      const listener = new Listener(broker.url);
      stops.push(() => listener.stop());
      return listener.subscribe(...filters);
    },
  };
}

async function connected(control: MqttControl): Promise<void> {
  await until(() => control.status().connected, 'connected');
}

test('birth, state, events, farewell', async (t) => {
  const { gateway, control, listen } = await world(t);
  await control.start();
  await connected(control);
  const late = await listen(`${B}/#`);
  t.equal((await late.message(`${B}/availability`)).text, 'online');
  t.ok((await late.message(`${B}/info`)).retain, 'info is retained');
  t.same(JSON.parse((await late.message(`${B}/info`)).text), gateway.info());
  t.same(JSON.parse((await late.message(`${B}/devices`)).text), { devices: gateway.devices() });
  t.same(JSON.parse((await late.message(`${B}/config`)).text), gateway.configuration.report());
  t.same(JSON.parse((await late.message(`${B}/streams/camera/state`)).text), gateway.stream('camera'));
  t.equal((await late.message(`${B}/streams/camera/availability`)).text, 'online');
  t.equal(control.status().protocolVersion, '5');

  gateway.set('camera', 'starting');
  gateway.set('camera', 'live');
  gateway.set('camera', 'muted');
  t.equal(
    JSON.parse((await late.message(`${B}/streams/camera/state`, 1)).text).state,
    'muted',
    'changes are coalesced',
  );
  t.equal((await late.message(`${B}/streams/camera/availability`, 1)).text, 'offline');

  gateway.event({ type: 'viewer_joined', stream: 'camera', data: { protocol: 'rtsp' } });
  gateway.event({ type: 'viewer_left', stream: 'camera' });
  const [first, second] = [await late.message(`${B}/events`), await late.message(`${B}/events`, 1)].map(({ text }) =>
    JSON.parse(text),
  );
  t.match(first, {
    type: 'viewer_joined',
    stream: 'camera',
    data: { protocol: 'rtsp' },
    time: /T.*Z$/,
    uptime: Number,
  });
  t.not(first.id, second.id);
  t.notOk((await late.message(`${B}/events`)).retain);

  gateway.remove('camera');
  t.equal((await late.message(`${B}/streams/camera/state`, 2)).text, '', 'cleared when the stream is gone');
  t.equal((await late.message(`${B}/streams/camera/availability`, 2)).text, '');

  await control.stop();
  t.equal((await late.message(`${B}/availability`, 1)).text, 'offline', 'a clean stop says so itself');
});

test('plain topics: a bare value sets a property, what is wrong is an event', async (t) => {
  const { gateway, control, listen } = await world(t);
  await control.start();
  await connected(control);
  const listener = await listen(`${B}/#`);
  const set = (property: string, value: string | Buffer, retain = false) =>
    listener.client.publishAsync(`${B}/streams/camera/set/${property}`, value, { qos: 1, retain });
  await set('enabled', 'OFF');
  await until(() => gateway.calls.length === 1, 'it is set');
  await until(
    () => listener.on(`${B}/streams/camera/state`).some(({ text }) => text.includes('"enabled":false')),
    'the state shows it',
  );
  await set('enabled', 'on');
  await set('bitrate', '750000');
  await set('power_line_frequency', 'Disabled');
  await until(() => gateway.calls.length === 4, 'all are set');
  t.same(gateway.calls, [
    'enabled camera false',
    'enabled camera true',
    'encoding camera {"maxBitrate":750000}',
    'controls {"power_line_frequency":0}',
  ]);
  const event = async (place: number) => JSON.parse((await listener.message(`${B}/events`, place)).text);
  await set('bitrate', 'fast');
  t.match(await event(0), {
    type: 'set_failed',
    stream: 'camera',
    data: {
      property: 'bitrate',
      value: 'fast',
      code: 'invalid_request',
      path: '/value',
      message: /10000 to 100000000/,
    },
  });
  await set('colour', '1');
  t.match(await event(1), { data: { code: 'not_found', message: /brightness/ } });
  await set('bitrate', Buffer.alloc(5000, 0x31));
  t.match(await event(2), { data: { code: 'invalid_request' } });
  await set('enabled', 'OFF', true);
  t.match(await event(3), { data: { message: /retained/ } });
  await set('enabled', '', true);
  await set('constructor', '1');
  t.match(await event(4), { data: { property: 'constructor', code: 'not_found' } });
  t.equal(gateway.calls.length, 4, 'nothing else was done');
});

test('who may not is refused, over every way; a token in the user property lets in', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'vedette-rights-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const publicKeyFile = join(folder, 'key.pem');
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  await writeFile(publicKeyFile, publicKey.export({ type: 'spki', format: 'pem' }));
  const acl: MqttSettings['acl'] = { rights: ['view'], commands: [], publicKeyFile };
  const rights = new RequestRights({ acl: () => acl, audience: () => ['vedette'], clock: systemClock });
  const { gateway, control, listen } = await world(t, {}, rights);
  await control.start();
  await connected(control);
  const listener = await listen(`${B}/response/#`, `${B}/events`);
  const stop = (transaction: string, token?: string) =>
    listener.client.publishAsync(`${B}/request/stream/stop`, JSON.stringify({ name: 'camera', transaction }), {
      qos: 1,
      properties: token === undefined ? {} : { userProperties: { authorization: `Bearer ${token}` } },
    });
  const answer = async (place: number) => JSON.parse((await listener.message(`${B}/response/stream/stop`, place)).text);
  const claims = new SignJWT({ rights: ['control'] }).setSubject('anna').setAudience('vedette').setExpirationTime('5m');
  const token = await claims.setProtectedHeader({ alg: 'EdDSA' }).sign(privateKey);
  await stop('a');
  t.match(await answer(0), { error: { code: 'forbidden', message: /control/ } });
  await listener.client.publishAsync(`${B}/streams/camera/set/enabled`, 'OFF', { qos: 1 });
  t.match(JSON.parse((await listener.message(`${B}/events`)).text), { data: { code: 'forbidden' } });
  t.same(gateway.calls, []);
  await stop('a', token);
  t.match(await answer(1), { status: 'ok' }, 'a refusal without the token is not remembered for one with it');
  t.same(gateway.calls, ['stop camera']);
  await stop('a');
  t.match(await answer(2), { error: { code: 'forbidden' } }, 'nor the other way round');
  await stop('b', `${token.slice(0, -4)}AAAA`);
  t.match(await answer(3), { error: { code: 'forbidden', message: /signature/ } });
  t.equal(gateway.calls.length, 1);

  acl.rights = ['view', 'control'];
  const authorization = `Bearer ${token}`;
  const changes = () => gateway.calls.filter((call) => call.startsWith('config'));
  for (const userProperties of [{ authorization, user: 'eve' }, { user: 'bert' }, { user: 'not a name' }] as const) {
    const options = { qos: 1, properties: { userProperties: { ...userProperties } } } as const;
    const before = changes().length;
    await listener.client.publishAsync(`${B}/request/config/rollback`, '{"to":1}', options);
    await until(() => changes().length > before, 'a change');
  }
  const seen = changes().map((call) => /"by":"([^"]*)"/.exec(call)?.[1]);
  t.same(seen, ['anna', 'mqtt:bert', 'mqtt'], 'who it was');
});

test('the log over MQTT', async (t) => {
  const { gateway, control, listen } = await world(t);
  await control.start();
  await connected(control);
  const listener = await listen(`${B}/log`, `${B}/response/#`);
  await listener.client.publishAsync(`${B}/request/log/tail`, '{"level":"warn","seconds":30}', { qos: 1 });
  t.match(JSON.parse((await listener.message(`${B}/response/log/tail`)).text), { data: { topic: `${B}/log` } });
  for (const send of gateway.logListeners.keys()) send('{"level":"warn","msg":"lost"}\n');
  t.match(await listener.message(`${B}/log`), { text: '{"level":"warn","msg":"lost"}', retain: false });
  await control.stop();
  t.equal(gateway.logListeners.size, 0, 'the look ends with us');
});

test('telemetry at its interval', async (t) => {
  const { control, listen } = await world(t, { telemetryInterval: 0.05 });
  const listener = await listen(`${B}/telemetry`);
  await control.start();
  t.match(JSON.parse((await listener.message(`${B}/telemetry`, 1)).text), { cpu: 0.25, time: /Z$/ });
});

test('what an earlier life left on the broker is cleared', async (t) => {
  const { control, listen, another } = await world(t);
  const before = another(new FakeGateway('camera', 'old'));
  await before.start();
  await connected(before);
  const listener = await listen(`${B}/streams/+/state`);
  await listener.message(`${B}/streams/old/state`);
  await before.stop();
  await control.start();
  t.equal((await listener.message(`${B}/streams/old/state`, 1)).text, '');
  t.not((await listener.message(`${B}/streams/camera/state`, 1)).text, '');
});

test('requests of MQTT 5: Response Topic and Correlation Data', async (t) => {
  const { broker, gateway, control, listen } = await world(t);
  await control.start();
  await connected(control);
  const { code, output } = await mosquittoClient(
    'mosquitto_rr',
    broker.port,
    '-V',
    '5',
    '-t',
    `${B}/request/stream/get`,
    '-e',
    'answers/1',
    '-m',
    '{"name":"camera"}',
    '-W',
    '20',
  );
  t.equal(code, 0);
  t.same(JSON.parse(output), { status: 'ok', data: gateway.stream('camera') });

  const listener = await listen('answers/#', `${B}/response/#`);
  const ask = (command: string, payload: string, responseTopic: string, correlation: string) =>
    listener.client.publishAsync(`${B}/request/${command}`, payload, {
      qos: 1,
      properties: { responseTopic, correlationData: Buffer.from(correlation) },
    });
  await ask('stream/keyframe', '{"name":"camera"}', 'answers/2', 'c1');
  t.match(await listener.message('answers/2'), { text: '{"status":"ok","data":{}}', correlation: 'c1' });
  await ask('stream/keyframe', '{"name":"camera"}', 'answers/2', 'c1');
  t.match(await listener.message('answers/2', 1), { text: '{"status":"ok","data":{}}', correlation: 'c1' });
  t.same(gateway.calls, ['keyframe camera'], 'the same correlation: answered from memory');

  await ask('stream/get', '{"name":"camera","transaction":"t1"}', 'answers/3', 'c2');
  t.equal(JSON.parse((await listener.message('answers/3')).text).transaction, 't1');
  t.equal(JSON.parse((await listener.message(`${B}/response/stream/get`)).text).transaction, 't1', 'both ways');

  for (const topic of ['$SYS/x', 'homeassistant/device/x/config', `${B}/request/gateway/restart`, `${B}/info`]) {
    const place = listener.on(`${B}/response/gateway/info`).length;
    await ask('gateway/info', '{}', topic, 'c3');
    const answer = JSON.parse((await listener.message(`${B}/response/gateway/info`, place)).text);
    t.match(answer, { status: 'error', error: { code: 'invalid_request', message: /Response Topic/ } }, topic);
  }

  await ask('gateway/restart', '', 'answers/4', 'c4');
  t.match(JSON.parse((await listener.message('answers/4')).text), { status: 'ok' });
  await until(() => gateway.calls.includes('restart'), 'restart after the answer');
  await ask('gateway/restart', '', 'answers/4', 'c4');
  await listener.message('answers/4', 1);
  t.equal(gateway.calls.filter((call) => call === 'restart').length, 1, 'once');
});

test('exactly one answer to every request, also to garbage', async (t) => {
  const { broker, control, listen } = await world(t);
  await control.start();
  await connected(control);
  const listener = await listen(`${B}/response/#`);
  const deep = `${'['.repeat(40)}${']'.repeat(40)}`;
  const cases: [command: string, payload: string | Buffer, code: string][] = [
    ['stream/get', 'not json', 'invalid_request'],
    ['stream/get', '[]', 'invalid_request'],
    ['stream/get', Buffer.from([0xff, 0x00, 0xfe]), 'invalid_request'],
    ['stream/get', deep, 'invalid_request'],
    ['stream/get', Buffer.alloc(70_000, 0x20), 'invalid_request'],
    ['stream/get', '{"name":7}', 'invalid_request'],
    ['stream/get', '{"name":"nobody"}', 'not_found'],
    ['stream/nonsense', '{}', 'unknown_command'],
    ['constructor', '{}', 'unknown_command'],
    ['stream/get/', '{"name":"camera"}', 'unknown_command'],
    ['stream/get', '{"name":"camera","deadline":"2001-01-01T00:00:00Z"}', 'expired'],
  ];
  for (const [index, [command, payload, code]] of cases.entries()) {
    await listener.client.publishAsync(`${B}/request/${command}`, payload, { qos: 1 });
    await until(() => listener.seen.length > index, `answer ${index}`);
    const { topic, text } = listener.seen[index] ?? {};
    t.equal(topic, `${B}/response/${command}`);
    t.match(
      JSON.parse(text ?? ''),
      { status: 'error', error: { code } },
      `${command} ${payload.toString().slice(0, 40)}`,
    );
  }
  await listener.client.publishAsync(`${B}/request/gateway/restart`, '{}', { qos: 1, retain: true });
  await listener.message(`${B}/response/gateway/restart`);
  t.match(JSON.parse((await listener.message(`${B}/response/gateway/restart`)).text), {
    error: { message: /retained/ },
  });
  await listener.client.publishAsync(`${B}/request/gateway/restart`, '', { qos: 1, retain: true });
  await listener.message(`${B}/response/gateway/restart`, 1);
  const { output } = await mosquittoClient(
    'mosquitto_rr',
    broker.port,
    '-V',
    '5',
    '-t',
    `${B}/request/gateway/info`,
    '-e',
    'last',
    '-m',
    '',
    '-W',
    '20',
  );
  t.match(JSON.parse(output), { status: 'ok' }, 'still there');
  t.equal(listener.seen.length, cases.length + 2, 'one each');
});

test('MQTT 3.1.1 clients ask and watch as well', async (t) => {
  const { broker, gateway, control } = await world(t);
  await control.start();
  await connected(control);
  const watching = mosquittoClient(
    'mosquitto_sub',
    broker.port,
    '-V',
    '311',
    '-t',
    `${B}/response/#`,
    '-C',
    '1',
    '-W',
    '20',
    '-v',
  );
  await until(() => watchers(broker), 'the watcher is there');
  await mosquittoClient(
    'mosquitto_pub',
    broker.port,
    '-V',
    '311',
    '-t',
    `${B}/request/stream/stop`,
    '-m',
    '{"name":"camera","transaction":"x"}',
  );
  const { output } = await watching;
  const [topic, ...json] = output.split(' ');
  t.equal(topic, `${B}/response/stream/stop`);
  t.match(JSON.parse(json.join(' ')), { status: 'ok', transaction: 'x', data: { name: 'camera', state: 'idle' } });
  t.same(gateway.calls, ['stop camera']);
  const retained = await mosquittoClient(
    'mosquitto_sub',
    broker.port,
    '-V',
    '311',
    '-t',
    `${B}/availability`,
    '-C',
    '1',
    '-W',
    '20',
  );
  t.equal(retained.output, 'online\n');
});

/** Whether a subscription of the process that was just started has reached the broker. */
async function watchers(broker: Mosquitto): Promise<boolean> {
  const probe = await new Listener(broker.url).subscribe('$SYS/broker/clients/connected');
  await until(() => probe.seen.length > 0, '$SYS');
  await probe.stop();
  return true;
}

test('the gateway itself on MQTT 3.1.1', async (t) => {
  const { gateway, control, listen } = await world(t, { protocolVersion: '3.1.1' });
  await control.start();
  await connected(control);
  t.equal(control.status().protocolVersion, '3.1.1');
  const listener = await listen(`${B}/#`);
  t.equal((await listener.message(`${B}/availability`)).text, 'online');
  await listener.client.publishAsync(`${B}/request/stream/keyframe`, '{"name":"camera","transaction":"1"}', { qos: 1 });
  t.match(JSON.parse((await listener.message(`${B}/response/stream/keyframe`)).text), {
    status: 'ok',
    transaction: '1',
  });
  t.same(gateway.calls, ['keyframe camera']);
});

for (const [name, refuse] of [
  ['refuses MQTT 5', (socket: Socket) => socket.end(Buffer.from([0x20, 2, 0, 1]))],
  ['hangs up on MQTT 5', (socket: Socket) => socket.destroy()],
] as const) {
  test(`a broker that ${name} is spoken to in 3.1.1`, async (t) => {
    const { broker, another, listen } = await world(t);
    const control = another(new FakeGateway('camera'), { url: await oldBroker(t, broker.port, refuse) });
    await control.start();
    await connected(control);
    t.equal(control.status().protocolVersion, '3.1.1');
    const listener = await listen(`${B}/#`);
    t.equal((await listener.message(`${B}/availability`)).text, 'online');
    await control.stop();
    t.equal((await listener.message(`${B}/availability`, 1)).text, 'offline');
  });
}

test('a snapshot goes to its topic, the answer says where', async (t) => {
  const { gateway, control, listen } = await world(t);
  gateway.jpeg = Buffer.alloc(2_000_000, 0x55);
  await control.start();
  await connected(control);
  const listener = await listen(`${B}/streams/+/snapshot`, `${B}/response/#`);
  await listener.client.publishAsync(`${B}/request/stream/snapshot`, '{"name":"camera"}', { qos: 1 });
  const answer = JSON.parse((await listener.message(`${B}/response/stream/snapshot`)).text);
  t.same(answer.data, { topic: `${B}/streams/camera/snapshot`, size: 2_000_000, width: 640, height: 480 });
  const picture = await listener.message(`${B}/streams/camera/snapshot`);
  t.equal(picture.text.length, 2_000_000);
  t.notOk(picture.retain);
});

test('kill -9 of the gateway: the will says offline', async (t) => {
  const { broker, listen } = await world(t);
  const listener = await listen(`${B}/availability`);
  const module = new URL(`../../support/control-process${extname(import.meta.url)}`, import.meta.url);
  const child = fork(fileURLToPath(module), [JSON.stringify({ ...MQTT_SETTINGS, url: broker.url })]);
  t.teardown(() => child.kill('SIGKILL'));
  t.equal((await listener.message(`${B}/availability`)).text, 'online');
  child.kill('SIGKILL');
  t.equal((await listener.message(`${B}/availability`, 1)).text, 'offline');
});

for (const protocolVersion of ['5', '3.1.1'] as const) {
  test(`two gateways with one client id, MQTT ${protocolVersion}: the log says what is wrong`, async (t) => {
    const { control, another, log } = await world(t, { protocolVersion });
    await control.start();
    await connected(control);
    const usurper = another(new FakeGateway('camera'));
    await usurper.start();
    await until(() => log.some(({ fields }) => JSON.stringify(fields).includes('same client id')), 'an explanation');
    await usurper.stop();
    await connected(control);
  });
}

test('the broker is killed and comes back: state again, events from meanwhile', async (t) => {
  const { broker, gateway, control, listen } = await world(t);
  await control.start();
  await connected(control);
  await broker.kill();
  await until(() => !control.status().connected, 'noticed');
  t.type(control.status().reason, 'string');
  gateway.set('camera', 'muted');
  for (let i = 0; i < 5; i++) gateway.event({ type: 'config', data: { i } });
  const { queued } = control.status();
  t.ok(queued >= 5, `${queued} wait`);
  await broker.start();
  const listener = await listen(`${B}/#`);
  await connected(control);
  t.equal((await listener.message(`${B}/availability`)).text, 'online');
  t.equal(JSON.parse((await listener.message(`${B}/streams/camera/state`)).text).state, 'muted');
  await until(() => control.status().queued === 0, 'outbox empty');
  t.equal(control.status().reconnects, 1);
});

test('a frozen broker costs bounded memory, and is served again when it wakes', async (t) => {
  const { broker, gateway, control, listen } = await world(t, { keepalive: 1 });
  await control.start();
  await connected(control);
  const listener = await listen(`${B}/availability`);
  broker.signal('SIGSTOP');
  for (let i = 0; i < 3000; i++) gateway.event({ type: 'config', data: { i, fill: 'x'.repeat(200) } });
  const { queued, dropped } = control.status();
  t.ok(queued <= 1000 + 16, `${queued} wait`);
  t.ok(dropped >= 1900, `${dropped} were dropped`);
  await until(() => !control.status().connected, 'noticed');
  broker.signal('SIGCONT');
  await connected(control);
  await until(() => control.status().queued === 0, 'outbox empty');
  await until(() => listener.seen.at(-1)?.text === 'online', 'online again');
});

test('stop while the broker is frozen ends soon', async (t) => {
  const { broker, control } = await world(t);
  await control.start();
  await connected(control);
  broker.signal('SIGSTOP');
  const start = performance.now();
  await control.stop();
  const took = performance.now() - start;
  broker.signal('SIGCONT');
  t.ok(took < 8000, `${took} ms`);
});

test('a broker that is not there, then is', async (t) => {
  const { broker, control } = await world(t);
  await broker.kill();
  await control.start();
  await until(() => control.status().reason?.includes('ECONNREFUSED') === true, 'refused');
  await broker.start();
  await connected(control);
});

test('wrong credentials are told, and tried for ever', async (t) => {
  const { broker, control } = await world(t);
  await broker.kill();
  await broker.start('allow_anonymous false');
  await control.start();
  await until(() => control.status().reason?.startsWith('Connection refused') === true, 'refused');
  await broker.kill();
  await broker.start();
  await connected(control);
});
