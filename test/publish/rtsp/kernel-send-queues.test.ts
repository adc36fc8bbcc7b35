import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { test } from 'tap';
import { endpointKey, KernelSendQueues, parseSendQueues } from '../../../daemon/publish/rtsp/kernel-send-queues.ts';

const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:216A 00000000:0000 0A 00000000:00000001 00:00000000 00000000     0        0 1 1 0000000000000000 100 0 0 10 0
   1: 0100007F:216A 0100007F:D431 01 0003D090:00000000 01:00000015 00000000     0        0 2 4 0000000000000000 20 4 30 10 -1
   2: 0100007F:D431 0100007F:216A 01 000000FF:00000100 00:00000000 00000000     0        0 3 2 0000000000000000 20 4 30 10 -1
   3: 0100007F:216A 0200007F:216A 01 00000010:00000000 01:00000015 00000000     0        0 4 4 0000000000000000 20 4 30 10 -1
   4: 0100007F:216A 0300007F:0001 01 00000000:00000000 01:00000015 00000000     0        0 4 4 0000000000000000 20 4 30 10 -1
`;

test('the table of the kernel', async (t) => {
  t.same(
    [...parseSendQueues(TABLE, 0x216a)],
    [
      ['0100007F:D431', 250_000],
      ['0200007F:216A', 16],
    ],
    'those of the local port, with something in the queue',
  );
  t.same([...parseSendQueues(TABLE, 0xd431)], [['0100007F:216A', 255]]);
  t.same([...parseSendQueues(TABLE, 1)], []);
  for (const broken of ['', '\n\n', 'x', '0: 1:216A', TABLE.slice(0, 200)])
    t.doesNotThrow(() => parseSendQueues(broken, 0x216a));
});

test('addresses as the kernel writes them on a little-endian machine', async (t) => {
  const table = [
    ['127.0.0.1', 54321, '0100007F:D431'],
    ['192.168.10.20', 1, '140AA8C0:0001'],
    ['::1', 80, '00000000000000000000000001000000:0050'],
    ['::ffff:10.0.0.1', 80, '0000000000000000FFFF00000100000A:0050'],
    ['2001:db8::ff00:42:8329', 80, 'B80D01200000000000FF000029834200:0050'],
    ['fe80::1%eth0', 80, '000080FE000000000000000001000000:0050'],
    ['1:2:3:4:5:6:7:8', 80, '02000100040003000600050008000700:0050'],
    ['::', 80, '00000000000000000000000000000000:0050'],
  ] as const;
  for (const [address, port, key] of table) t.equal(endpointKey(address, port), key, address);
});

test('without /proc nothing is known', async (t) => {
  const queues = new KernelSendQueues(1, false, '/nowhere');
  t.equal(queues.read(), undefined);
  queues.close();
});

for (const host of ['127.0.0.1', '::1', '::']) {
  test(`a reader on ${host} that does not read`, async (t) => {
    const server = createServer().listen(0, host);
    await once(server, 'listening');
    const { port, family } = server.address() as AddressInfo;
    const reader = connect(port, host === '::' ? '127.0.0.1' : host);
    reader.pause();
    const [writer] = (await once(server, 'connection')) as [Socket];
    t.teardown(() => {
      reader.destroy();
      writer.destroy();
      server.close();
    });
    writer.write(Buffer.alloc(32 * 2 ** 20));
    const queues = new KernelSendQueues(port, family === 'IPv6');
    t.teardown(() => queues.close());
    const key = endpointKey(writer.remoteAddress ?? '', writer.remotePort ?? 0);
    t.ok((queues.read()?.get(key) ?? 0) > 10_000, 'bytes wait in the kernel');
    reader.resume();
    const deadline = Date.now() + 15_000;
    let waiting: number | undefined;
    do {
      await new Promise((resolve) => setTimeout(resolve, 20));
      waiting = queues.read()?.get(key);
    } while (waiting !== undefined && Date.now() < deadline);
    t.equal(waiting, undefined, 'none when it has read all');
  });
}
