import { test } from 'tap';
import { RIGHTS } from '../../daemon/access/access.ts';
import { formatUsers, type Grant, grantsAllow, parseUsers } from '../../daemon/access/users.ts';

const HASH = `$scrypt$ln=15,r=8,p=1$${'A'.repeat(22)}$${'B'.repeat(43)}`;
const MD5 = 'a'.repeat(32);
const SHA256 = 'b'.repeat(64);
const USER = `{password: "${HASH}", digest: {md5: ${MD5}, sha256: ${SHA256}}, grants: [{rights: [view], streams: [front]}]}`;

test('a file that was written reads the same', async (t) => {
  const grants: Grant[] = [
    { rights: ['view', 'listen'], streams: ['*'] },
    { rights: ['snapshot'], streams: ['front', 'back'] },
  ];
  const users = {
    users: new Map([['ann', { password: HASH, digest: { md5: MD5, sha256: SHA256 }, grants }]]),
    tokens: new Map([
      ['phone', { sha256: SHA256, expires: '2027-01-01T00:00:00.000Z', grants }],
      ['123', { sha256: SHA256, grants }],
    ]),
  };
  t.strictSame(await parseUsers(await formatUsers(users)), users);
  t.strictSame(await parseUsers('# nobody yet\n'), { users: new Map(), tokens: new Map() });
  t.strictSame(await parseUsers('users:\ntokens:\n'), { users: new Map(), tokens: new Map() });
});

test('what is wrong is named by its path', async (t) => {
  const table: [text: string, path: RegExp][] = [
    [' \n', /^is empty: /],
    ['[]', /^\/: must be a map/],
    ['user: {}', /^\/user: is unknown here: realm, users, tokens/],
    ['realm: Other', /^\/realm: must be Vedette/],
    ['users: []', /^\/users: must be a map/],
    ['users: {"a b": {}}', /^\/users\/a b: is not a name/],
    ['users: {__proto__: {}}', /^\/users\/__proto__: is not a name/],
    ['users: {ann: 5}', /^\/users\/ann: must be a map/],
    [`users: {ann: ${USER.replace('$scrypt$ln=15', '$scrypt$ln=30')}}`, /^\/users\/ann\/password: /],
    [`users: {ann: ${USER.replace(MD5, 'abc')}}`, /^\/users\/ann\/digest\/md5: must be 32/],
    [
      `users: {ann: ${USER.replace('[view]', '[look]')}}`,
      /^\/users\/ann\/grants\/0: "look" is not a right: view, listen/,
    ],
    [`users: {ann: ${USER.replace('[front]', '["fr*"]')}}`, /^\/users\/ann\/grants\/0: "fr\*" is neither/],
    [`users: {ann: ${USER.replace('[view]', '[]')}}`, /^\/users\/ann\/grants\/0: at least one/],
    [`users: {ann: ${USER.replace('[view]', 'view')}}`, /^\/users\/ann\/grants\/0\/rights: must be a list/],
    [`tokens: {t: {sha256: ${SHA256}, expires: soon, grants: []}}`, /^\/tokens\/t\/expires: /],
    ['tokens: {t: {sha256: 1, grants: []}}', /^\/tokens\/t\/sha256: must be 64/],
    ['a: &a [1]\nb: *a', /^not YAML: .*alias/i],
    ['users: {', /^not YAML: /],
    ['users: {ann: 1, ann: 2}', /^not YAML: .*unique/],
  ];
  for (const [text, path] of table) {
    await t.rejects(parseUsers(text), { name: 'AccessError', code: 'invalid_file', message: path }, text);
  }
});

test('every right on every stream: allowed where a grant says so, and nowhere else', (t) => {
  const streams = ['front', 'back', 'frontdoor', undefined];
  const scopes = [['front'], ['back'], ['front', 'back'], ['*']];
  let checked = 0;
  for (let mask = 1; mask < 2 ** RIGHTS.length; mask++) {
    const rights = RIGHTS.filter((_, i) => (mask & (1 << i)) !== 0);
    for (const scope of scopes) {
      const grants: Grant[] = [{ rights, streams: scope }];
      for (const right of RIGHTS) {
        for (const stream of streams) {
          const inScope = scope[0] === '*' || scope.some((name) => name === stream);
          const expected = rights.includes(right) && inScope;
          checked += 1;
          if (grantsAllow(grants, right, stream) !== expected)
            t.fail(`${right} on ${stream} with ${rights} on ${scope}`);
        }
      }
    }
  }
  t.equal(checked, 63 * 4 * 6 * 4);
  const mixed: Grant[] = [
    { rights: ['view'], streams: ['front'] },
    { rights: ['listen'], streams: ['back'] },
  ];
  t.equal(grantsAllow(mixed, 'view', 'front'), true);
  t.equal(grantsAllow(mixed, 'listen', 'front'), false, 'grants do not leak into each other');
  t.equal(grantsAllow([], 'view', 'front'), false);
  t.end();
});
