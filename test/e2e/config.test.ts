import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { Daemon } from '../support/daemon.ts';
import { eventProblems } from '../support/event-schemas.ts';
import { FrameWatcher } from '../support/frame-watcher.ts';
import { freePort, Mosquitto, until } from '../support/mosquitto.ts';
import { Requests } from '../support/mqtt-requests.ts';
import { decode } from '../support/player.ts';

const SECRET = 'planted-7f3a';
const SMALL = '{video: {device: test, width: 320, height: 240, frameRate: 15}, audio: false}';

interface World {
  broker: Mosquitto;
  daemon: Daemon;
  requests: Requests;
  ask: Requests['ask'];
  /** A port that was free a moment ago, as the file has it. */
  rtspPort: number;
}

/** A gateway with a configuration file on a real broker of somebody else. */
async function world(t: Test, flags: Record<string, string> = {}): Promise<World> {
  const broker = new Mosquitto();
  await broker.start();
  const rtspPort = await freePort();
  const yaml = `
gateway: {id: porch}
mqtt: {url: "${broker.url}", willDelay: 0, username: porch, password: ${SECRET}-file}
rtsp: {port: ${rtspPort}}
http: {port: 0}
webrtc: {port: 0}
streams: {front: ${SMALL}}
`;
  const daemon = new Daemon(flags, yaml);
  const requests = await new Requests(broker.url, 'vedette/porch').start();
  t.teardown(async () => {
    await requests.stop();
    await daemon.stop();
    await broker.stop();
  });
  await daemon.start();
  await requests.online();
  return { broker, daemon, requests, ask: (command, payload) => requests.ask(command, payload), rtspPort };
}

const rtsp = (port: number, stream: string) => `rtsp://127.0.0.1:${port}/${stream}`;

function keptSecret(t: Test, { daemon, requests }: World): void {
  t.notOk(daemon.output.includes(SECRET), 'no secret in the log');
  const sent = requests.listener.seen.filter(({ topic }) => !topic.includes('/request/'));
  t.notOk(
    sent.some(({ text }) => text.includes(SECRET)),
    'no secret on the broker',
  );
}

test('streams are made, changed and deleted under a viewer of another one', async (t) => {
  const { daemon, requests, ask, rtspPort } = await world(t);
  const viewer = new FrameWatcher(rtsp(rtspPort, 'front'), '-rtsp_transport', 'tcp');
  t.teardown(() => viewer.end());
  await until(() => viewer.frames > 10, 'the picture', 40_000);
  // What he has received of course grows.
  const session = async () => {
    const { sessions } = (await ask('session/list')).data as { sessions: { id: string; since: string }[] };
    return sessions.map(({ id, since }) => ({ id, since }));
  };
  const before = { session: await session(), worker: daemon.children('capture/worker') };

  const created = await ask('stream/create', {
    name: 'garage',
    settings: { video: { device: 'test', width: 320, height: 240 }, audio: false },
  });
  t.match(created, {
    status: 'ok',
    data: { revision: 1, applied: true, effects: [{ part: 'streams/garage', effect: 'create' }], overridden: [] },
  });
  t.match((await ask('stream/list')).data, { streams: [{ name: 'front' }, { name: 'garage' }] });
  t.ok((await decode(rtsp(rtspPort, 'garage'), 1)).video > 0, 'the new stream plays');

  const bitrate = await ask('stream/update', { name: 'garage', settings: { encodings: [{ maxBitrate: 600_000 }] } });
  t.match(bitrate.data, {
    changes: [{ path: '/streams/garage/encodings/0/maxBitrate', from: 2_000_000, to: 600_000 }],
    effects: [{ part: 'streams/garage', effect: 'live' }],
  });
  const size = await ask('stream/update', { name: 'garage', settings: { video: { width: 640, height: 480 } } });
  t.match(size.data, { effects: [{ part: 'streams/garage', effect: 'restart' }] });
  t.ok((await decode(rtsp(rtspPort, 'garage'), 1)).video > 0, 'the changed stream plays');

  const live = await ask('config/patch', {
    patch: { log: { level: 'debug' }, mqtt: { telemetryInterval: 1 }, rtsp: { maxViewers: 7 } },
  });
  t.same(live.data.effects, [
    { part: 'log', effect: 'live' },
    { part: 'mqtt', effect: 'live' },
    { part: 'rtsp', effect: 'live' },
  ]);
  await until(() => requests.listener.on('vedette/porch/telemetry').length > 1, 'telemetry at the new interval');
  t.match((await ask('stream/delete', { name: 'garage' })).data, {
    changes: [{ path: '/streams/garage', from: { video: { width: 640 } } }],
    effects: [{ part: 'streams/garage', effect: 'delete' }],
  });
  t.match(await ask('stream/get', { name: 'garage' }), { error: { code: 'not_found' } });
  const topic = 'vedette/porch/streams/garage/state';
  await until(() => requests.listener.on(topic).at(-1)?.text === '', 'its topic is cleared');

  t.match(daemon.output, /"level":"debug"/, 'the log has the new level');
  const frames = viewer.frames;
  await until(() => viewer.frames > frames + 15, 'the viewer goes on', 40_000);
  t.same(await session(), before.session, 'the same session');
  t.same(daemon.children('capture/worker'), before.worker, 'the same worker');
  // The session and the worker are the proof; a machine that is busy leaves a frame out before the encoder.
  t.ok(viewer.missing < 15, `${viewer.missing} frames are missing`);
  t.equal(viewer.errors, '');
  t.notOk(viewer.ended);
  t.match(requests.events('config'), [
    { action: 'patch', revision: 1, by: 'mqtt', paths: ['/streams/garage'] },
    { revision: 2 },
    { revision: 3 },
    { revision: 4, paths: ['/log/level', '/mqtt/telemetryInterval', '/rtsp/maxViewers'] },
    { revision: 5 },
  ]);
  t.same(eventProblems(requests.listener.on('vedette/porch/events').map(({ text }) => text)), []);
});

