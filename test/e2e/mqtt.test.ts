import { execFileSync } from 'node:child_process';
import { type Test, test } from 'tap';
import { COMMANDS } from '../../daemon/control/commands.ts';
import { PUBLICATIONS } from '../../daemon/control/publications.ts';
import { ApiDocument } from '../support/asyncapi.ts';
import { mosquittoClient, until } from '../support/mosquitto.ts';
import { B, SECRET, type World, world } from '../support/mqtt-world.ts';
import { runPlayer } from '../support/player.ts';

/** The password reached neither the log, at its finest level, nor the broker's clients. */
function keptSecret(t: Test, { daemon, listener }: World): void {
  t.match(daemon.output, /mqtt/, 'there is a log');
  t.notOk(daemon.output.includes(SECRET), 'no password in the log');
  t.notOk(
    listener.seen.some(({ text }) => text.includes(SECRET)),
    'no password on the broker',
  );
}

test('a stream is started, looked at, changed and stopped over MQTT', async (t) => {
  const found = await world(t);
  const { daemon, listener, ask, state } = found;
  t.match((await ask('gateway/info')).data, {
    id: 'porch',
    versions: { node: process.versions.node, gstreamer: /^1\./ },
  });
  t.match((await ask('device/list')).data, { devices: Array });
  t.match((await ask('stream/list')).data, { streams: [{ name: 'camera', state: 'idle' }] });

  t.match((await ask('stream/start', { name: 'camera' })).data, { name: 'camera', state: 'live' });
  await until(() => state().state === 'live', 'live on its topic');
  t.ok(daemon.children('capture/worker').length > 0);
  t.match(await ask('stream/keyframe', { name: 'camera' }), { status: 'ok' });

  const snapshot = await ask('stream/snapshot', { name: 'camera' });
  t.match(snapshot.data, { topic: `${B}/streams/camera/snapshot`, width: 1280, height: 720 });
  const pictures = () => listener.on(`${B}/streams/camera/snapshot`).map(({ text }) => Buffer.from(text, 'latin1'));
  await until(() => pictures().some(({ length }) => length === snapshot.data.size), 'the picture');
  const picture = pictures().at(-1) as Buffer;
  t.equal(picture.readUInt16BE(0), 0xffd8, 'JPEG');

  t.match(await ask('stream/encoding', { name: 'camera', maxBitrate: 600_000 }), { status: 'ok' });
  await until(() => JSON.stringify(state().encodings).includes('600000'), 'the new bitrate on its topic');

  t.match((await ask('stream/stop', { name: 'camera' })).data, { name: 'camera', state: 'idle' });
  await until(() => daemon.children('capture/worker').length === 0, 'no worker');
  t.match(await ask('stream/get', { name: 'porch' }), { status: 'error', error: { code: 'not_found' } });
  t.match(await ask('stream/encoding', { name: 'camera', maxBitrate: 1 }), {
    error: { code: 'invalid_request', path: '/maxBitrate' },
  });
  keptSecret(t, found);
});

/** Requests of the documents that name what this gateway does not have, or what nobody can know. */
const REFUSED: Record<string, string> = {
  'device/controls': 'not_found',
  'device/set-controls': 'not_found',
  'session/close': 'not_found',
  'webrtc/offer': 'invalid_request',
  'webrtc/candidate': 'not_found',
  'webrtc/close': 'not_found',
  'config/rollback': 'not_found',
  'config/confirm': 'conflict',
};

test('every example of the documents, and everything that is seen, is as the documents say', {
  timeout: 150_000,
}, async (t) => {
  const found = await world(t);
  const { listener, ask, daemon } = found;
  await listener.client.publishAsync(`${B}/streams/camera/set/bitrate`, 'fast', { qos: 1 });
  await until(() => listener.on(`${B}/events`).some(({ text }) => text.includes('set_failed')), 'an event');
  await runPlayer('ffprobe', ['-v', 'error', '-rtsp_transport', 'tcp', daemon.rtsp]);
  await until(() => listener.on(`${B}/events`).some(({ text }) => text.includes('viewer_left')), 'a viewer');
  const last = ['stream/stop', 'gateway/restart'];
  const names = [...Object.keys(COMMANDS).filter((name) => !last.includes(name)), ...last];
  for (const name of names) {
    const answer = await ask(name, COMMANDS[name]?.example);
    t.equal(answer.error?.code, REFUSED[name], `${name} ${JSON.stringify(answer).slice(0, 300)}`);
    // There may be nothing to warn of.
    if (name === 'log/tail') await ask(name, { level: 'debug', seconds: 60 });
    // It would outlive everything that comes here.
    if (name === 'stream/privacy') await ask(name, { name: 'camera', privacy: false });
  }
  const online = () => listener.on(`${B}/availability`).filter(({ text }) => text === 'online').length;
  await until(() => online() === 2, 'there again', 40_000);
  await until(() => listener.on(`${B}/telemetry`).length > 0, 'telemetry', 40_000);
  const api = new ApiDocument(B);
  const problems = listener.seen.map(({ topic, text, retain }) => api.problem(topic, text, retain));
  t.same(new Set(problems.filter((problem) => problem !== undefined)), new Set());
  const topics = new Set(listener.seen.map(({ topic }) => topic));
  for (const topic of Object.keys(PUBLICATIONS))
    t.ok(topics.has(`${B}/${topic.replace('{stream}', 'camera')}`), `${topic} was seen`);
  keptSecret(t, found);
});

