import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import type { AccessRequest, Credentials } from '../../daemon/access/access.ts';
import { RIGHTS } from '../../daemon/access/access.ts';
import { type DigestCredentials, digestResponse, storedDigest } from '../../daemon/access/digest.ts';
import { FileAccess } from '../../daemon/access/file-access.ts';
import { UsersFile } from '../../daemon/access/users-file.ts';
import { type Log, silentLog } from '../../daemon/lib/log.ts';
import { ManualClock } from '../support/manual-clock.ts';

const ALL = { rights: RIGHTS, streams: ['*'] };
const FRONT = { rights: ['view', 'snapshot'], streams: ['front'] };
const LAN = '192.0.2.1';

async function usersFile(t: Test): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'vedette-access-'));
  t.teardown(() => rm(directory, { recursive: true }));
  return join(directory, 'users.yaml');
}

async function startAccess(
  t: Test,
  path: string,
  options: { clock?: ManualClock; changed?: () => void; log?: Log } = {},
) {
  const access = new FileAccess({ usersFile: path, log: silentLog, interval: 20, ...options });
  await access.start();
  t.teardown(() => access.stop());
  return access;
}

const basic = (username: string, password: string): Credentials => ({ scheme: 'basic', username, password });

function request(fields: Partial<AccessRequest> & { credentials?: Credentials } = {}): AccessRequest {
  return { protocol: 'http', action: 'view', stream: 'front', remoteAddress: LAN, ...fields };
}

test('without users: everything from this machine, nothing from elsewhere', async (t) => {
  const access = await startAccess(t, await usersFile(t));
  t.equal(access.open, true);
  for (const action of RIGHTS) {
    t.strictSame(await access.authorize(request({ action, remoteAddress: '::1' })), { allowed: true, user: undefined });
    t.match(await access.authorize(request({ action })), { allowed: false, reason: 'forbidden' });
  }
});

test('Basic: the right password, and only on what was granted', async (t) => {
  const path = await usersFile(t);
  await new UsersFile(path).addUser('ann', 'correct horse', FRONT);
  const access = await startAccess(t, path);
  t.equal(access.open, false);
  const ann = basic('ann', 'correct horse');
  const table: [fields: Partial<AccessRequest>, expected: object][] = [
    [{ credentials: ann }, { allowed: true, user: 'ann' }],
    [
      { credentials: ann, action: 'snapshot' },
      { allowed: true, user: 'ann' },
    ],
    [
      { credentials: ann, action: 'listen' },
      { allowed: false, reason: 'forbidden' },
    ],
    [
      { credentials: ann, stream: 'back' },
      { allowed: false, reason: 'forbidden' },
    ],
    [{ credentials: basic('ann', 'wrong horse') }, { allowed: false, reason: 'unauthenticated' }],
    [{ credentials: basic('bob', 'correct horse') }, { allowed: false, reason: 'unauthenticated' }],
    [{ credentials: basic('__proto__', 'x') }, { allowed: false, reason: 'unauthenticated' }],
    [{}, { allowed: false, reason: 'unauthenticated' }],
    [{ remoteAddress: '127.0.0.1' }, { allowed: false, reason: 'unauthenticated' }],
  ];
  for (const [fields, expected] of table) t.strictSame(await access.authorize(request(fields)), expected);
});

test('Digest: both algorithms; another realm, another user or a wrong password is refused', async (t) => {
  const path = await usersFile(t);
  await new UsersFile(path).addUser('ann', 'correct horse', FRONT);
  const access = await startAccess(t, path);
  const signed = (
    algorithm: 'MD5' | 'SHA-256',
    username: string,
    password: string,
    realm = access.realm,
  ): Credentials => {
    const credentials: DigestCredentials = {
      scheme: 'digest',
      username,
      realm,
      nonce: 'n',
      uri: '/front',
      response: '',
      algorithm,
      method: 'DESCRIBE',
    };
    const { md5, sha256 } = storedDigest(username, realm, password);
    return { ...credentials, response: digestResponse(credentials, algorithm, algorithm === 'MD5' ? md5 : sha256) };
  };
  for (const algorithm of ['MD5', 'SHA-256'] as const) {
    const decide = (credentials: Credentials) => access.authorize(request({ credentials, remoteAddress: '::1' }));
    t.match(await decide(signed(algorithm, 'ann', 'correct horse')), { allowed: true, user: 'ann' }, algorithm);
    t.match(await decide(signed(algorithm, 'ann', 'wrong')), { reason: 'unauthenticated' });
    t.match(await decide(signed(algorithm, 'bob', 'correct horse')), { reason: 'unauthenticated' });
    t.match(await decide(signed(algorithm, 'ann', 'correct horse', 'Other')), { reason: 'unauthenticated' });
  }
});

