import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, type Readable } from 'node:stream';
import { test } from 'tap';
import { FileAccess } from '../../daemon/access/file-access.ts';
import { UsersFile } from '../../daemon/access/users-file.ts';
import { HttpError } from '../../daemon/http/http-error.ts';
import { silentLog } from '../../daemon/lib/log.ts';
import { httpRequest } from '../support/http-request.ts';
import { eventually, startWebGateway } from '../support/web-gateway.ts';

const JPEG = Buffer.from([0xff, 0xd8, 0xff, 0xd9]);

test('what is served, and how', async (t) => {
  const { url } = await startWebGateway(t, { jpeg: JPEG });
  const table: [string, number, RegExp][] = [
    ['', 200, /^text\/html/],
    ['viewer.js', 200, /^text\/javascript/],
    ['whep-player.js', 200, /^text\/javascript/],
    ['gateway-request.js', 200, /^text\/javascript/],
    ['style.css', 200, /^text\/css/],
    ['icon.svg', 200, /^image\/svg/],
    ['streams', 200, /^application\/json/],
    ['streams/camera/snapshot.jpg', 200, /^image\/jpeg/],
    ['healthz', 200, /^application\/json/],
    ['metrics', 200, /^text\/plain; version=0\.0\.4/],
    ['streams/attic/snapshot.jpg', 404, /^application\/problem\+json/],
    ['streams/camera/live.flv', 404, /^application\/problem\+json/],
    ['../package.json', 404, /^application\/problem\+json/],
    ['%2e%2e/%2e%2e/server.js', 404, /^application\/problem\+json/],
  ];
  for (const [path, status, type] of table) {
    const answer = await httpRequest(url + path);
    t.equal(answer.status, status, path);
    t.match(answer.headers['content-type'], type, path);
    t.equal(answer.headers['x-content-type-options'], 'nosniff');
    t.match(answer.headers['content-security-policy'], /frame-ancestors 'none'/);
    t.equal(answer.headers['referrer-policy'], 'no-referrer');
  }
  t.same((await httpRequest(`${url}streams/camera/snapshot.jpg`)).body, JPEG);
  t.match(JSON.parse((await httpRequest(`${url}streams`)).body.toString()), {
    streams: [{ name: 'camera', state: 'idle' }],
  });
  const { etag = '' } = (await httpRequest(url)).headers;
  t.equal((await httpRequest(url, { headers: { 'If-None-Match': etag } })).status, 304);
  t.equal((await httpRequest(url, { method: 'DELETE' })).status, 404);
});

test('a snapshot that cannot be had says why', async (t) => {
  const { url } = await startWebGateway(t);
  const answer = await httpRequest(`${url}streams/camera/snapshot.jpg`);
  t.equal(answer.status, 503);
  t.match(JSON.parse(answer.body.toString()), { status: 503, detail: 'the camera is away' });
  t.ok(answer.headers['retry-after']);
});

test('health: what fails is named, without words that could tell more', async (t) => {
  const components = [{ component: 'capture', ok: false, reason: '/dev/video0 of the bedroom is gone' }];
  const { url } = await startWebGateway(t, {
    http: { health: { verdict: () => ({ status: 'failing', components }) } },
  });
  const answer = await httpRequest(`${url}healthz`);
  t.equal(answer.status, 503);
  t.same(JSON.parse(answer.body.toString()), { status: 'failing', components: [{ component: 'capture', ok: false }] });
});

test('an unexpected failure tells nothing of itself', async (t) => {
  const { url } = await startWebGateway(t, {
    http: { metrics: { metrics: () => Promise.reject(new Error('a secret')) } },
  });
  const answer = await httpRequest(`${url}metrics`);
  t.equal(answer.status, 500);
  t.notMatch(answer.body.toString(), /secret/);
});

test('HTTP-FLV comes from its port and goes with its viewer', async (t) => {
  const media = new PassThrough();
  const flv = {
    open: async (stream: string): Promise<Readable> => {
      if (stream !== 'camera') throw new HttpError('not_found', 'no such stream');
      return media;
    },
  };
  const { url } = await startWebGateway(t, { http: { flv } });
  t.equal((await httpRequest(`${url}streams/attic/live.flv`)).status, 404);
  media.write('FLV');
  const response = await fetch(`${url}streams/camera/live.flv`);
  t.equal(response.headers.get('content-type'), 'video/x-flv');
  const reader = response.body?.getReader();
  t.equal(Buffer.from((await reader?.read())?.value ?? []).toString(), 'FLV');
  t.notOk(media.destroyed);
  await reader?.cancel();
  await eventually('the source is let go', () => media.destroyed);
});

test('foreign hosts and foreign pages', async (t) => {
  const { url } = await startWebGateway(t, { allowedOrigins: ['https://home.example'] });
  const { host } = new URL(url);
  const table: [Record<string, string>, number][] = [
    [{ Host: host }, 200],
    [{ Host: 'cam.example' }, 200],
    [{ Host: 'rebound.example' }, 403],
    [{ Host: host, Origin: `http://${host}` }, 200],
    [{ Host: host, Origin: 'https://home.example' }, 200],
    [{ Host: host, Origin: 'https://evil.example' }, 403],
    [{ Host: host, Origin: 'null' }, 403],
  ];
  for (const [headers, status] of table) {
    for (const path of ['streams', 'healthz', '', 'streams/camera/whep'])
      t.equal(
        (await httpRequest(url + path, { headers })).status,
        path.endsWith('whep') && status === 200 ? 204 : status,
        JSON.stringify(headers) + path,
      );
  }
  const origin = 'https://home.example';
  for (const [method, path] of [
    ['GET', 'streams'],
    ['OPTIONS', 'streams'],
    ['OPTIONS', 'streams/camera/whep'],
  ] as const) {
    const { headers } = await httpRequest(url + path, { method, headers: { Origin: origin } });
    t.equal(headers['access-control-allow-origin'], origin);
    t.equal(headers.vary, 'Origin');
    t.match(headers['access-control-allow-headers'], /Authorization/);
    t.match(headers['access-control-expose-headers'], /Location/);
    t.equal(headers['access-control-allow-credentials'], undefined);
  }
  const same = await httpRequest(`${url}streams`, { headers: { Origin: `http://${host}` } });
  t.equal(same.headers['access-control-allow-origin'], undefined);
});

