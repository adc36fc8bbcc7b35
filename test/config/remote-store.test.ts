import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { type OpenConfig, openConfig, recoverConfig } from '../../config/open-config.ts';
import { type Confirmation, RemoteStore } from '../../config/remote-store.ts';

const clock = { wall: () => Date.UTC(2026, 0, 1) };

async function folder(t: Test): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'vedette-config-'));
  t.teardown(() => rm(path, { recursive: true }));
  return path;
}

const commit = (store: RemoteStore, layer: object, confirmation?: Confirmation) =>
  store.commit({ action: 'patch', by: 'ann', paths: ['/rtsp/port'], layer: layer as never }, confirmation);

test('versions: the current one, ten before it, for nobody else to read', async (t) => {
  const path = join(await folder(t), 'remote-config.json');
  const store = new RemoteStore({ path, clock });
  await store.read();
  t.match(store.current, { revision: 0, layer: {} });
  for (let port = 1; port <= 12; port++) await commit(store, { rtsp: { port } });
  const again = new RemoteStore({ path, clock });
  await again.read();
  t.match(again.current, {
    revision: 12,
    time: '2026-01-01T00:00:00.000Z',
    by: 'ann',
    action: 'patch',
    paths: ['/rtsp/port'],
    layer: { rtsp: { port: 12 } },
  });
  t.strictSame(
    again.history.map(({ revision }) => revision),
    [11, 10, 9, 8, 7, 6, 5, 4, 3, 2],
  );
  t.equal((await stat(path)).mode & 0o777, 0o600);
});

test('a version that waits to be confirmed', async (t) => {
  const path = join(await folder(t), 'remote-config.json');
  const store = new RemoteStore({ path, clock });
  await commit(store, { rtsp: { port: 1 } }, { within: 60, restarts: false });
  const again = new RemoteStore({ path, clock });
  await again.read();
  t.strictSame(again.confirmation, { within: 60, restarts: false });
  await again.setConfirmation(undefined);
  await store.read();
  t.equal(store.confirmation, undefined);
  t.equal(store.current.revision, 1);
});

test('what cannot be written changes nothing', async (t) => {
  const directory = await folder(t);
  const store = new RemoteStore({ path: join(directory, 'no', 'such', 'remote-config.json'), clock });
  await t.rejects(commit(store, {}), { code: 'ENOENT' });
  t.equal(store.current.revision, 0);
});

async function world(t: Test, document?: unknown) {
  const directory = await folder(t);
  const path = join(directory, 'remote-config.json');
  if (document !== undefined) await writeFile(path, typeof document === 'string' ? document : JSON.stringify(document));
  const options = { cwd: directory, env: { HOME: directory, STATE_DIRECTORY: directory } };
  return { directory, path, open: (): Promise<OpenConfig> => openConfig(options) };
}

const version = (revision: number, layer: object, more: object = {}) => ({
  revision,
  time: '2026-01-01T00:00:00.000Z',
  action: 'patch',
  by: 'ann',
  paths: ['/rtsp/port'],
  layer,
  ...more,
});
const document = (layer: object, more: object = {}) => ({
  format: 1,
  current: version(2, layer),
  history: [version(1, { rtsp: { port: 1111 } }), version(0, {})],
  ...more,
});

test('a start with what was set from afar', async (t) => {
  const { open } = await world(t, document({ rtsp: { port: 2222 } }));
  const { config, incidents } = await recoverConfig(await open());
  t.equal(config.settings.rtsp.port, 2222);
  t.equal(config.origins.get('rtsp.port'), 'remote');
  t.strictSame(incidents, []);
});

test('a start before a change was confirmed undoes it', async (t) => {
  const { open } = await world(
    t,
    document({ rtsp: { port: 2222 } }, { confirmation: { within: 60, restarts: false } }),
  );
  t.equal((await open()).config.settings.rtsp.port, 2222, 'a look changes nothing');
  const { config, store, incidents } = await recoverConfig(await open());
  t.equal(config.settings.rtsp.port, 1111);
  t.match(incidents, [{ action: 'undone', paths: ['/rtsp/port'], reason: /before it was confirmed/ }]);
  t.match(store.current, { revision: 3, action: 'undone', by: 'gateway', layer: { rtsp: { port: 1111 } } });
  t.equal(store.confirmation, undefined);
  t.equal((await open()).config.settings.rtsp.port, 1111, 'on disk too');
});