test('tokens: until they expire or are removed', async (t) => {
  const path = await usersFile(t);
  const file = new UsersFile(path);
  const clock = new ManualClock();
  clock.epoch = Date.now();
  const token = await file.addToken('phone', FRONT, new Date(clock.epoch + 3_600_000).toISOString());
  const forever = await file.addToken('wall', ALL, undefined);
  const access = await startAccess(t, path, { clock });
  const decide = (value: string) => access.authorize(request({ credentials: { scheme: 'bearer', token: value } }));
  t.match(token, /^vedette_[A-Za-z0-9_-]{43}$/);
  t.notMatch(await readFile(path, 'utf8'), token);
  t.strictSame(await decide(token), { allowed: true, user: 'token:phone' });
  t.match(await decide(`${token}x`), { reason: 'unauthenticated' });
  clock.advance(3_600_000);
  t.match(await decide(token), { reason: 'unauthenticated' });
  t.match(await decide(forever), { allowed: true });
  await t.rejects(file.addToken('late', ALL, '2020-01-01'), { code: 'invalid_argument' });
  await t.rejects(file.addToken('never', ALL, 'soon'), { code: 'invalid_argument' });
  await t.rejects(file.addToken('wall', ALL, undefined), { code: 'exists' });
});

test('changes of the file count without a restart; a broken file changes nothing', async (t) => {
  const path = await usersFile(t);
  const file = new UsersFile(path);
  await file.addUser('ann', 'correct horse', FRONT);
  let seen = 0;
  let wrong = 0;
  const log: Log = { ...silentLog, error: () => (wrong += 1) };
  const access = await startAccess(t, path, { changed: () => (seen += 1), log });
  const decide = (action: AccessRequest['action'], password: string) =>
    access.authorize(request({ action, credentials: basic('ann', password), remoteAddress: '::1' }));
  const until = async (condition: () => boolean) => {
    while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
  };
  t.match(await decide('listen', 'correct horse'), { reason: 'forbidden' });

  const text = await readFile(path, 'utf8');
  await writeFile(path, text.replace('- view', '- view\n          - listen'));
  await until(() => seen === 1);
  t.match(await decide('listen', 'correct horse'), { allowed: true });

  // Written in place, as editors do, it is seen empty now and then.
  for (const broken of ['', 'users: {']) {
    wrong = 0;
    await writeFile(path, broken);
    await until(() => wrong > 0);
    t.match(await decide('listen', 'correct horse'), { allowed: true }, 'as before');
  }

  await writeFile(path, text);
  await until(() => seen === 2);
  await file.setPassword('ann', 'battery staple');
  await until(() => seen === 3);
  t.match(await decide('view', 'correct horse'), { reason: 'unauthenticated' }, 'the remembered password is forgotten');
  t.match(await decide('view', 'battery staple'), { allowed: true });

  await file.removeUser('ann');
  await until(() => seen === 4);
  t.equal(access.open, false, 'the last user is gone: closed, not open');
  t.match(await decide('view', 'battery staple'), { reason: 'unauthenticated' });
});

