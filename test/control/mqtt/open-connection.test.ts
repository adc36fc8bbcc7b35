import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { type ConnectOptions, openConnection } from '../../../daemon/control/mqtt/open-connection.ts';
import { freePort, Mosquitto } from '../../support/mosquitto.ts';
import { mqttPeer } from '../../support/mqtt-peer.ts';

const NO_TLS = { caFile: '', certFile: '', keyFile: '', fingerprint: '', insecure: false };

function options(url: string, more: Partial<ConnectOptions> = {}): ConnectOptions {
  return {
    url,
    version: 5,
    clientId: 'vedette-test',
    clean: true,
    username: '',
    password: '',
    keepalive: 30,
    tls: NO_TLS,
    timeout: 10_000,
    ...more,
  };
}

const CONNACK_V5 = Buffer.from([0x20, 3, 0, 0, 0]);

const refusals: [name: string, bytes: number[] | 'hangs up' | 'says nothing', code: string][] = [
  ['3.1.1 broker: unacceptable protocol version', [0x20, 2, 0, 1], 'version'],
  ['unsupported protocol version', [0x20, 3, 0, 0x84, 0], 'version'],
  ['bad user name or password', [0x20, 3, 0, 0x86, 0], 'refused'],
  ['not authorized', [0x20, 3, 0, 0x87, 0], 'refused'],
  ['server busy', [0x20, 3, 0, 0x89, 0], 'refused'],
  ['no MQTT', [...Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')], 'failed'],
  ['hangs up', 'hangs up', 'closed'],
  ['says nothing', 'says nothing', 'timeout'],
];
for (const [name, answer, code] of refusals) {
  test(`no connection: ${name}`, async (t) => {
    const url = await mqttPeer(t, (socket) => {
      if (answer === 'hangs up') socket.destroy();
      else if (answer !== 'says nothing') socket.write(Buffer.from(answer));
    });
    await t.rejects(openConnection(options(url, { timeout: answer === 'says nothing' ? 300 : 10_000 })), { code });
  });
}

test('nobody there', async (t) => {
  await t.rejects(openConnection(options(`mqtt://127.0.0.1:${await freePort()}`)), { code: 'unreachable' });
});

test('a URL that is none', async (t) => {
  await t.rejects(openConnection(options('nonsense')), { code: 'failed' });
});

const hostile: [name: string, bytes: number[]][] = [
  // What older versions of the client library died of: it must end the connection, not the process.
  ['a topic alias that was never set', [0x30, 6, 0, 0, 3, 0x23, 0, 5]],
  ['SUBACK for a message id that was never used', [0x90, 4, 0x12, 0x34, 0, 0]],
  ['a second CONNACK', [...CONNACK_V5]],
  ['PUBACK for nothing', [0x40, 2, 0x12, 0x34]],
  ['a reserved packet type', [0x00, 0]],
  ['a length without end', [0x30, 0xff, 0xff, 0xff, 0xff, 0xff]],
  ['more than we take', [0x30, 0x80, 0x80, 0x40, ...new Array(1024 * 300).fill(0)]],
];
for (const [name, bytes] of hostile) {
  test(`a hostile broker: ${name}`, async (t) => {
    const url = await mqttPeer(t, (socket) => {
      socket.write(CONNACK_V5);
      setTimeout(() => socket.write(Buffer.from(bytes)), 50);
      setTimeout(() => socket.destroy(), 500);
    });
    const connection = await openConnection(options(url));
    const end = await connection.closed;
    t.ok(end, `ended: ${end?.message}`);
    await t.rejects(connection.publish({ topic: 'x', payload: '', qos: 1, retain: false }), { code: 'closed' });
  });
}

test('what is under way when the connection ends, fails', async (t) => {
  const url = await mqttPeer(t, (socket) => {
    socket.write(CONNACK_V5);
    setTimeout(() => socket.destroy(), 300);
  });
  const connection = await openConnection(options(url));
  await t.rejects(connection.publish({ topic: 'x', payload: '', qos: 1, retain: false }), { name: 'MqttError' });
  await t.rejects(connection.subscribe('x', { retained: false }), { name: 'MqttError' });
});

test('more than the broker takes is not sent', async (t) => {
  // CONNACK with Maximum Packet Size 1000 and Receive Maximum 3.
  const url = await mqttPeer(t, (socket) =>
    socket.write(Buffer.from([0x20, 11, 0, 0, 8, 0x27, 0, 0, 0x03, 0xe8, 0x21, 0, 3])),
  );
  const connection = await openConnection(options(url));
  t.equal(connection.receiveMaximum, 3);
  const payload = Buffer.alloc(1000);
  await t.rejects(connection.publish({ topic: 'x', payload, qos: 0, retain: false }), { code: 'too-large' });
  await connection.publish({ topic: 'x', payload: 'fits', qos: 0, retain: false });
  await connection.close(100);
});

test('given up while it connects', async (t) => {
  const url = await mqttPeer(t, () => undefined);
  const attempt = new AbortController();
  setTimeout(() => attempt.abort(), 100);
  const start = performance.now();
  await t.rejects(openConnection(options(url, { signal: attempt.signal })), { name: 'MqttError' });
  t.ok(performance.now() - start < 5000);
});

test('TLS: the authority must be known, unless told otherwise', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vedette-tls-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'];
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-keyout',
      key,
      '-out',
      certificate,
      ...subject,
    ],
    { stdio: 'ignore' },
  );
  const { fingerprint256: fingerprint } = new X509Certificate(readFileSync(certificate));
  // The broker gives up root before it reads the key.
  execFileSync('chmod', ['-R', 'a+rX', folder]);
  const broker = new Mosquitto();
  await broker.start(`certfile ${certificate}`, `keyfile ${key}`);
  t.teardown(() => broker.stop());
  const url = `mqtts://127.0.0.1:${broker.port}`;
  await t.rejects(openConnection(options(url)), { code: 'tls' });
  for (const tls of [
    { ...NO_TLS, caFile: certificate },
    { ...NO_TLS, insecure: true },
    { ...NO_TLS, caFile: certificate, fingerprint },
    { ...NO_TLS, caFile: certificate, fingerprint: fingerprint.toLowerCase() },
  ]) {
    const connection = await openConnection(options(url, { tls }));
    await connection.publish({ topic: 'x', payload: 'y', qos: 1, retain: false });
    await connection.close(1000);
  }
  const other = fingerprint.replace(/^../, (byte) => (byte === '00' ? '01' : '00'));
  await t.rejects(openConnection(options(url, { tls: { ...NO_TLS, caFile: certificate, fingerprint: other } })), {
    code: 'tls',
    message: /mqtt.tls.fingerprint/,
  });
  const missing = join(folder, 'none.pem');
  await t.rejects(openConnection(options(url, { tls: { ...NO_TLS, caFile: missing } })), {
    code: 'files',
    message: /mqtt.tls.caFile/,
  });
  await t.rejects(
    openConnection(options(`mqtts://127.0.0.1:${await plainPort(t)}`)),
    { name: 'MqttError' },
    'plain port',
  );
});

async function plainPort(t: Test): Promise<number> {
  const broker = new Mosquitto();
  await broker.start();
  t.teardown(() => broker.stop());
  return broker.port;
}
