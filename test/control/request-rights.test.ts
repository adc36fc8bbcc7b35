import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SignJWT } from 'jose';
import { type Test, test } from 'tap';
import type { MqttSettings } from '../../config/settings.ts';
import { RIGHTS } from '../../daemon/access/access.ts';
import { RequestRights, trustsEverybody } from '../../daemon/control/request-rights.ts';
import { ManualClock } from '../support/manual-clock.ts';

const OPERATOR = generateKeyPairSync('ed25519');
const STRANGER = generateKeyPairSync('ed25519');

function world(t: Test, acl: Partial<MqttSettings['acl']>) {
  const folder = mkdtempSync(join(tmpdir(), 'vedette-rights-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const publicKeyFile = join(folder, 'operator.pem');
  writeFileSync(publicKeyFile, OPERATOR.publicKey.export({ type: 'spki', format: 'pem' }));
  const clock = new ManualClock();
  const settings = { rights: [...RIGHTS], commands: [], publicKeyFile, ...acl };
  return {
    clock,
    rights: new RequestRights({ acl: () => settings, audience: () => ['vedette', 'vedette/porch'], clock }),
    token: (claims: Record<string, unknown>, key: KeyObject = OPERATOR.privateKey, alg = 'EdDSA') => {
      const seconds = Math.floor(clock.wall() / 1000);
      const all = { sub: 'anna', aud: 'vedette/porch', exp: seconds + 600, rights: ['control'], ...claims };
      return new SignJWT(all).setProtectedHeader({ alg }).sign(key);
    },
  };
}

test('everybody may do what the configuration says', async (t) => {
  const all = await world(t, {}).rights.of(undefined);
  t.ok(all.allows('gateway/restart', 'control', undefined));
  const watchers = await world(t, { rights: ['view'] }).rights.of(undefined);
  t.ok(watchers.allows('stream/get', 'view', 'camera'));
  t.notOk(watchers.allows('stream/stop', 'control', 'camera'));
  const some = await world(t, { commands: ['stream/', 'device/list'] }).rights.of(undefined);
  t.ok(some.allows('stream/stop', 'control', 'camera'));
  t.ok(some.allows('device/list', 'view', undefined));
  t.notOk(some.allows('device/rescan', 'control', undefined));
  t.ok(trustsEverybody({ rights: [...RIGHTS], commands: [], publicKeyFile: '' }));
  t.notOk(trustsEverybody({ rights: ['view'], commands: [], publicKeyFile: '' }));
  t.notOk(trustsEverybody({ rights: [...RIGHTS], commands: ['stream/'], publicKeyFile: '' }));
});

test('a token gives more', async (t) => {
  const { rights, token } = world(t, { rights: ['view'] });
  const grant = await rights.of(await token({}));
  t.equal(grant.subject, 'anna');
  t.ok(grant.allows('stream/stop', 'control', 'camera'));
  t.ok(grant.allows('stream/get', 'view', 'camera'), 'besides what everybody may');
  t.notOk(grant.allows('metrics/get', 'metrics', undefined));
  const fleet = await rights.of(await token({ aud: ['vedette'] }));
  t.ok(fleet.allows('gateway/restart', 'control', undefined), 'for all gateways');
  const narrow = await rights.of(await token({ commands: ['stream/'], streams: ['front'] }));
  t.ok(narrow.allows('stream/stop', 'control', 'front'));
  t.notOk(narrow.allows('stream/stop', 'control', 'back'));
  t.notOk(narrow.allows('stream/stop', 'control', undefined));
  t.notOk(narrow.allows('gateway/restart', 'control', undefined));
});

const WRONG: [name: string, claims: Record<string, unknown>, why: RegExp][] = [
  ['of another gateway', { aud: 'vedette/back' }, /aud/],
  ['that has expired', { exp: 1 }, /exp/],
  ['without an end', { exp: undefined }, /exp/],
  ['of nobody', { sub: undefined }, /sub/],
  ['of tomorrow', { nbf: 4e9 }, /nbf/],
  ['with strange rights', { rights: 'control' }, /rights/],
  ['with strange streams', { streams: [7] }, /streams/],
];
for (const [name, claims, why] of WRONG) {
  test(`a token ${name} is refused`, async (t) => {
    const { rights, token } = world(t, {});
    await t.rejects(rights.of(await token(claims)), { code: 'forbidden', message: why });
  });
}

test('a token that we cannot check is refused', async (t) => {
  const { rights, token } = world(t, {});
  await t.rejects(rights.of(await token({}, STRANGER.privateKey)), { code: 'forbidden', message: /signature/ });
  await t.rejects(rights.of('a.b.c'), { code: 'forbidden' });
  const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from('{"sub":"x"}').toString('base64url')}.`;
  await t.rejects(rights.of(none), { code: 'forbidden' });
  await t.rejects(world(t, { publicKeyFile: '' }).rights.of('x'), { code: 'forbidden', message: /publicKeyFile/ });
  const secret = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  await t.rejects(rights.of(await token({}, secret, 'ES256')), { code: 'forbidden' });
});