test('the first user counts at once, although listeners stay where they are', async (t) => {
  const path = await usersFile(t);
  let seen = 0;
  const access = await startAccess(t, path, { changed: () => (seen += 1) });
  t.equal(access.open, true);
  await new UsersFile(path).addUser('ann', 'correct horse', ALL);
  while (seen === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  t.equal(access.open, false);
  t.match(await access.authorize(request({ remoteAddress: '::1' })), { reason: 'unauthenticated' });
});

test('guessing is held back, the owner is not', async (t) => {
  const path = await usersFile(t);
  await new UsersFile(path).addUser('ann', 'correct horse', ALL);
  const access = await startAccess(t, path, { clock: new ManualClock() });
  const home = request({ credentials: basic('ann', 'correct horse'), remoteAddress: '198.51.100.7' });
  t.match(await access.authorize(home), { allowed: true });
  const reasons: string[] = [];
  for (let i = 0; i < 14; i++) {
    const decision = await access.authorize(request({ credentials: basic('ann', `guess ${i}`) }));
    if (!decision.allowed) reasons.push(decision.reason);
  }
  t.equal(reasons.filter((reason) => reason === 'unauthenticated').length, 10);
  t.equal(reasons.at(-1), 'throttled');
  const right = request({ credentials: basic('ann', 'correct horse') });
  t.match(await access.authorize(right), { reason: 'throttled' }, 'even the right password, from there');
  t.same(access.failures, { [right.protocol]: 15 });
  t.match(await access.authorize(home), { allowed: true });
});

test('a burst of logins is turned away beyond the queue, not run at once', async (t) => {
  const path = await usersFile(t);
  await new UsersFile(path).addUser('ann', 'correct horse', ALL);
  const access = await startAccess(t, path);
  const burst = Array.from({ length: 24 }, (_, i) =>
    access.authorize(request({ credentials: basic(`user${i}`, 'x'), remoteAddress: `10.0.0.${i}` })),
  );
  const decisions = await Promise.all(burst);
  const count = (reason: string) =>
    decisions.filter((decision) => !decision.allowed && decision.reason === reason).length;
  t.equal(count('unauthenticated'), 16);
  t.equal(count('throttled'), 8);
});

test('the file: private, replaced whole, errors change nothing', async (t) => {
  const path = await usersFile(t);
  const file = new UsersFile(path);
  await file.addUser('ann', 'correct horse', FRONT);
  t.equal((await stat(path)).mode & 0o777, 0o600);
  t.strictSame(await readdir(join(path, '..')), ['users.yaml'], 'nothing is left beside it');
  const before = await readFile(path, 'utf8');
  t.notMatch(before, 'correct horse');
  const table: [attempt: () => Promise<unknown>, code: string][] = [
    [() => file.addUser('ann', 'another one', FRONT), 'exists'],
    [() => file.addUser('a b', 'another one', FRONT), 'invalid_argument'],
    [() => file.addUser('bob', 'short', FRONT), 'invalid_argument'],
    [() => file.addUser('bob', 'line\nbreak', FRONT), 'invalid_argument'],
    [() => file.addUser('bob', 'another one', { rights: ['look'], streams: ['*'] }), 'invalid_argument'],
    [() => file.addUser('bob', 'another one', { rights: ['view'], streams: ['../x'] }), 'invalid_argument'],
    [() => file.setPassword('bob', 'another one'), 'not_found'],
    [() => file.removeUser('bob'), 'not_found'],
    [() => file.removeToken('bob'), 'not_found'],
  ];
  for (const [attempt, code] of table) await t.rejects(attempt(), { name: 'AccessError', code });
  t.equal(await readFile(path, 'utf8'), before);

  await writeFile(path, 'users: {');
  await t.rejects(new FileAccess({ usersFile: path, log: silentLog }).start(), { code: 'invalid_file' });
  await writeFile(path, '#'.repeat(300_000));
  await t.rejects(new FileAccess({ usersFile: path, log: silentLog }).start(), { code: 'invalid_file' });
  await t.rejects(new FileAccess({ usersFile: join(path, '..'), log: silentLog }).start(), { code: 'unreadable_file' });
});

test('a file that anybody can read is told', async (t) => {
  const path = await usersFile(t);
  await new UsersFile(path).addUser('ann', 'correct horse', FRONT);
  await chmod(path, 0o644);
  const warnings: string[] = [];
  await startAccess(t, path, { log: { ...silentLog, warn: (_fields, message = '') => warnings.push(message) } });
  t.match(warnings, [/anybody can read/]);
});
