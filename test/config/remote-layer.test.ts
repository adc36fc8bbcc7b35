import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { ConfigError } from '../../config/config-error.ts';
import { type LoadOptions, readLocalConfig } from '../../config/loader.ts';
import { patchLayer, type RemoteLayer } from '../../config/remote-layer.ts';
import type { LoadedConfig } from '../../config/settings.ts';

async function local(t: Test, yaml = '', options: LoadOptions = {}) {
  const cwd = await mkdtemp(join(tmpdir(), 'vedette-config-'));
  t.teardown(() => rm(cwd, { recursive: true }));
  await writeFile(join(cwd, 'vedette.yaml'), yaml);
  return readLocalConfig({ cwd, env: { HOME: cwd }, hostname: 'porch', ...options });
}

const errorOf = async (work: () => unknown): Promise<ConfigError> => {
  try {
    await work();
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('it was taken');
};

test('patches of a layer', (t) => {
  const there = { front: {}, back: null };
  const table: [layer: RemoteLayer, patch: object, result: object][] = [
    [{}, {}, {}],
    [{}, { rtsp: { port: 1 } }, { rtsp: { port: 1 } }],
    [{ rtsp: { port: 1, udp: false } }, { rtsp: { port: null } }, { rtsp: { udp: false } }],
    [{ rtsp: { port: 1 } }, { rtsp: null }, {}],
    [{ streams: { front: {} } }, { streams: null }, {}],
    [{}, { streams: { front: null } }, { streams: { front: null } }],
    [{ streams: { front: { start: 'always' } } }, { streams: { front: null } }, { streams: { front: null } }],
    [{ streams: { side: {} } }, { streams: { side: null } }, { streams: {} }],
    [{}, { streams: { side: null } }, { streams: {} }],
    [{}, { streams: { side: { video: { width: 640 } } } }, { streams: { side: { video: { width: 640 } } } }],
    [
      { streams: { side: { video: { width: 640, height: 480 } } } },
      { streams: { side: { video: { width: null } } } },
      { streams: { side: { video: { height: 480 } } } },
    ],
    [
      { streams: { side: { audio: { channelCount: 1 } } } },
      { streams: { side: { audio: false } } },
      { streams: { side: { audio: false } } },
    ],
  ];
  for (const [layer, patch, result] of table) {
    const before = JSON.stringify(layer);
    t.strictSame(patchLayer(layer, patch, there), result, `${before} ${JSON.stringify(patch)}`);
    t.equal(JSON.stringify(layer), before);
  }
  t.end();
});

test('a stream that was deleted comes back with nothing of what it was', async (t) => {
  const config = await local(t, 'streams: {front: {video: {width: 640}, audio: false, start: always}}');
  const gone = patchLayer({}, { streams: { front: null } }, config.streams);
  t.strictSame((await config.load(gone)).settings.streams, {});
  const back = patchLayer(gone, { streams: { front: { video: { height: 480 } } } }, config.streams);
  t.match((await config.load(back)).settings.streams, {
    front: { video: { width: 1280, height: 480 }, audio: { device: 'any' }, start: 'on-demand' },
  });
});

test('what is set at the machine only is refused, also to take it away', async (t) => {
  const table: [patch: object, paths: string[]][] = [
    [{ stateDirectory: '/etc' }, ['/stateDirectory']],
    [{ stateDirectory: null }, ['/stateDirectory']],
    [{ access: { usersFile: '/etc/passwd' } }, ['/access/usersFile']],
    [{ mqtt: { passwordFile: '/etc/shadow', tls: { caFile: 'x' } } }, ['/mqtt/passwordFile', '/mqtt/tls/caFile']],
    [{ rtsp: { host: '0.0.0.0', port: 1 } }, ['/rtsp/host']],
    [{ rtsp: { digest: [] } }, ['/rtsp/digest']],
    [{ http: { allowedHosts: ['evil.example'] } }, ['/http/allowedHosts']],
    [{ webrtc: { iceServers: ['turn:a:hunter2@evil.example'] } }, ['/webrtc/iceServers']],
    [{ rtsp: { host: {} } }, ['/rtsp/host']],
  ];
  for (const [patch, paths] of table) {
    const error = await errorOf(() => patchLayer({}, patch, {}));
    t.equal(error.code, 'forbidden', JSON.stringify(patch));
    t.strictSame(
      error.problems.map(({ path }) => path),
      paths,
    );
    t.match(error.message, /is set at the machine only: it /);
    t.notMatch(error.message, /hunter/);
  }
  const config = await local(t);
  t.match(await errorOf(() => config.load({ access: { usersFile: '/x' } })), {
    code: 'invalid',
    problems: [{ path: '/access/usersFile', source: 'remote configuration' }],
  });
});

test('what is no patch, what is too large', async (t) => {
  for (const patch of [null, 5, 'x', []]) {
    t.match(await errorOf(() => patchLayer({}, patch, {})), { code: 'invalid', message: /must be a map/ });
  }
  const big = { streams: Object.fromEntries(Array.from({ length: 300 }, (_, i) => [i, { a: 'x'.repeat(1000) }])) };
  t.match(await errorOf(() => patchLayer({}, big, {})), { code: 'invalid', message: /at most 262144 are kept/ });
});

test('a layer is validated as a whole, with exact paths', async (t) => {
  const config = await local(t, 'streams: {front: }');
  const table: [layer: RemoteLayer, path: string, message: RegExp][] = [
    [{ streams: { front: { video: { width: 50_000 } } } }, '/streams/front/video/width', /integer from 16 to 7680/],
    [{ streams: { front: { video: { widht: 5 } } } }, '/streams/front/video/widht', /did you mean width/],
    [{ streams: { front: { encodings: [{ maxBitrate: 1 }] } } }, '/streams/front/encodings/0/maxBitrate', /bit\/s/],
    [{ streams: { Front: {} } }, '/streams/Front', /small letters/],
    [{ streams: { front: { video: false, audio: false } } }, '/streams/front', /picture or sound/],
    [{ streams: 5 }, '/streams', /must be a map/],
    [{ streams: { front: 5 } }, '/streams/front', /must be a map/],
    [{ rtsp: { port: 8080 } }, '/http/port', /port of rtsp.port too/],
    [{ rtsp: 5 }, '/rtsp', /must be a map/],
    [{ rtps: {} }, '/rtps', /did you mean rtsp/],
    [{ rtsp: { port: null } }, '/rtsp/port', /integer/],
    [JSON.parse('{"__proto__": {"x": 1}}'), '/__proto__', /is not a setting/],
  ];
  for (const [layer, path, message] of table) {
    const { problems } = await errorOf(() => config.load(layer));
    t.match(problems, [{ path, message }], JSON.stringify(layer));
    t.equal(problems.length, 1);
  }
});

const origin = ({ origins }: LoadedConfig, ...names: string[]) => names.map((name) => origins.get(name));

test('over the file, under environment and flags; each value tells where it comes from', async (t) => {
  const yaml = 'rtsp: {port: 1001}\nhttp: {port: 1002}\nstreams: {front: {video: {width: 640, height: 480}}}';
  const config = await local(t, yaml, {
    env: { HOME: '/', VEDETTE_HTTP_PORT: '2002' },
    flags: new Map([['streams.front.idleTimeout', '7']]),
  });
  const loaded = await config.load({
    rtsp: { port: 3001 },
    http: { port: 3002 },
    streams: { front: { video: { width: 320 }, idleTimeout: 3, encodings: [{ maxBitrate: 60_000 }] }, side: {} },
  });
  const { settings } = loaded;
  t.strictSame([settings.rtsp.port, settings.http.port], [3001, 2002]);
  t.match(settings.streams.front, { video: { width: 320, height: 480 }, idleTimeout: 7 });
  t.strictSame(Object.keys(settings.streams), ['front', 'side']);
  t.strictSame(origin(loaded, 'rtsp.port', 'http.port'), ['remote', 'env']);
  t.strictSame(
    origin(
      loaded,
      'streams.front.video.width',
      'streams.front.video.height',
      'streams.front.video.frameRate',
      'streams.front.idleTimeout',
      'streams.front.encodings.0.maxBitrate',
      'streams.front.encodings.0.rid',
      'streams.side',
    ),
    ['remote', 'file', undefined, 'flag', 'remote', undefined, 'remote'],
  );
  const whole = await local(t, yaml, { env: { HOME: '/', VEDETTE_STREAMS: 'back: {video: {width: 160}}' } });
  const env = await whole.load({ streams: { front: null, back: { video: { width: 320 } } } });
  t.strictSame(Object.keys(env.settings.streams), ['back']);
  t.strictSame(origin(env, 'streams', 'streams.back.video.width', 'streams.front'), ['env', 'env', undefined]);
});

test('a stream added from afar leaves the default one alone', async (t) => {
  const config = await local(t);
  t.strictSame(Object.keys((await config.load({ streams: { side: {} } })).settings.streams), ['camera', 'side']);
  const gone = patchLayer({}, { streams: { camera: null } }, config.streams);
  t.strictSame(Object.keys((await config.load(gone)).settings.streams), []);
});

test('a password set from afar takes the place of a file and a credential', async (t) => {
  const cwd = await mkdtemp(join(tmpdir(), 'vedette-config-'));
  t.teardown(() => rm(cwd, { recursive: true }));
  await writeFile(join(cwd, 'mqtt.password'), 'hunter1');
  const withFile = await local(t, `mqtt: {username: ann, passwordFile: ${cwd}/mqtt.password}`);
  const credential = await local(t, 'mqtt: {username: ann}', { env: { HOME: cwd, CREDENTIALS_DIRECTORY: cwd } });
  for (const config of [withFile, credential]) {
    t.equal((await config.load()).settings.mqtt.password, 'hunter1');
    const changed = await config.load({ mqtt: { password: 'hunter2' } });
    t.equal(changed.settings.mqtt.password, 'hunter2');
    t.equal(changed.origins.get('mqtt.password'), 'remote');
    t.notMatch(JSON.stringify(changed.redacted), /hunter/);
    t.equal((await config.load({ mqtt: { password: '' } })).settings.mqtt.password, '', 'or does without');
  }
});
