import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { LocalBroker, type LocalBrokerOptions } from '../../../daemon/control/mqtt/broker.ts';
import { silentLog } from '../../../daemon/lib/log.ts';
import { freePort, Listener, Mosquitto, until } from '../../support/mosquitto.ts';

async function localBroker(t: Test, options: Partial<LocalBrokerOptions>): Promise<LocalBroker> {
  const directory = await mkdtemp(join(tmpdir(), 'vedette-broker-'));
  const broker = new LocalBroker({
    port: 0,
    portConfigured: false,
    username: '',
    password: '',
    directory,
    log: silentLog,
    ...options,
  });
  t.teardown(async () => {
    await broker.stop();
    await rm(directory, { recursive: true, force: true });
  });
  return broker;
}

/** Something that listens and is no broker. */
async function stranger(t: Test, talk: (socket: Socket) => void): Promise<number> {
  const server: Server = createServer((socket) => {
    socket.on('error', () => undefined);
    talk(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  return (server.address() as AddressInfo).port;
}

function listens(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

test('a broker that answers is used and left running', async (t) => {
  const running = new Mosquitto();
  await running.start();
  t.teardown(() => running.stop());
  const broker = await localBroker(t, { port: running.port });
  t.same(await broker.locate(), { host: '127.0.0.1', port: running.port, own: false });
  await broker.stop();
  t.ok(await listens(running.port));
});

test('none answers: one of our own, which lets in and is gone afterwards', async (t) => {
  const port = await freePort();
  const broker = await localBroker(t, { port });
  t.same(await broker.locate(), { host: '127.0.0.1', port, own: true });
  t.same(await broker.locate(), { host: '127.0.0.1', port, own: true }, 'found once, remembered');
  const listener = await new Listener(`mqtt://127.0.0.1:${port}`).subscribe('x');
  await listener.client.publishAsync('x', 'y', { qos: 1 });
  t.equal((await listener.message('x')).text, 'y');
  await listener.stop();
  await broker.stop();
  t.notOk(await listens(port));
});

for (const [name, talk] of [
  ['hangs up', (socket: Socket) => socket.destroy()],
  ['talks HTTP', (socket: Socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')],
] as const) {
  test(`the default port is taken by what ${name}: the next free one`, async (t) => {
    const port = await stranger(t, talk);
    const broker = await localBroker(t, { port });
    const located = await broker.locate();
    t.ok(located.own);
    t.ok(located.port > port && located.port < port + 50, `${port} -> ${located.port}`);
  });
}

test('the configured port is taken by what is no broker: an error that names it', async (t) => {
  const port = await stranger(t, (socket) => socket.destroy());
  const broker = await localBroker(t, { port, portConfigured: true });
  await t.rejects(broker.locate(), { name: 'PortTakenError', port });
});

test('a broker that does not let us in is not ours: one of our own beside it', async (t) => {
  const strict = new Mosquitto();
  await strict.start('allow_anonymous false');
  t.teardown(() => strict.stop());
  const broker = await localBroker(t, { port: strict.port });
  const { port, own } = await broker.locate();
  t.ok(own);
  t.not(port, strict.port);
});

test('Mosquitto is not installed: what to do', async (t) => {
  const broker = await localBroker(t, { port: await freePort(), path: '/nonexistent' });
  await t.rejects(broker.locate(), { code: 'no-broker', message: /apt install mosquitto/ });
});

test('our own broker is started again when it dies', async (t) => {
  const port = await freePort();
  const broker = await localBroker(t, { port });
  await broker.locate();
  const pid = await pidOfListener(port);
  process.kill(pid, 'SIGKILL');
  await until(async () => (await pidOfListener(port).catch(() => pid)) !== pid, 'a new one');
  await until(() => listens(port), 'it listens');
});

/** The process behind a listening socket of loopback, as the kernel tells it. */
async function pidOfListener(port: number): Promise<number> {
  const { readdir, readFile, readlink } = await import('node:fs/promises');
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const line = (await readFile('/proc/net/tcp', 'utf8'))
    .split('\n')
    .find((text) => text.includes(`0100007F:${hex} 00000000:0000 0A`));
  const inode = line?.trim().split(/\s+/)[9];
  if (inode === undefined) throw new Error(`nobody listens on ${port}`);
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    for (const descriptor of await readdir(`/proc/${pid}/fd`).catch(() => [])) {
      const target = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => '');
      if (target === `socket:[${inode}]`) return Number(pid);
    }
  }
  throw new Error(`no process listens on ${port}`);
}
