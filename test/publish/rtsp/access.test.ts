import { test } from 'tap';
import type { Access, Right } from '../../../daemon/access/access.ts';
import { parseAuthorization } from '../../../daemon/access/authorization-header.ts';
import {
  type DigestAlgorithm,
  type DigestCredentials,
  digestResponse,
  storedDigest,
  verifyDigest,
} from '../../../daemon/access/digest.ts';
import { type ClientResponse, RtspClient } from '../../support/rtsp-client.ts';
import { type TestServer, type TestServerOptions, testServer } from '../../support/rtsp-server.ts';

const PASSWORD = 'correct horse';
const RIGHTS: Record<string, readonly Right[]> = {
  both: ['view', 'listen'],
  viewer: ['view'],
  listener: ['listen'],
  nobody: ['snapshot'],
};
const digests = new Map(Object.keys(RIGHTS).map((user) => [user, storedDigest(user, 'Vedette', PASSWORD)]));

/** Four users with rights to `cam`; `guesser` is one who was throttled. */
class TestAccess implements Access {
  readonly realm = 'Vedette';
  readonly open = false;
  readonly asked: string[] = [];
  readonly rights = structuredClone(RIGHTS) as Record<string, Right[]>;

  async authorize({ credentials, action, stream, protocol, remoteAddress }: Parameters<Access['authorize']>[0]) {
    this.asked.push(`${protocol} ${action} ${stream} ${remoteAddress}`);
    if (credentials === undefined || credentials.scheme === 'bearer')
      return { allowed: false, reason: 'unauthenticated' } as const;
    const { username } = credentials;
    if (username === 'guesser') return { allowed: false, reason: 'throttled' } as const;
    const stored = digests.get(username);
    const right =
      stored !== undefined &&
      (credentials.scheme === 'basic' ? credentials.password === PASSWORD : verifyDigest(credentials, stored));
    if (!right) return { allowed: false, reason: 'unauthenticated' } as const;
    if (stream !== 'cam' || !this.rights[username]?.includes(action))
      return { allowed: false, reason: 'forbidden' } as const;
    return { allowed: true, user: username } as const;
  }
}

type Teardown = { teardown(callback: () => unknown): void };

async function serve(t: Teardown, options: TestServerOptions = {}): Promise<TestServer & { access: TestAccess }> {
  const access = new TestAccess();
  const server = await testServer({ access, ...options });
  t.teardown(() => server.stop());
  return { ...server, access };
}

async function open(t: Teardown, { port }: { port: number }): Promise<RtspClient> {
  const client = await RtspClient.connect(port);
  t.teardown(() => client.close());
  return client;
}

const basic = (user: string, password = PASSWORD): Record<string, string> => ({
  Authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
});

const nonceOf = (answer: ClientResponse): string =>
  /nonce="([0-9a-f]+)"/.exec(answer.headers.get('www-authenticate')?.[0] ?? '')?.[1] ?? '';

function digest(
  user: string,
  method: string,
  uri: string,
  nonce: string,
  algorithm: DigestAlgorithm = 'MD5',
  password = PASSWORD,
): Record<string, string> {
  const credentials: DigestCredentials = {
    scheme: 'digest',
    username: user,
    realm: 'Vedette',
    nonce,
    uri,
    response: '',
    algorithm,
    method,
  };
  const stored = storedDigest(user, 'Vedette', password);
  const response = digestResponse(credentials, algorithm, algorithm === 'MD5' ? stored.md5 : stored.sha256);
  const fields = { username: user, realm: 'Vedette', nonce, uri, response };
  const text = Object.entries(fields).map(([name, value]) => `${name}="${value}"`);
  return { Authorization: `Digest ${text.join(', ')}, algorithm=${algorithm}` };
}

test('the challenges', async (t) => {
  const server = await serve(t);
  const client = await open(t, server);
  const answer = await client.request('DESCRIBE', server.url);
  t.equal(answer.status, 401);
  const challenges = answer.headers.get('www-authenticate') ?? [];
  t.same(
    challenges.map((challenge) => challenge.replace(/nonce="[0-9a-f]{32}"/, 'nonce=N')),
    ['Digest realm="Vedette", nonce=N, algorithm=SHA-256', 'Digest realm="Vedette", nonce=N, algorithm=MD5'],
  );
  t.same(new Set(challenges.map((challenge) => /nonce="(.*?)"/.exec(challenge)?.[1])).size, 1, 'one nonce for both');
  t.notOk(server.video.running, 'nothing was started for a stranger');
  t.same(server.access.asked, ['rtsp view cam 127.0.0.1']);
  t.equal((await client.request('OPTIONS', server.url)).status, 200, 'OPTIONS tells nothing and asks nothing');

  const plain = await serve(t, { settings: { digest: [] } });
  const other = await open(t, plain);
  t.same((await other.request('DESCRIBE', plain.url)).headers.get('www-authenticate'), [
    'Basic realm="Vedette", charset="UTF-8"',
  ]);
});