test('a change that restarts the gateway by itself outlives one start, not two', async (t) => {
  const { open } = await world(
    t,
    document({ gateway: { id: 'door' } }, { confirmation: { within: 60, restarts: true } }),
  );
  const first = await recoverConfig(await open());
  t.equal(first.config.settings.gateway.id, 'door');
  t.strictSame(first.store.confirmation, { within: 60, restarts: false });
  t.strictSame(first.incidents, []);
  const second = await recoverConfig(await open());
  t.not(second.config.settings.gateway.id, 'door');
  t.match(second.incidents, [{ action: 'undone' }]);
});

test('a layer that does not hold any more is set aside, and can be had back', async (t) => {
  for (const layer of [{ rtsp: { port: 'x' } }, { noSuchSetting: 1 }, { access: { usersFile: '/x' } }]) {
    const { open } = await world(t, document(layer));
    t.match((await open()).fault, { code: 'invalid', message: /remote configuration: / });
    const { config, store, incidents } = await recoverConfig(await open());
    t.equal(config.settings.rtsp.port, 8554, JSON.stringify(layer));
    t.match(incidents, [{ action: 'set-aside', reason: /remote configuration: / }]);
    t.match(store.current, { revision: 3, action: 'set-aside', layer: {} });
    t.strictSame(store.history[0]?.layer, layer);
    t.equal((await open()).fault, undefined, 'on disk too');
  }
});

test('what is undone because nobody confirmed it may be set aside in turn', async (t) => {
  const history = [version(1, { rtsp: { port: 'x' } })];
  const { open } = await world(t, document({}, { history, confirmation: { within: 60, restarts: false } }));
  const { config, incidents } = await recoverConfig(await open());
  t.equal(config.settings.rtsp.port, 8554);
  t.match(incidents, [{ action: 'undone' }, { action: 'set-aside' }]);
});

test('a file that is of no use is moved out of the way', async (t) => {
  const broken = [
    '',
    '{',
    'hunter2',
    '[]',
    '{"format": 2}',
    '{"format":1,"current":{},"history":[]}',
    '\0'.repeat(100),
  ];
  for (const text of broken) {
    const { directory, open } = await world(t, text);
    t.match((await open()).fault, { code: 'unreadable' }, text);
    const { config, store, incidents } = await recoverConfig(await open());
    t.equal(config.settings.rtsp.port, 8554);
    t.match(incidents, [{ action: 'set-aside', reason: /cannot be used: .* it lies in / }]);
    t.notMatch(JSON.stringify(incidents), /hunter/, 'it may hold a secret');
    t.equal(await readFile(join(directory, 'remote-config.json.set-aside'), 'utf8'), text);
    await commit(store, { rtsp: { port: 1 } });
    t.equal((await open()).config.settings.rtsp.port, 1);
  }
});

test('a disk that cannot be written holds up no start', async (t) => {
  const { directory, open } = await world(
    t,
    document({ rtsp: { port: 2222 } }, { confirmation: { within: 60, restarts: false } }),
  );
  const opened = await open();
  Object.defineProperty(opened.store, 'path', { value: join(directory, 'gone', 'remote-config.json') });
  const { config, incidents } = await recoverConfig(opened);
  t.match(incidents, [{ reason: /ENOENT/ }]);
  t.equal(config.settings.rtsp.port, 1111, 'and the change is undone all the same');
});

test('nothing is left behind by writing', async (t) => {
  const directory = await folder(t);
  const store = new RemoteStore({ path: join(directory, 'remote-config.json'), clock });
  for (let i = 0; i < 3; i++) await commit(store, { rtsp: { port: i } });
  t.strictSame(await readdir(directory), ['remote-config.json']);
});