test('a listener restarts alone; a port that is taken changes nothing', async (t) => {
  const { daemon, broker, ask, rtspPort } = await world(t);
  const viewer = new FrameWatcher(rtsp(rtspPort, 'front'), '-rtsp_transport', 'tcp');
  t.teardown(() => viewer.end());
  await until(() => viewer.frames > 5, 'the picture', 40_000);
  const children = daemon.children('webrtc/worker');

  t.match(await ask('config/patch', { patch: { rtsp: { port: broker.port } } }), {
    status: 'error',
    error: { code: 'conflict', path: '/rtsp/port', message: new RegExp(`port ${broker.port} cannot be used`) },
  });
  const frames = viewer.frames;
  await until(() => viewer.frames > frames + 5, 'the viewer goes on', 40_000);
  t.match((await ask('config/get')).data, { revision: 0 });

  const port = await freePort();
  const patch = { rtsp: { port } };
  const dry = await ask('config/patch', { patch, dryRun: true });
  t.match(dry.data, {
    revision: 0,
    applied: false,
    changes: [{ path: '/rtsp/port', from: rtspPort, to: port }],
    effects: [{ part: 'rtsp', effect: 'restart' }],
  });
  t.match((await ask('config/patch', { patch })).data, { revision: 1, applied: true, effects: dry.data.effects });
  await until(() => viewer.ended, 'who watched over RTSP is disconnected');
  t.ok((await decode(rtsp(port, 'front'), 1)).video > 0, 'RTSP is at the new port');
  t.equal((await decode(rtsp(rtspPort, 'front'), 1)).video, 0, 'and not at the old one');
  t.equal((await fetch(`${daemon.page}/streams`)).status, 200, 'HTTP goes on');
  t.same(daemon.children('webrtc/worker'), children, 'WebRTC goes on');
  t.match((await ask('stream/get', { name: 'front' })).data, { urls: { rtsp: `rtsp://127.0.0.1:${port}/front` } });
  t.match(JSON.stringify((await ask('gateway/info')).data.listeners), `"rtsp://127.0.0.1:${port}"`);

  t.match((await ask('config/patch', { patch: { rtsp: { enabled: false }, rtmp: { enabled: true, port: 0 } } })).data, {
    effects: [
      { part: 'rtsp', effect: 'restart' },
      { part: 'rtmp', effect: 'restart' },
    ],
  });
  t.same((await ask('gateway/info')).data.features, ['webrtc', 'rtmp', 'http']);
});

