import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { CHANGE_RULES, changeRule, partOf, ruledSettings } from '../../config/change-rules.ts';
import { changesBetween, confirmationNeededFor, planOf } from '../../config/changes.ts';
import { pointer } from '../../config/check.ts';
import { type LocalConfig, readLocalConfig } from '../../config/loader.ts';
import type { RemoteLayer } from '../../config/remote-layer.ts';

const YAML =
  'mqtt: {username: ann, password: hunter1}\nstreams: {front: {encodings: [{}, {rid: sub}]}, back: {audio: false}}';

async function local(t: Test, yaml = YAML): Promise<LocalConfig> {
  const cwd = await mkdtemp(join(tmpdir(), 'vedette-config-'));
  t.teardown(() => rm(cwd, { recursive: true }));
  await writeFile(join(cwd, 'vedette.yaml'), yaml);
  return readLocalConfig({ cwd, env: { HOME: cwd }, hostname: 'porch' });
}

test('every setting has a rule, and every rule a setting', (t) => {
  t.strictSame(Object.keys(CHANGE_RULES).sort(), ruledSettings().sort());
  t.end();
});

test('who may change what', (t) => {
  const remote = (path: string) => {
    const rule = changeRule(path.split('/'));
    return rule === undefined ? 'unknown' : !rule.remote ? 'local' : rule.confirmed ? 'confirmed' : 'remote';
  };
  const table: [path: string, expected: string][] = [
    ['rtsp/port', 'remote'],
    ['streams/front/video', 'remote'],
    ['streams/front/video/width', 'remote'],
    ['streams/front/encodings/1/maxBitrate', 'remote'],
    ['mqtt/telemetryInterval', 'remote'],
    ['mqtt/url', 'confirmed'],
    ['mqtt/password', 'confirmed'],
    ['gateway/id', 'confirmed'],
    ['access/usersFile', 'local'],
    ['stateDirectory', 'local'],
    ['mqtt/passwordFile', 'local'],
    ['mqtt/tls/keyFile', 'local'],
    ['mqtt/tls/insecure', 'local'],
    ['rtsp/host', 'local'],
    ['http/host', 'local'],
    ['rtsp/digest', 'local'],
    ['http/allowedOrigins', 'local'],
    ['webrtc/iceServers', 'local'],
    ['streams/front', 'unknown'],
    ['streams', 'unknown'],
    ['rtsp', 'unknown'],
    ['no/such', 'unknown'],
    ['__proto__/x', 'unknown'],
    ['streams/front/constructor', 'unknown'],
  ];
  for (const [path, expected] of table) t.equal(remote(path), expected, path);
  t.equal(partOf(['streams', 'front', 'video']), 'streams/front');
  t.equal(partOf(['rtsp', 'port']), 'rtsp');
  t.end();
});

test('a change: its path, its values, and what it takes', async (t) => {
  const table: [layer: RemoteLayer, changes: [path: string, from: unknown, to: unknown][], plan: object][] = [
    [{}, [], {}],
    [{ rtsp: { port: 8554 } }, [], {}],
    [{ rtsp: { port: 9000 } }, [['/rtsp/port', 8554, 9000]], { rtsp: 'restart' }],
    [{ rtsp: { maxViewers: 9 } }, [['/rtsp/maxViewers', 50, 9]], { rtsp: 'live' }],
    [
      { rtsp: { maxViewers: 9, port: 9000 } },
      [
        ['/rtsp/port', 8554, 9000],
        ['/rtsp/maxViewers', 50, 9],
      ],
      { rtsp: 'restart' },
    ],
    [{ log: { level: 'debug' } }, [['/log/level', 'info', 'debug']], { log: 'live' }],
    [{ mqtt: { telemetryInterval: 5 } }, [['/mqtt/telemetryInterval', 30, 5]], { mqtt: 'live' }],
    [{ mqtt: { password: 'hunter2' } }, [['/mqtt/password', '***', '***']], { mqtt: 'restart' }],
    [
      { gateway: { id: 'door' }, rtsp: { port: 9000 } },
      [
        ['/gateway/id', 'porch', 'door'],
        ['/rtsp/port', 8554, 9000],
      ],
      { gateway: 'restart' },
    ],
    [
      { streams: { front: { encodings: [{ maxBitrate: 500_000 }, { rid: 'sub' }] } } },
      [['/streams/front/encodings/0/maxBitrate', 2_000_000, 500_000]],
      { 'streams/front': 'live' },
    ],
    [
      { streams: { front: { video: { width: 640 }, idleTimeout: 5 } } },
      [
        ['/streams/front/video/width', 1280, 640],
        ['/streams/front/idleTimeout', 10, 5],
      ],
      { 'streams/front': 'restart' },
    ],
  ];
  const config = await local(t);
  const before = await config.load();
  for (const [layer, changes, plan] of table) {
    const found = changesBetween(before, await config.load(layer));
    const name = JSON.stringify(layer);
    t.strictSame(
      found.map(({ path, from, to }) => [pointer(path), from, to]),
      changes,
      name,
    );
    t.strictSame(Object.fromEntries(planOf(found)), plan, name);
    t.notMatch(JSON.stringify(found), /hunter/, 'no secret');
  }
});

test('streams come and go, and lists change their length, as wholes', async (t) => {
  const config = await local(t);
  const before = await config.load();
  const changes = changesBetween(
    before,
    await config.load({ streams: { front: { encodings: [{}] }, back: null, side: { video: false } } }),
  );
  t.match(changes, [
    { path: ['streams', 'front', 'encodings'], from: [{ rid: 'main' }, { rid: 'sub' }], to: [{ rid: 'main' }] },
    { path: ['streams', 'back'], from: { audio: false }, to: undefined },
    { path: ['streams', 'side'], from: undefined, to: { video: false, audio: { device: 'any' } } },
  ]);
  t.strictSame(Object.fromEntries(planOf(changes)), {
    'streams/front': 'restart',
    'streams/back': 'delete',
    'streams/side': 'create',
  });
  const sound = changesBetween(before, await config.load({ streams: { back: { audio: { channelCount: 1 } } } }));
  t.match(sound, [{ path: ['streams', 'back', 'audio'], from: false, to: { channelCount: 1 } }]);
});

test('what can cut us off is known', async (t) => {
  const config = await local(t);
  const before = await config.load();
  const needed = async (layer: RemoteLayer) =>
    confirmationNeededFor(changesBetween(before, await config.load(layer)))?.path.join('/');
  t.equal(await needed({ rtsp: { port: 1 }, mqtt: { telemetryInterval: 9 } }), undefined);
  t.equal(await needed({ rtsp: { port: 1 }, mqtt: { url: 'mqtt://elsewhere' } }), 'mqtt/url');
  t.equal(await needed({ mqtt: { url: '' } }), undefined, 'only where it changes something');
});
