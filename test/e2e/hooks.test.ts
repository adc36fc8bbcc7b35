import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'tap';
import { Daemon } from '../support/daemon.ts';
import { eventProblems } from '../support/event-schemas.ts';
import { Mosquitto, until } from '../support/mosquitto.ts';
import { Requests } from '../support/mqtt-requests.ts';
import { alive, decode } from '../support/player.ts';

test('programs run for what viewers do, with the same events as on the broker, and end with the gateway', async (t) => {
  const broker = new Mosquitto();
  await broker.start();
  const small = '{video: {device: test, width: 320, height: 240, frameRate: 15}, audio: false}';
  const daemon = new Daemon(
    {},
    `
gateway: {id: porch}
mqtt: {url: "${broker.url}"}
rtsp: {port: 0}
http: {port: 0}
webrtc: {port: 0}
streams: {front: ${small}}
hooks:
  note: {on: [stream_state, viewer_joined, viewer_left], run: [./note]}
  sleep: {on: [viewer_joined], run: [./sleep]}
`,
  );
  const requests = await new Requests(broker.url, 'vedette/porch').start();
  t.teardown(async () => {
    await requests.stop();
    await daemon.stop();
    await broker.stop();
  });
  const script = async (name: string, text: string): Promise<void> => {
    await writeFile(join(daemon.folder, name), `#!/bin/sh\n${text}\n`);
    await chmod(join(daemon.folder, name), 0o755);
  };
  await script('note', 'cat >> note.out');
  await script('sleep', 'echo $$ > sleep.out; exec sleep 1000');
  const read = (name: string) => readFile(join(daemon.folder, name), 'utf8').catch(() => '');
  await daemon.start();
  await requests.online();

  t.ok((await decode(daemon.rtsp, 1)).video > 0);
  await until(async () => (await read('note.out')).includes('viewer_left'), 'the hook for the last event', 40_000);
  const told = requests.listener.on('vedette/porch/events').map(({ text }) => text);
  t.same(eventProblems(told), [], 'events are as described');
  const noted = (await read('note.out')).trimEnd().split('\n');
  t.ok(noted.length >= 4, `${noted.length} events`);
  t.same(
    noted.filter((line) => !told.includes(line)),
    [],
    'the hook got what the broker got',
  );

  const forbidden = { patch: { hooks: { note: { run: ['/bin/true'] } } } };
  t.match(await requests.ask('config/patch', forbidden), { error: { code: 'forbidden', path: '/hooks/note/run' } });
  for (const patch of [{ hooks: null }, { hooks: { note: null } }, { hooks: { other: {} } }])
    t.match(await requests.ask('config/patch', { patch }), { error: { code: 'forbidden' } }, JSON.stringify(patch));

  const pid = Number(await read('sleep.out'));
  t.ok(alive(pid), 'a hook runs');
  await daemon.kill();
  await until(() => !alive(pid), 'it ends with the gateway');
});