test('refused: what is wrong, what is local, what is outdated', async (t) => {
  const found = await world(t, { 'http.port': '0' });
  const { daemon, requests, ask } = found;
  const table: [command: string, request: object, error: object][] = [
    [
      'config/patch',
      { patch: { streams: { front: { video: { width: 1 } } } } },
      { code: 'invalid_request', path: '/streams/front/video/width', message: /16 to 7680/ },
    ],
    ['config/patch', { patch: { rtps: {} } }, { code: 'invalid_request', path: '/rtps', message: /did you mean rtsp/ }],
    ['config/patch', { patch: 5 }, { code: 'invalid_request', path: '/patch' }],
    ['config/patch', {}, { code: 'invalid_request', path: '/patch' }],
    ['config/patch', { patch: { access: { usersFile: '/x' } } }, { code: 'forbidden', path: '/access/usersFile' }],
    [
      'config/patch',
      { patch: { mqtt: { passwordFile: '/etc/shadow' } } },
      { code: 'forbidden', path: '/mqtt/passwordFile' },
    ],
    ['config/patch', { patch: { http: { host: '0.0.0.0' } } }, { code: 'forbidden', path: '/http/host' }],
    ['config/patch', { patch: {}, revision: 7 }, { code: 'conflict', path: '/revision' }],
    ['config/patch', { patch: { mqtt: { keepalive: 9 } } }, { code: 'invalid_request', path: '/confirmWithin' }],
    [
      'config/patch',
      { patch: { mqtt: { url: 'mqtt://evil.example' } }, confirmWithin: 60 },
      { code: 'invalid_request', path: '/mqtt/password', message: /together with another mqtt.url/ },
    ],
    ['config/confirm', {}, { code: 'conflict' }],
    ['config/rollback', {}, { code: 'not_found', path: '/to' }],
    ['stream/create', { name: 'front' }, { code: 'conflict', path: '/streams/front' }],
    ['stream/create', { name: 'Garage' }, { code: 'invalid_request', path: '/name' }],
    ['stream/update', { name: 'no', settings: {} }, { code: 'not_found', path: '/streams/no' }],
    ['stream/delete', { name: 'no' }, { code: 'not_found', path: '/streams/no' }],
  ];
  for (const [command, request, error] of table) {
    t.match(await ask(command, request), { status: 'error', error }, `${command} ${JSON.stringify(request)}`);
  }
  t.match((await ask('config/get')).data, { revision: 0, history: [] }, 'nothing has changed');

  const port = await freePort();
  t.match((await ask('config/patch', { patch: { http: { port } } })).data, {
    changes: [],
    overridden: [{ path: '/http/port', by: 'flag' }],
  });
  const password = await ask('config/patch', {
    patch: { mqtt: { password: `${SECRET}-new` } },
    confirmWithin: 60,
    revision: 1,
  });
  t.match(password.data, { changes: [{ path: '/mqtt/password', from: '***', to: '***' }], confirmWithin: 60 });
  const availability = () => requests.listener.on('vedette/porch/availability').map(({ text }) => text);
  await until(() => availability().join() === 'online,offline,online', 'it has signed in again');
  t.match(await ask('config/patch', { patch: { rtsp: { udp: false } } }), {
    error: { code: 'conflict', message: /waits to be confirmed/ },
  });
  t.match((await ask('config/confirm', { revision: 2 })).data, { revision: 2 });
  t.match((await ask('config/get')).data, {
    config: { mqtt: { password: '***' } },
    origins: { 'mqtt.password': 'remote', 'rtsp.port': 'file', 'http.port': 'flag' },
    revision: 2,
    history: [{ revision: 1, by: 'mqtt', action: 'patch' }, { revision: 0 }],
  });
  const file = join(daemon.folder, 'remote-config.json');
  t.match(await readFile(file, 'utf8'), `${SECRET}-new`, 'it is kept');
  t.equal((await stat(file)).mode & 0o777, 0o600);
  t.match(requests.events('config').at(-1), { action: 'confirmed', revision: 2, by: 'mqtt' });
  keptSecret(t, found);
});

test('a change that cuts the gateway off undoes itself', async (t) => {
  const { requests, ask } = await world(t);
  const patch = { mqtt: { url: 'mqtt://127.0.0.1:1', password: '' } };
  const answer = await ask('config/patch', { patch, confirmWithin: 5 });
  t.match(answer.data, { applied: true, effects: [{ part: 'mqtt', effect: 'restart' }], confirmWithin: 5 });
  const availability = () => requests.listener.on('vedette/porch/availability').map(({ text }) => text);
  await until(() => availability().at(-1) === 'offline', 'it is gone');
  await until(() => availability().at(-1) === 'online', 'it is back', 40_000);
  await until(() => requests.events('config').length > 1, 'the event');
  t.match(requests.events('config').at(-1), { action: 'undone', by: 'gateway', revision: 2, reason: /within 5 s/ });
  t.match((await ask('config/get')).data, { revision: 2, origins: { 'mqtt.url': 'file' } });
});