test('Digest: both algorithms, wrong passwords, nonces of others', async (t) => {
  const server = await serve(t);
  const client = await open(t, server);
  const nonce = nonceOf(await client.request('DESCRIBE', server.url));
  for (const algorithm of ['MD5', 'SHA-256'] as const) {
    const answer = await client.request(
      'DESCRIBE',
      server.url,
      digest('both', 'DESCRIBE', server.url, nonce, algorithm),
    );
    t.equal(answer.status, 200, algorithm);
  }
  const status = async (headers: Record<string, string>, connection = client): Promise<[number, boolean]> => {
    const answer = await connection.request('DESCRIBE', server.url, headers);
    return [answer.status, /stale=true/.test(answer.headers.get('www-authenticate')?.join() ?? '')];
  };
  t.same(await status(digest('both', 'DESCRIBE', server.url, nonce, 'MD5', 'wrong')), [401, false], 'a wrong password');
  t.same(await status(digest('stranger', 'DESCRIBE', server.url, nonce)), [401, false], 'an unknown user');
  t.same(await status(digest('both', 'PLAY', server.url, nonce)), [401, false], 'a digest for another method');
  const elsewhere = server.url.replace('cam', 'other');
  t.same(await status(digest('both', 'DESCRIBE', elsewhere, nonce)), [401, false], 'a digest for another stream');
  t.same(await status(digest('both', 'DESCRIBE', server.url, 'f'.repeat(32))), [401, true], 'a nonce of nobody');
  const good = digest('both', 'DESCRIBE', server.url, nonceOf(await client.request('DESCRIBE', server.url)));
  t.same(await status(good), [200, false]);
  t.same(
    await status(good, await open(t, server)),
    [401, true],
    'what was overheard is of no use on another connection',
  );
  t.equal(parseAuthorization(good.Authorization, { method: 'DESCRIBE', digest: ['SHA-256'] }), undefined);
  const strict = await serve(t, { settings: { digest: ['SHA-256'] } });
  const third = await open(t, strict);
  const fresh = nonceOf(await third.request('DESCRIBE', strict.url));
  for (const [algorithm, expected] of [
    ['MD5', 401],
    ['SHA-256', 200],
  ] as const) {
    const answer = await third.request(
      'DESCRIBE',
      strict.url,
      digest('both', 'DESCRIBE', strict.url, fresh, algorithm),
    );
    t.equal(answer.status, expected, `strict: ${algorithm}`);
  }
});

test('rights decide what is described and what can be set up', async (t) => {
  const server = await serve(t);
  const transport = { Transport: 'RTP/AVP/TCP;unicast;interleaved=0-1' };
  const table = [
    { user: 'both', describe: 200, media: ['video', 'audio'], setUp: [200, 200] },
    { user: 'viewer', describe: 200, media: ['video'], setUp: [200, 403] },
    { user: 'listener', describe: 200, media: ['audio'], setUp: [403, 200] },
    { user: 'nobody', describe: 403, media: [], setUp: [403, 403] },
    { user: 'stranger', describe: 401, media: [], setUp: [401, 401] },
    { user: 'guesser', describe: 503, media: [], setUp: [503, 503] },
  ];
  for (const { user, describe, media, setUp } of table) {
    const client = await open(t, server);
    const described = await client.request('DESCRIBE', server.url, basic(user));
    t.equal(described.status, describe, user);
    t.same(
      [...described.body.matchAll(/^m=(\w+)/gm)].map(([, kind]) => kind),
      media,
      `${user} sees ${media}`,
    );
    for (const [index, expected] of setUp.entries()) {
      const other = await open(t, server);
      const answer = await other.request('SETUP', `${server.url}/trackID=${index}`, { ...transport, ...basic(user) });
      t.equal(answer.status, expected, `${user} sets up track ${index}`);
    }
    const unknown = await client.request('DESCRIBE', server.url.replace('cam', 'other'), basic(user));
    t.equal(unknown.status, { both: 403, viewer: 403, listener: 403, nobody: 403, stranger: 401, guesser: 503 }[user]);
  }
});

test('every method of a session asks again', async (t) => {
  const server = await serve(t);
  const client = await open(t, server);
  const transport = { Transport: 'RTP/AVP/TCP;unicast;interleaved=0-1' };
  const setUp = await client.request('SETUP', `${server.url}/trackID=0`, { ...transport, ...basic('viewer') });
  const session = { Session: setUp.headers.get('session')?.[0] ?? '' };
  for (const method of ['PLAY', 'PAUSE', 'GET_PARAMETER', 'SET_PARAMETER', 'TEARDOWN']) {
    t.equal((await client.request(method, server.url, session)).status, 401, `${method} without credentials`);
    t.equal(
      (await client.request(method, server.url, { ...session, ...basic('both') })).status,
      454,
      `${method} of another user`,
    );
    t.equal(
      (await client.request(method, server.url, { ...session, ...basic('listener') })).status,
      403,
      `${method} without the right`,
    );
  }
  const second = await client.request('SETUP', `${server.url}/trackID=1`, {
    ...transport,
    ...session,
    ...basic('both'),
  });
  t.equal(second.status, 454, 'nor does another user add a track');
  t.equal((await client.request('PLAY', server.url, { ...session, ...basic('viewer') })).status, 200);
  t.match([...server.viewers.present.values()], [{ user: 'viewer' }]);
  server.access.rights.viewer = [];
  t.equal(
    (await client.request('GET_PARAMETER', server.url, { ...session, ...basic('viewer') })).status,
    403,
    'rights can be taken away',
  );
});