test('each principal gets what was granted, on each route', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'vedette-http-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const usersFile = join(directory, 'users.yaml');
  const users = new UsersFile(usersFile);
  await users.addUser('ada', 'correct horse', { rights: ['view', 'listen', 'snapshot'], streams: ['camera'] });
  const token = (rights: string[], stream: string): Promise<string> =>
    users.addToken(rights.join('-'), { rights, streams: [stream] }, undefined);
  const principals: Record<string, Record<string, string>> = {
    nobody: {},
    'ada, Basic': { Authorization: `Basic ${Buffer.from('ada:correct horse').toString('base64')}` },
    'wrong password': { Authorization: `Basic ${Buffer.from('ada:correct house').toString('base64')}` },
    'wrong token': { Authorization: 'Bearer vedette_nothing' },
    'another stream': { Authorization: `Bearer ${await token(['view', 'snapshot'], 'attic')}` },
    metrics: { Authorization: `Bearer ${await token(['metrics'], '*')}` },
    malformed: { Authorization: 'Basic !!!' },
  };
  const access = new FileAccess({ usersFile, log: silentLog });
  await access.start();
  t.teardown(() => access.stop());
  const { url } = await startWebGateway(t, { access, jpeg: JPEG });
  const expected: Record<string, Record<string, number>> = {
    //                    page, list, picture, metrics, whep, health
    nobody: row(200, 401, 401, 401, 401, 200),
    'ada, Basic': row(200, 200, 200, 403, 204, 200),
    'wrong password': row(200, 401, 401, 401, 401, 200),
    'wrong token': row(200, 401, 401, 401, 401, 200),
    'another stream': row(200, 200, 403, 403, 403, 200),
    metrics: row(200, 200, 403, 200, 403, 200),
    malformed: row(200, 401, 401, 401, 401, 200),
  };
  for (const [name, headers] of Object.entries(principals)) {
    for (const [path, status] of Object.entries(expected[name] ?? {})) {
      const answer = await httpRequest(url + path, { headers });
      t.equal(answer.status, status, `${name}: /${path}`);
      if (answer.status === 401) t.match(answer.headers['www-authenticate'], /^Basic realm="Vedette".*Bearer realm/);
    }
  }
  const quiet = await httpRequest(`${url}streams`, { headers: { 'X-Requested-With': 'viewer' } });
  t.equal(quiet.headers['www-authenticate'], 'Bearer realm="Vedette"', 'our page asks for itself');
  const list = async (name: string): Promise<unknown> =>
    JSON.parse((await httpRequest(`${url}streams`, { headers: principals[name] ?? {} })).body.toString());
  t.match(await list('ada, Basic'), { streams: [{ name: 'camera' }] });
  t.same(await list('another stream'), { streams: [] }, 'what one may not see is not listed');

  function row(...statuses: number[]): Record<string, number> {
    const paths = ['', 'streams', 'streams/camera/snapshot.jpg', 'metrics', 'streams/camera/whep', 'healthz'];
    return Object.fromEntries(paths.map((path, i) => [path, statuses[i] as number]));
  }
});

test('limits', async (t) => {
  const { url } = await startWebGateway(t);
  const whep = `${url}streams/camera/whep`;
  const headers = { 'Content-Type': 'application/sdp' };
  t.equal((await httpRequest(whep, { method: 'POST', headers, body: 'x'.repeat(64 * 1024 + 1) })).status, 413);
  t.equal((await httpRequest(whep, { method: 'POST', headers, body: 'x'.repeat(64 * 1024) })).status, 400);
  t.equal((await httpRequest(url, { headers: { Cookie: 'x'.repeat(9000) } })).status, 431);
  t.equal((await httpRequest(`${url}streams/${'x'.repeat(200)}/whep`)).status, 414);

  const port = Number(new URL(url).port);
  const open = (): ReturnType<typeof connect> => connect(port, '127.0.0.1').on('error', () => undefined);
  // Half a request, and then silence.
  const slow = open();
  slow.write('GET / HTTP/1.1\r\nHost: localhost\r\n');
  const start = performance.now();
  const idle = Array.from({ length: 62 }, open);
  await Promise.all(idle.map((socket) => once(socket, 'connect')));
  const over = [open(), open(), open()];
  await eventually('one address has only so many connections', () =>
    over.some((socket) => socket.destroyed || socket.readableEnded || socket.closed),
  );
  slow.resume();
  await once(slow, 'close');
  t.ok(performance.now() - start < 20_000, 'a slow header does not hold a connection for long');
  for (const socket of [...idle, ...over]) socket.destroy();
  await eventually('and others are served', async () => {
    try {
      return (await httpRequest(`${url}healthz`)).status === 200;
    } catch {
      return false;
    }
  });
});

test('stop closes connections that are open', async (t) => {
  const gateway = await startWebGateway(t);
  const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
  socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await once(socket, 'data');
  const start = performance.now();
  const closed = once(
    socket.on('error', () => undefined),
    'close',
  );
  await gateway.http.stop();
  await closed;
  t.ok(performance.now() - start < 3000);
});
