import { createServer, type Server } from 'node:net';
import { type Test, test } from 'tap';
import { listenOn, PortTakenError } from '../../daemon/lib/listen.ts';

const open = (t: Test) => {
  const servers: Server[] = [];
  t.teardown(() => Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve)))));
  return async (port: number): Promise<number> => {
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
    servers.push(server);
    return (server.address() as { port: number }).port;
  };
};

test('a default port gives way, a configured one does not', async (t) => {
  const listen = open(t);
  const taken = await listen(0);
  const found = await listenOn('RTSP', taken, false, listen);
  t.ok(found > taken && found < taken + 50, `${found} instead of ${taken}`);
  await t.rejects(listenOn('RTSP', taken, true, listen), new PortTakenError('RTSP', taken, {}));
  t.equal(await listenOn('any', 0, true, listen), 0, 'any free port is never taken');
});

test('the search ends', async (t) => {
  const tried: number[] = [];
  const taken = async (port: number): Promise<never> => {
    tried.push(port);
    throw Object.assign(new Error('taken'), { code: 'EADDRINUSE' });
  };
  await t.rejects(listenOn('HTTP', 65_530, false, taken), { name: 'PortTakenError', port: 65_530 });
  t.same(tried, [65_530, 65_531, 65_532, 65_533, 65_534, 65_535], 'at the last port there is');
});

test('another error is not ours', async (t) => {
  const refused = Object.assign(new Error('no'), { code: 'EACCES' });
  await t.rejects(
    listenOn('HTTP', 80, false, () => Promise.reject(refused)),
    refused,
  );
});