test('kill -9 before a change is confirmed undoes it; one that is confirmed stays; rollback', async (t) => {
  const { daemon, requests, ask } = await world(t);
  const start = async () => {
    await daemon.start();
    await requests.online();
  };
  const width = async () => {
    const { config } = (await ask('config/get')).data as {
      config: { streams: { front: { video: { width: number } } } };
    };
    return config.streams.front.video.width;
  };
  const patch = (value: number) => ({ patch: { streams: { front: { video: { width: value } } } }, confirmWithin: 600 });
  t.match(await ask('config/patch', patch(640)), { status: 'ok' });
  t.equal(await width(), 640);
  await daemon.kill();
  await start();
  t.equal(await width(), 320, 'as before');
  await until(() => requests.events('config').some(({ action }) => action === 'undone'), 'the event');

  await ask('config/patch', patch(640));
  await ask('config/confirm');
  await daemon.kill();
  await start();
  t.equal(await width(), 640, 'it stays');

  t.match(await ask('config/rollback', { to: 0 }), { status: 'ok', data: { effects: [{ part: 'streams/front' }] } });
  t.equal(await width(), 320, 'at the beginning again');
  t.match((await ask('config/rollback')).data, { applied: true });
  t.equal(await width(), 640, 'and back');
});

test('another id: the topics move, and the change is confirmed there', async (t) => {
  const { requests, ask } = await world(t);
  t.match(await ask('config/patch', { patch: { gateway: { id: 'door' } } }), { error: { path: '/confirmWithin' } });
  t.match((await ask('config/patch', { patch: { gateway: { id: 'door' } }, confirmWithin: 60 })).data, {
    effects: [{ part: 'gateway', effect: 'restart' }],
  });
  requests.base = 'vedette/door';
  await requests.online();
  t.match((await ask('config/get')).data, { confirmation: { within: 60 }, revision: 1 });
  t.match((await ask('config/confirm')).data, { revision: 1 });
  t.match((await ask('gateway/info')).data, { id: 'door' });
});

test('a remote configuration that is of no use keeps nothing from starting', async (t) => {
  const { daemon, requests, ask } = await world(t);
  await ask('config/patch', { patch: { log: { level: 'debug' } } });
  const file = join(daemon.folder, 'remote-config.json');
  const document = JSON.parse(await readFile(file, 'utf8'));

  document.current.layer = { log: { level: 'debug' }, settingOfTheFuture: 1 };
  await daemon.kill();
  await writeFile(file, JSON.stringify(document));
  await daemon.start();
  await requests.online();
  t.match((await ask('config/get')).data, { revision: 2, config: { log: { level: 'info' } } });
  await until(() => requests.events('config').some(({ action }) => action === 'set-aside'), 'the event');
  t.match(daemon.output, /settingOfTheFuture: is not a setting/);

  await daemon.kill();
  await writeFile(file, '{"format":1,');
  await daemon.start();
  await requests.online();
  t.match((await ask('config/get')).data, { revision: 0 });
  t.match(daemon.output, /it is not JSON; it lies in .*remote-config.json.set-aside now/);
});

test('where a listener does not start with it, the gateway does without', async (t) => {
  const { daemon, broker, requests, ask } = await world(t, { 'rtmp.port': String(await freePort()) });
  t.match(await ask('config/patch', { patch: { rtmp: { enabled: true } } }), { status: 'ok' });
  const { listeners } = (await ask('gateway/info')).data as { listeners: { protocol: string; url: string }[] };
  const port = Number(
    listeners
      .find(({ protocol }) => protocol === 'rtmp')
      ?.url.split(':')
      .at(-1),
  );
  await daemon.kill();
  const squatter = new Mosquitto();
  squatter.port = port;
  await squatter.start();
  t.teardown(() => squatter.stop());
  await daemon.start();
  await requests.online();
  await until(() => requests.events('config').some(({ action }) => action === 'set-aside'), 'the event');
  t.match(requests.events('config').at(-1)?.reason, new RegExp(`port ${port} is in use`));
  t.match((await ask('config/get')).data, { config: { rtmp: { enabled: false } } });
  t.ok(broker.port > 0);
});