test('viewers are told, and 3.1.1 watches as well', async (t) => {
  const found = await world(t);
  const { broker, daemon, listener } = found;
  const { code } = await runPlayer('ffprobe', ['-v', 'error', '-rtsp_transport', 'tcp', daemon.rtsp]);
  t.equal(code, 0);
  const events = () => listener.on(`${B}/events`).map(({ text }) => JSON.parse(text));
  await until(() => events().some(({ type }) => type === 'viewer_left'), 'events');
  t.match(
    events().find(({ type }) => type === 'viewer_joined'),
    {
      stream: 'camera',
      data: { protocol: 'rtsp', remoteAddress: '127.0.0.1' },
    },
  );
  const { output } = await mosquittoClient(
    'mosquitto_sub',
    broker.port,
    '-V',
    '311',
    '-t',
    `${B}/info`,
    '-C',
    '1',
    '-W',
    '20',
  );
  t.match(JSON.parse(output), { id: 'porch', board: String, bootId: String, listeners: Array, brokerTrusted: true });
  keptSecret(t, found);
});

test('the broker freezes, dies and comes back: the picture goes on', async (t) => {
  const found = await world(t);
  const { broker, daemon, listener, ask } = found;
  const viewing = runPlayer('ffmpeg', [
    '-v',
    'error',
    '-rtsp_transport',
    'tcp',
    '-i',
    daemon.rtsp,
    '-t',
    '12',
    '-map',
    '0:v',
    '-c',
    'copy',
    '-f',
    'null',
    '-',
  ]);
  await until(() => listener.on(`${B}/streams/camera/state`).some(({ text }) => text.includes('"live"')), 'live');
  const worker = daemon.children('capture/worker');
  broker.signal('SIGSTOP');
  await new Promise((resolve) => setTimeout(resolve, 2000));
  await broker.kill();
  const before = listener.seen.length;
  await broker.start();
  await until(() => listener.client.connected, 'the listener is back');
  await listener.subscribe(`${B}/#`);
  await until(
    () => listener.seen.slice(before).some(({ topic, text }) => topic === `${B}/availability` && text === 'online'),
    'online again',
  );
  t.match(await ask('stream/get', { name: 'camera' }), { status: 'ok', data: { state: 'live' } });
  const { code, stderr } = await viewing;
  t.equal(code, 0);
  t.equal(stderr, '', 'ffmpeg noticed nothing');
  t.same(daemon.children('capture/worker'), worker, 'the same workers');
  keptSecret(t, found);
});

test('privacy: viewers stay and see nothing, over a restart, until it is taken back', async (t) => {
  const found = await world(t);
  const { daemon, listener, ask, state } = found;
  const viewing = runPlayer('ffmpeg', [
    ...'-v error -rtsp_transport tcp -i'.split(' '),
    daemon.rtsp,
    ...'-t 10 -map 0:v -f null -'.split(' '),
  ]);
  await until(() => state().state === 'live', 'live');
  t.match(await ask('stream/privacy', { name: 'camera', privacy: true }), { data: { state: 'privacy' } });
  t.ok((await brightness(found)) < 40, 'dark');
  t.match(await viewing, { code: 0, stderr: '' }, 'ffmpeg noticed nothing');
  t.match(await ask('gateway/restart'), { status: 'ok' });
  await until(() => listener.on(`${B}/availability`).length >= 3, 'there again', 40_000);
  t.match(await ask('stream/start', { name: 'camera' }), { data: { state: 'privacy', reason: 'privacy is on' } });
  t.ok((await brightness(found)) < 40, 'still dark');
  t.match(await ask('stream/privacy', { name: 'camera', privacy: false }), { status: 'ok' });
  await until(() => state().state === 'live', 'live again');
  t.ok((await brightness(found)) > 60, 'light again');
  t.match(await ask('stream/privacy', { name: 'camera', privacy: 'on' }), { error: { path: '/privacy' } });
});

/** Mean luma of a snapshot. */
async function brightness({ ask, listener }: World): Promise<number> {
  const topic = `${B}/streams/camera/snapshot`;
  const before = listener.on(topic).length;
  await ask('stream/snapshot', { name: 'camera' });
  await until(() => listener.on(topic).length > before, 'a picture');
  const jpeg = Buffer.from(listener.on(topic).at(-1)?.text ?? '', 'latin1');
  const args = '-v error -f mjpeg -i - -vf scale=1:1:flags=area -pix_fmt gray -f rawvideo -'.split(' ');
  return execFileSync('ffmpeg', args, { input: jpeg })[0] ?? -1;
}

test('kill -9: the will; gateway/restart: the answer first, then all state again', async (t) => {
  const found = await world(t);
  const { daemon, listener, ask } = found;
  t.match(await ask('gateway/restart'), { status: 'ok' });
  const texts = () => listener.on(`${B}/availability`).map(({ text }) => text);
  await until(() => texts().length >= 3, 'there again', 40_000);
  t.same(texts(), ['online', 'offline', 'online']);
  t.match(await ask('stream/list'), { status: 'ok' });
  daemon.signal('SIGKILL');
  await until(() => texts().at(-1) === 'offline', 'the will');
  keptSecret(t, found);
});
