import { test } from 'tap';
import { parseAuthorization } from '../../daemon/access/authorization-header.ts';
import {
  coversRequest,
  type DigestCredentials,
  digestChallenges,
  digestResponse,
  NonceStore,
  storedDigest,
  verifyDigest,
} from '../../daemon/access/digest.ts';
import { ManualClock } from '../support/manual-clock.ts';

const BOTH = ['SHA-256', 'MD5'] as const;

function digest(fields: Partial<DigestCredentials> = {}): DigestCredentials {
  return {
    scheme: 'digest',
    username: 'ann',
    realm: 'Vedette',
    nonce: 'n',
    uri: 'rtsp://host:8554/front',
    response: '0'.repeat(32),
    algorithm: undefined,
    method: 'DESCRIBE',
    ...fields,
  };
}

// RFC 7616, 3.9.1
const example = (algorithm: 'MD5' | 'SHA-256', response: string): string =>
  'Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", ' +
  `algorithm=${algorithm}, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001, ` +
  'cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, ' +
  `response="${response}", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`;

test('RFC 7616, 3.9.1: both examples verify', (t) => {
  const stored = storedDigest('Mufasa', 'http-auth@example.org', 'Circle of Life');
  const vectors = [
    ['MD5', '8ca523f5e9506fed4657c9700eebdbec'],
    ['SHA-256', '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1'],
  ] as const;
  for (const [algorithm, response] of vectors) {
    const credentials = parseAuthorization(example(algorithm, response), { method: 'GET', digest: BOTH });
    if (credentials?.scheme !== 'digest') throw new Error(`${algorithm} does not parse`);
    t.equal(verifyDigest(credentials, stored), true, algorithm);
    t.equal(verifyDigest({ ...credentials, method: 'POST' }, stored), false, 'the method is covered');
    t.equal(verifyDigest({ ...credentials, uri: '/' }, stored), false, 'the address is covered');
    t.equal(verifyDigest(credentials, storedDigest('Mufasa', 'http-auth@example.org', 'x')), false, 'the password is');
  }
  t.end();
});

test('a response is checked with the algorithm that made it, whatever the client named', (t) => {
  const stored = storedDigest('ann', 'Vedette', 'secret');
  for (const named of [undefined, 'MD5', 'SHA-256'] as const) {
    for (const made of BOTH) {
      const credentials = digest({ algorithm: named });
      credentials.response = digestResponse(credentials, made, made === 'MD5' ? stored.md5 : stored.sha256);
      t.equal(verifyDigest(credentials, stored), true, `${made}, named ${named}`);
    }
  }
  for (const response of ['', 'zz', '0'.repeat(32), '0'.repeat(64), '0'.repeat(40)]) {
    t.equal(verifyDigest(digest({ response }), stored), false, JSON.stringify(response));
  }
  t.end();
});

test('challenges: SHA-256 first, MD5 last, same realm and nonce, no qop', (t) => {
  t.strictSame(digestChallenges({ realm: 'Vedette', nonce: 'abc', algorithms: BOTH }), [
    'Digest realm="Vedette", nonce="abc", algorithm=SHA-256',
    'Digest realm="Vedette", nonce="abc", algorithm=MD5',
  ]);
  t.strictSame(digestChallenges({ realm: 'Vedette', nonce: 'abc', stale: true, algorithms: ['SHA-256'] }), [
    'Digest realm="Vedette", nonce="abc", algorithm=SHA-256, stale=true',
  ]);
  t.end();
});

test('the signed address must be that of the request', (t) => {
  const table: [signed: string, requested: string, expected: boolean][] = [
    ['rtsp://host:8554/front', 'rtsp://host:8554/front', true],
    ['rtsp://host:8554/front/', 'rtsp://host:8554/front', true],
    ['rtsp://gateway.local/front', 'rtsp://192.0.2.1:8554/front', true],
    ['/front', 'rtsp://host/front', true],
    ['rtsp://host/front', 'rtsp://host/front/trackID=0', true],
    ['rtsp://host/front', 'rtsp://host/frontdoor', false],
    ['rtsp://host/front/trackID=0', 'rtsp://host/front', false],
    ['rtsp://host/back', 'rtsp://host/front', false],
    ['rtsp://host/', 'rtsp://host/front', false],
    ['rtsp://host', 'rtsp://host/front', false],
    ['*', '*', true],
    ['rtsp://host/front?a=1', 'rtsp://host/front?a=2', false],
  ];
  for (const [uri, requested, expected] of table) {
    t.equal(coversRequest(digest({ uri }), requested), expected, `${uri} for ${requested}`);
  }
  t.end();
});

test('nonces: only ours, in time, each count once', (t) => {
  const clock = new ManualClock();
  const nonces = new NonceStore({ clock, lifetime: 60_000 });
  const first = nonces.issue();
  t.match(first, /^[0-9a-f]{32}$/);
  t.equal(nonces.accept(digest({ nonce: 'of another connection' })), false);
  t.equal(new NonceStore().accept(digest({ nonce: first })), false, 'bound to the connection');

  const late = nonces.issue();
  clock.advance(59_000);
  t.equal(nonces.accept(digest({ nonce: first })), true);
  clock.advance(600_000);
  t.equal(nonces.accept(digest({ nonce: first })), true, 'a keepalive long after');
  t.equal(nonces.accept(digest({ nonce: late })), false, 'never used in its time');

  const counted = nonces.issue();
  const count = (nc: string) => nonces.accept(digest({ nonce: counted, qop: { cnonce: 'c', nc } }));
  t.equal(count('00000001'), true);
  t.equal(count('00000001'), false, 'replay');
  t.equal(count('0000000A'), true);
  t.equal(count('00000009'), false, 'replay');

  for (let i = 0; i < 4; i++) nonces.issue();
  t.equal(nonces.accept(digest({ nonce: first })), false, 'a connection has only a few');
  t.end();
});
