import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { leavesOf } from '../../config/check.ts';
import { ConfigError, type Problem } from '../../config/config-error.ts';
import { type LoadOptions, loadConfig } from '../../config/loader.ts';
import { printConfig } from '../../config/print.ts';
import { SCHEMA } from '../../config/schema.ts';
import { projectRoot } from '../support/project-root.ts';

async function folder(t: Test): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'vedette-config-'));
  t.teardown(() => rm(path, { recursive: true }));
  return path;
}

/** A configuration of a file, in surroundings that say nothing else. */
async function load(t: Test, yaml?: string, options: LoadOptions = {}) {
  const cwd = await folder(t);
  if (yaml !== undefined) await writeFile(join(cwd, 'vedette.yaml'), yaml);
  return loadConfig({ cwd, env: { HOME: cwd }, hostname: 'porch.example.org', ...options });
}

async function problemsOf(t: Test, yaml: string | undefined, options: LoadOptions = {}): Promise<readonly Problem[]> {
  try {
    await load(t, yaml, options);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

const flags = (values: Record<string, string>): LoadOptions => ({ flags: new Map(Object.entries(values)) });

test('no configuration at all: the defaults', async (t) => {
  const { settings, origins } = await load(t);
  t.equal(settings.gateway.id, 'porch');
  t.equal(settings.rtsp.port, 8554);
  t.equal(settings.rtmp.enabled, false);
  t.strictSame(Object.keys(settings.streams), ['camera']);
  t.match(settings.streams.camera, {
    video: { device: 'any', width: 1280, height: 720, frameRate: 30 },
    audio: { device: 'any' },
    encodings: [{ rid: 'main', maxBitrate: 2_000_000, keyFrameInterval: 2 }],
    start: 'on-demand',
  });
  t.equal(settings.streams.camera?.encodings[0]?.maxFramerate, undefined);
  t.equal(origins.size, 0);
});

test('the host name becomes one level of a topic', async (t) => {
  const table: [hostname: string, id: string][] = [
    ['raspberrypi', 'raspberrypi'],
    ['pi.local', 'pi'],
    ['Front Door+#/x', 'Front-Door-x'],
    ['__', 'gateway'],
    ['', 'gateway'],
  ];
  for (const [hostname, id] of table) {
    t.equal((await load(t, undefined, { hostname })).settings.gateway.id, id, hostname);
  }
});

test('every setting: default, then file, then environment, then flag', async (t) => {
  const yaml = 'rtsp: {port: 1001}\nhttp: {port: 1002}\nwebrtc: {port: 1003}\nlog:\n';
  const { settings, origins } = await load(t, yaml, {
    env: { VEDETTE_HTTP_PORT: '2002', VEDETTE_WEBRTC_PORT: '2003', HOME: '/' },
    ...flags({ 'webrtc.port': '3003' }),
  });
  t.strictSame(
    [settings.rtsp.port, settings.http.port, settings.webrtc.port, settings.rtmp.port],
    [1001, 2002, 3003, 1935],
  );
  t.strictSame(Object.fromEntries(origins), { 'rtsp.port': 'file', 'http.port': 'env', 'webrtc.port': 'flag' });
});

test('every setting can be given in the environment, and those that are no secret and no map by a flag', async (t) => {
  for (const { path, setting } of leavesOf(SCHEMA)) {
    const name = path.join('.');
    const words = name.replaceAll('.', '-').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    t.equal(setting.env, `VEDETTE_${words.toUpperCase().replaceAll('-', '_')}`);
    t.equal(setting.arg, setting.sensitive || setting.of ? undefined : words);
    if (setting.of !== undefined) continue;
    const text = Array.isArray(setting.default) ? setting.default.join(',') : String(setting.default);
    const { origins } = await load(t, undefined, { env: { [setting.env as string]: text } });
    if (name !== 'mqtt.passwordFile') t.equal(origins.get(name), 'env', name);
  }
});

test('texts of the environment and of flags as values', async (t) => {
  const { settings } = await load(t, 'rtsp: {udp: "no", port: "8600"}\nmqtt: {protocolVersion: 5}', {
    env: {
      VEDETTE_RTMP_ENABLED: 'yes',
      VEDETTE_HTTP_ALLOWED_HOSTS: 'a.example, b.example',
      VEDETTE_MQTT_USERNAME: '0123',
    },
    ...flags({ 'rtsp.digest': 'SHA-256', 'http.allowedOrigins': '' }),
  });
  t.equal(settings.rtsp.udp, false);
  t.equal(settings.rtsp.port, 8600);
  t.equal(settings.mqtt.protocolVersion, '5');
  t.equal(settings.rtmp.enabled, true);
  t.equal(settings.mqtt.username, '0123');
  t.strictSame(settings.http.allowedHosts, ['a.example', 'b.example']);
  t.strictSame(settings.http.allowedOrigins, []);
  t.strictSame(settings.rtsp.digest, ['SHA-256']);
});

test('streams: given ones replace the default one, and are completed', async (t) => {
  const { settings, origins } = await load(
    t,
    'streams:\n  front:\n    audio: false\n    video: {width: 640}\n    encodings: [{}, {rid: sub, maxFramerate: 5}]\n  back:\n',
    flags({ 'streams.front.video.height': '480', 'streams.side.start': 'always' }),
  );
  t.strictSame(Object.keys(settings.streams), ['front', 'back', 'side']);
  t.match(settings.streams.front, {
    audio: false,
    video: { device: 'any', width: 640, height: 480, frameRate: 30 },
    encodings: [{ rid: 'main' }, { rid: 'sub', maxFramerate: 5, maxBitrate: 2_000_000 }],
  });
  t.match(settings.streams.back, { enabled: true, idleTimeout: 10 });
  t.equal(settings.streams.side?.start, 'always');
  t.equal(origins.get('streams.front.video.width'), 'file');
  t.equal(origins.get('streams.front.video.height'), 'flag');
  t.equal(origins.get('streams.front.video.frameRate'), undefined);
});

test('streams in the environment are YAML or JSON; parts of the default one can be set', async (t) => {
  const env = (text: string) => ({ env: { VEDETTE_STREAMS: text } });
  t.strictSame(Object.keys((await load(t, 'streams: {a: }', env('{"b": {}, "c": null}'))).settings.streams), [
    'b',
    'c',
  ]);
  t.equal((await load(t, undefined, env('b:\n  idleTimeout: 3'))).settings.streams.b?.idleTimeout, 3);
  const { settings } = await load(t, undefined, flags({ 'streams.camera.encodings.0.maxBitrate': '500000' }));
  t.equal(settings.streams.camera?.encodings[0]?.maxBitrate, 500_000);
});

test('what is wrong is named by path, value and what is allowed', async (t) => {
  const table: [yaml: string, path: string, message: RegExp][] = [
    ['rtsp: {port: 70000}', '/rtsp/port', /^must be an integer from 0 to 65535$/],
    ['rtsp: {port: 80.5}', '/rtsp/port', /integer/],
    ['rtsp: {port: abc}', '/rtsp/port', /integer/],
    ['rtsp: {port: 12abc}', '/rtsp/port', /integer/],
    ['rtsp: {port: null}', '/rtsp/port', /integer/],
    ['rtsp: {port: {a: 1}}', '/rtsp/port', /integer/],
    ['rtsp: {port: [1]}', '/rtsp/port', /integer/],
    ['rtsp: 5', '/rtsp', /^must be a map$/],
    ['rtsp: []', '/rtsp', /^must be a map$/],
    ['rtps: {}', '/rtps', /did you mean rtsp\?/],
    ['rtsp: {prot: 1}', '/rtsp/prot', /did you mean port\?/],
    ['mqtt: {base-topic: x}', '/mqtt/base-topic', /did you mean baseTopic\?/],
    ['http: {wibble: 1}', '/http/wibble', /known are enabled, host, port, maxViewers, allowedHosts/],
    ['"a/b~c": 1', '/a~1b~0c', /is not a setting/],
    ['__proto__: {x: 1}', '/__proto__', /is not a setting/],
    ['constructor: {prototype: {x: 1}}', '/constructor', /is not a setting/],
    ['rtsp: {__proto__: 1}', '/rtsp/__proto__', /is not a setting/],
    ['[]', '', /^must be a map$/],
    ['rtsp: {udp: maybe}', '/rtsp/udp', /^must be true or false$/],
    ['log: {level: loud}', '/log/level', /^must be one of debug, info, warn, error$/],
    ['rtsp: {digest: [SHA-1]}', '/rtsp/digest', /^must be a list up to 2 of SHA-256, MD5, each once$/],
    ['rtsp: {digest: [MD5, MD5]}', '/rtsp/digest', /each once/],
    ['mqtt: {url: "http://x"}', '/mqtt/url', /mqtt:\/\//],
    ['mqtt: {baseTopic: "a/#"}', '/mqtt/baseTopic', /without/],
    ['mqtt: {username: 123}', '/mqtt/username', /quotes/],
    ['gateway: {id: "a/b"}', '/gateway/id', /up to 64/],
    ['streams: []', '/streams', /^must be a map$/],
    ['streams: {Front: {}}', '/streams/Front', /small letters/],
    ['streams: {front: 5}', '/streams/front', /^must be a map$/],
    [
      'streams: {front: {video: {width: 50000}}}',
      '/streams/front/video/width',
      /^must be an integer from 16 to 7680 pixels$/,
    ],
    ['streams: {front: {video: {widht: 1}}}', '/streams/front/video/widht', /did you mean width\?/],
    ['streams: {front: {video: true}}', '/streams/front/video', /^must be a map or false$/],
    ['streams: {front: {encodings: {}}}', '/streams/front/encodings', /^must be a list from 1 to 4$/],
    ['streams: {front: {encodings: []}}', '/streams/front/encodings', /^must be a list from 1 to 4$/],
    ['streams: {front: {encodings: [5]}}', '/streams/front/encodings/0', /^must be a map$/],
    ['streams: {front: {encodings: [{maxBitrate: 1}]}}', '/streams/front/encodings/0/maxBitrate', /bit\/s$/],
    ['streams: {front: {encodings: [{rid: a}, {rid: a}]}}', '/streams/front/encodings/1/rid', /differ/],
    ['streams: {front: {video: false, audio: false}}', '/streams/front', /picture or sound/],
    ['http: {port: 8554}', '/http/port', /port of rtsp.port too/],
    ['mqtt: {embeddedPort: 8080}', '/mqtt/embeddedPort', /port of http.port too/],
    ['mqtt: {tls: {certFile: /dev/null}}', '/mqtt/tls/keyFile', /belong together/],
    ['mqtt: {tls: {caFile: no.pem}}', '/mqtt/tls/caFile', /cannot be read/],
    ['mqtt: {passwordFile: no.txt}', '/mqtt/passwordFile', /cannot be read/],
    ['mqtt: {password: x, passwordFile: /dev/null}', '/mqtt/passwordFile', /beside/],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: as it stands in the file
    ['access: {usersFile: "${CREDENTIALS_DIRECTORY}/users.yaml"}', '/access/usersFile', /systemd gave none/],
  ];
  for (const [yaml, path, message] of table) {
    const problems = await problemsOf(t, yaml);
    t.match(problems, [{ path, message }], yaml);
    t.equal(problems.length, 1, `${yaml}: nothing else`);
  }
});

test('ports that do not clash', async (t) => {
  for (const yaml of [
    'http: {port: 8554}\nrtsp: {enabled: false}',
    'http: {port: 8554, host: 192.0.2.1}\nrtsp: {host: 192.0.2.2}',
    'http: {port: 0}\nrtsp: {port: 0}',
    'http: {port: 1883}\nmqtt: {url: "mqtt://broker"}',
    'webrtc: {port: 8080}',
    'http: {port: 1935}',
  ]) {
    t.strictSame(await problemsOf(t, yaml), [], yaml);
  }
});

test('everything that is wrong is told at once, with where it was said', async (t) => {
  const problems = await problemsOf(t, 'rtsp: {port: abc}\nhtpp: {}\nstreams: {front: {video: {width: 1}}}', {
    env: { VEDETTE_HTTP_PORT: 'x' },
    ...flags({ 'webrtc.port': '-1', 'streams.front.audio.channelCount': '9', 'no.such': '1' }),
  });
  const told = problems.map(({ path, source = '' }) => [path, source.replace(/^.*\//, '')]).sort();
  t.strictSame(told, [
    ['/htpp', 'vedette.yaml'],
    ['/http/port', 'VEDETTE_HTTP_PORT'],
    ['/no/such', '--set'],
    ['/rtsp/port', 'vedette.yaml'],
    ['/streams/front/audio/channelCount', '--set streams.front.audio.channelCount'],
    ['/streams/front/video/width', 'vedette.yaml'],
    ['/webrtc/port', '--webrtc-port'],
  ]);
});

test('files: missing, too large, not YAML, tangled', async (t) => {
  const cwd = await folder(t);
  const path = join(cwd, 'c.yaml');
  const loading = () => loadConfig({ file: path, cwd, env: {} });
  await t.rejects(loading(), { code: 'unreadable', problems: [{ source: path, message: /^cannot be read: ENOENT/ }] });
  await writeFile(path, `#${'x'.repeat(300_000)}`);
  await t.rejects(loading(), { code: 'unreadable', message: /larger than 262144 bytes/ });
  await writeFile(path, 'mqtt: {password: hunter2');
  const broken = await loading().catch((error: ConfigError) => error);
  t.match(broken, { code: 'invalid', message: /is not YAML: .* at line 1/ });
  t.notMatch(broken, { message: /hunter2/ }, 'the line itself may hold a secret');
  const bomb = [
    'a: &a [x, x]',
    ...[...'bcdefgh'].map((name, i) => `${name}: &${name} [*${'abcdefg'[i]}, *${'abcdefg'[i]}]`),
  ];
  await writeFile(path, bomb.join('\n'));
  await t.rejects(loading(), { code: 'invalid', message: /alias/i });
  await writeFile(path, '['.repeat(50_000));
  await t.rejects(loading(), { code: 'invalid' });
  await writeFile(path, '');
  t.equal((await loading()).settings.rtsp.port, 8554, 'an empty one is one');
});

test('secrets come from files and credentials, and are never shown', async (t) => {
  const cwd = await folder(t);
  await writeFile(join(cwd, 'secret'), 'hunter2\n');
  await writeFile(join(cwd, 'mqtt.password'), 'hunter3\n');
  const password = async (yaml: string, env: NodeJS.ProcessEnv = {}) => {
    await writeFile(join(cwd, 'vedette.yaml'), yaml);
    const config = await loadConfig({ cwd, env });
    t.notMatch(JSON.stringify(config.redacted) + printConfig(config), /hunter/, yaml);
    t.equal((config.redacted.mqtt as { password: string }).password, config.settings.mqtt.password === '' ? '' : '***');
    return [config.settings.mqtt.password, config.origins.get('mqtt.password')];
  };
  const credentials = { CREDENTIALS_DIRECTORY: cwd };
  const ANN = 'mqtt: {username: ann';
  t.strictSame(await password(`${ANN}, passwordFile: secret}`), ['hunter2', 'file']);
  t.strictSame(await password(`${ANN}, password: hunter4}`), ['hunter4', 'file']);
  t.strictSame(await password(`${ANN}}`, { VEDETTE_MQTT_PASSWORD: 'hunter5' }), ['hunter5', 'env']);
  t.strictSame(await password(`${ANN}}`, credentials), ['hunter3', 'env']);
  t.strictSame(await password('', {}), ['', undefined]);
  const asCredential = `${ANN}, passwordFile: "\${CREDENTIALS_DIRECTORY}/secret"}`;
  t.strictSame(await password(asCredential, credentials), ['hunter2', 'file']);
  t.strictSame(await password('mqtt: {url: "mqtt://ann@broker", password: hunter6}'), ['hunter6', 'file']);
  const nameless: [yaml: string, env: NodeJS.ProcessEnv][] = [
    ['mqtt: {password: hunter2}', {}],
    ['mqtt: {passwordFile: secret}', {}],
    ['', credentials],
  ];
  for (const [yaml, env] of nameless) {
    const { problems } = await password(yaml, env).catch((error) => error);
    t.match(problems, [{ path: '/mqtt/username', message: /beside a password/ }], yaml);
  }

  const urls = await load(
    t,
    'mqtt: {url: "mqtts://ann:hunter2@broker:8883"}\nwebrtc: {iceServers: ["turn:ann:hunter2@t:3478"]}',
  );
  t.match(urls.redacted, {
    mqtt: { url: 'mqtts://ann:***@broker:8883' },
    webrtc: { iceServers: ['turn:ann:***@t:3478'] },
  });
  t.equal(urls.settings.mqtt.url, 'mqtts://ann:hunter2@broker:8883');

  const onFlag = await problemsOf(t, undefined, flags({ 'mqtt.password': 'hunter2' }));
  t.match(onFlag, [{ path: '/mqtt/password', message: /command line/ }]);
  for (const yaml of ['mqtt: {url: "mqttx://ann:hunter2@broker"}', 'mqtt: {password: [hunter2]}']) {
    t.notMatch(new ConfigError('invalid', await problemsOf(t, yaml)).message, /hunter/, yaml);
  }
});

test('paths: of the state, and relative ones', async (t) => {
  const cwd = await folder(t);
  await writeFile(join(cwd, 'c.yaml'), 'access: {usersFile: u.yaml}');
  const users = async (options: LoadOptions) => (await loadConfig(options)).settings.access.usersFile;
  t.equal(await users({ file: 'c.yaml', cwd, env: {} }), join(cwd, 'u.yaml'));
  t.equal(await users({ file: join(cwd, 'c.yaml'), cwd: '/', env: {} }), join(cwd, 'u.yaml'), 'from the file');
  t.equal(await users({ cwd, env: {}, ...flags({ 'access.usersFile': 'v.yaml' }) }), join(cwd, 'v.yaml'));
  t.equal(await users({ cwd, env: { STATE_DIRECTORY: '/srv/a:/srv/b' } }), '/srv/a/users.yaml');
  t.equal(
    await users({ cwd, env: { STATE_DIRECTORY: '/srv/a' }, ...flags({ stateDirectory: '/srv/c' }) }),
    '/srv/c/users.yaml',
  );
});

test('a printed configuration reads as itself, with origins', async (t) => {
  const cwd = await folder(t);
  const file = join(cwd, 'c.yaml');
  await writeFile(
    file,
    'log: {level: debug}\nhttp: {allowedHosts: [a.example]}\nstreams: {front: {audio: false}, "1": {encodings: [{}, {rid: b}]}}',
  );
  const first = await loadConfig({ file, cwd, env: {} });
  const text = printConfig(first);
  t.match(text, /^ {2}level: debug {2}# file$/m);
  t.match(text, /^ {2}port: 8554 {2}# default$/m);
  t.match(text, /^ {4}audio: false {2}# file$/m);
  await writeFile(file, text);
  t.strictSame((await loadConfig({ file, cwd, env: {} })).settings, first.settings);
});

test('the generated files are those of the schema, and the example says nothing but the defaults', async (t) => {
  const { configurationPage, exampleFile } = await import('../../config/docs.ts');
  t.equal(await readFile(join(projectRoot(), 'docs/configuration.md'), 'utf8'), configurationPage(), 'npm run docs');
  t.equal(await readFile(join(projectRoot(), 'config/vedette.example.yaml'), 'utf8'), exampleFile(), 'npm run docs');
  const plain = await loadConfig({ cwd: await folder(t), env: {} });
  const example = await loadConfig({ file: 'config/vedette.example.yaml', cwd: projectRoot(), env: {} });
  t.strictSame(example.settings, plain.settings);
  for (const { path } of leavesOf(SCHEMA)) {
    const name = path.join('.');
    if (name !== 'mqtt.passwordFile') t.ok(example.origins.has(name), `${name} is in the example`);
  }
});
