import { test } from 'tap';
import { parseAuthorization } from '../../daemon/access/authorization-header.ts';
import { SeededRandom } from '../support/seeded-random.ts';

const OPTIONS = { method: 'DESCRIBE', digest: ['SHA-256', 'MD5'] as const };
const base64 = (text: string) => Buffer.from(text).toString('base64');
const MD5 = '0123456789abcdef0123456789abcdef';
const DIGEST = `Digest username="ann", realm="Vedette", nonce="abc", uri="rtsp://h/front", response="${MD5}"`;
const digest = { scheme: 'digest', username: 'ann', realm: 'Vedette', nonce: 'abc', uri: 'rtsp://h/front' };

test('well-formed credentials', (t) => {
  const table: [header: string, expected: object][] = [
    [`Basic ${base64('ann:secret')}`, { scheme: 'basic', username: 'ann', password: 'secret' }],
    [`basic  ${base64('ann:a:b:')} `, { scheme: 'basic', username: 'ann', password: 'a:b:' }],
    [`Basic ${base64('ann:')}`, { scheme: 'basic', username: 'ann', password: '' }],
    [`Basic ${base64('ann:pässword €')}`, { scheme: 'basic', username: 'ann', password: 'pässword €' }],
    ['Bearer abc.DEF-_~+/==', { scheme: 'bearer', token: 'abc.DEF-_~+/==' }],
    [DIGEST, { ...digest, response: MD5, algorithm: undefined, method: 'DESCRIBE' }],
    [`${DIGEST.toUpperCase().replaceAll('"', '"')}`, { scheme: 'digest', username: 'ANN', response: MD5 }],
    [`${DIGEST}, algorithm=MD5`, { algorithm: 'MD5' }],
    [`${DIGEST}, algorithm="sha-256"`, { algorithm: 'SHA-256' }],
    [`${DIGEST},opaque="",unknown=x`, { scheme: 'digest' }],
    [`${DIGEST}, qop=auth, nc=0000000a, cnonce="c"`, { qop: { nc: '0000000a', cnonce: 'c' } }],
    [`${DIGEST}, qop="auth", nc=0000000a, cnonce="c"`, { qop: { nc: '0000000a', cnonce: 'c' } }],
    [DIGEST.replace('"ann"', '"a\\"n\\\\n"'), { username: 'a"n\\n' }],
  ];
  for (const [header, expected] of table) t.match(parseAuthorization(header, OPTIONS), expected, header);
  t.end();
});

test('what is malformed, too long or was not offered is no credential', (t) => {
  const table: [name: string, header: string | undefined][] = [
    ['none', undefined],
    ['empty', ''],
    ['a scheme alone', 'Basic'],
    ['another scheme', 'Negotiate abc'],
    ['not base64', 'Basic %%%'],
    ['no colon', `Basic ${base64('ann')}`],
    ['no user', `Basic ${base64(':secret')}`],
    ['NUL in the password', `Basic ${base64('ann:a\0b')}`],
    ['a very long password', `Basic ${base64(`ann:${'x'.repeat(1025)}`)}`],
    ['a very long user', `Basic ${base64(`${'x'.repeat(129)}:p`)}`],
    ['a very long token', `Bearer ${'x'.repeat(1025)}`],
    ['a token with spaces', 'Bearer a b'],
    ['a header of 5 kB', `Basic ${'A'.repeat(5000)}`],
    ['a line break', `${DIGEST}\r\nX: y`],
    ['another algorithm', `${DIGEST}, algorithm=SHA-512-256`],
    ['a session algorithm', `${DIGEST}, algorithm=MD5-sess`],
    ['a hashed user name', `${DIGEST}, userhash=true`],
    ['integrity protection', `${DIGEST}, qop=auth-int, nc=00000001, cnonce="c"`],
    ['a qop without its count', `${DIGEST}, qop=auth, cnonce="c"`],
    ['a qop without its nonce', `${DIGEST}, qop=auth, nc=00000001`],
    ['a count of seven digits', `${DIGEST}, qop=auth, nc=0000001, cnonce="c"`],
    ['a parameter twice', `${DIGEST}, nonce="abc"`],
    ['an open quote', `${DIGEST}, opaque="x`],
    ['a response of a wrong length', DIGEST.replace(MD5, `${MD5}00`)],
    ['a response that is not hexadecimal', DIGEST.replace(MD5, MD5.replace('0', 'g'))],
    ['no nonce', DIGEST.replace('nonce="abc", ', '')],
    ['many parameters', `${DIGEST}${Array.from({ length: 30 }, (_, i) => `, x${i}=1`).join('')}`],
    ['many repetitions', `Digest ${'username="a", '.repeat(200)}`],
  ];
  for (const [name, header] of table) t.equal(parseAuthorization(header, OPTIONS), undefined, name);
  t.equal(parseAuthorization(DIGEST, { method: 'GET' }), undefined, 'Digest where it was not offered');
  t.equal(parseAuthorization(DIGEST, { method: 'GET', digest: ['SHA-256'] }), undefined, 'MD5 where only SHA-256 was');
  t.end();
});

test('mutated headers never throw, take long or yield a field out of bounds', (t) => {
  const random = new SeededRandom();
  t.comment(`seed ${random.seed}`);
  const pick = (limit: number) => random.integer(0, limit - 1);
  const seeds = [DIGEST, `${DIGEST}, qop=auth, nc=0000000a, cnonce="c"`, `Basic ${base64('ann:secret')}`, 'Bearer abc'];
  const bytes = ['"', '\\', ',', '=', ' ', '\t', '\0', '\r', 'Digest ', '\u00ff', '\ud800', '""', 'a'.repeat(300)];
  let slowest = 0;
  for (let i = 0; i < 50_000; i++) {
    let header = seeds[pick(seeds.length)] as string;
    for (let n = pick(5); n >= 0; n--) {
      const at = pick(header.length + 1);
      const insert = pick(3) === 0 ? '' : (bytes[pick(bytes.length)] as string);
      header = header.slice(0, at) + insert + header.slice(at + pick(3));
    }
    const start = performance.now();
    const credentials = parseAuthorization(header, OPTIONS);
    slowest = Math.max(slowest, performance.now() - start);
    if (credentials === undefined || credentials.scheme === 'bearer') continue;
    const name = credentials.username;
    if (name === '' || name.length > 128) t.fail(`user name out of bounds from ${JSON.stringify(header)}`);
    if (credentials.scheme === 'digest' && !/^([0-9a-f]{32}|[0-9a-f]{64})$/.test(credentials.response)) {
      t.fail(`response out of bounds from ${JSON.stringify(header)}`);
    }
  }
  t.ok(slowest < 1000, `the slowest took ${slowest.toFixed(1)} ms`);
  t.end();
});
