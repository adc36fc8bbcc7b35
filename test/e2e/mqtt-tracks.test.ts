import { type Test, test } from 'tap';
import { until } from '../support/mosquitto.ts';
import { type World, world } from '../support/mqtt-world.ts';
import { runPlayer } from '../support/player.ts';

const VIDEO = { name: 'camera', kind: 'video' };

/** Width, height and frame rate that a player sees. */
async function seen({ daemon }: World): Promise<string> {
  const args =
    '-v error -rtsp_transport tcp -select_streams v -show_entries stream=width,height,r_frame_rate -of csv=p=0';
  const { stdout } = await runPlayer('ffprobe', [...args.split(' '), daemon.rtsp]);
  return stdout.trim();
}

async function constrained(t: Test, { ask }: World, constraints: object, settings: object): Promise<void> {
  const answer = await ask('track/apply-constraints', { ...VIDEO, constraints });
  t.match(answer, { status: 'ok', data: { kind: 'video', constraints, settings } });
}

test('constraints over MQTT win over the configuration, until the stream is restarted', async (t) => {
  const found = await world(t);
  const { ask, state } = found;
  t.match((await ask('track/settings', VIDEO)).data.settings, { width: 1280, height: 720, frameRate: 30 });
  t.match((await ask('track/capabilities', VIDEO)).data.capabilities, { width: { min: 1, max: 3840 } });
  t.same((await ask('track/constraints', VIDEO)).data.constraints, {});
  t.match((await ask('track/settings', { name: 'camera', kind: 'audio' })).data.settings, { channelCount: 2 });

  await constrained(t, found, { frameRate: { max: 10 } }, { width: 1280, height: 720, frameRate: 10 });
  const size = { width: { exact: 640 }, height: { exact: 360 }, frameRate: 15 };
  await constrained(t, found, size, { width: 640, height: 360, frameRate: 15 });
  t.same((await ask('track/constraints', VIDEO)).data.constraints, size);
  t.equal(await seen(found), '640,360,15/1', 'what a viewer gets');
  const track = () => (state().tracks as Record<string, unknown>[])[0];
  await until(() => JSON.stringify(track()).includes('"width":640'), 'the state tells');
  t.match(track(), { constraints: size });

  const refused = await ask('track/apply-constraints', { ...VIDEO, constraints: { width: { min: 100_000 } } });
  t.match(refused, { error: { code: 'invalid_request', path: '/constraints/width', message: /100000.*3840/ } });
  t.same((await ask('track/constraints', VIDEO)).data.constraints, size, 'nothing has changed');

  t.match(await ask('stream/restart', { name: 'camera' }), { status: 'ok' });
  const { id, settings } = (await ask('track/settings', VIDEO)).data;
  t.match(settings, { width: 1280, height: 720, frameRate: 30 });
  t.same((await ask('track/constraints', { name: 'camera', id })).data.constraints, {});
  t.notMatch(track(), { constraints: Object });
});

test('what is wrong with a request about a track is named', async (t) => {
  const { ask } = await world(t);
  const apply = (constraints: unknown) => ask('track/apply-constraints', { ...VIDEO, constraints });
  for (const [constraints, path] of [
    [{ widht: 1 }, '/constraints/widht'],
    [{ width: 'wide' }, '/constraints/width'],
    [{ width: -1 }, '/constraints/width'],
    [{ frameRate: { ideal: 10, best: 1 } }, '/constraints/frameRate/best'],
    [{ advanced: [{ brightness: [] }] }, '/constraints/advanced/0/brightness'],
    [{ brightness: { exact: 3 } }, '/constraints/brightness'],
    [{ deviceId: { exact: 'other' } }, '/constraints/deviceId'],
  ] as const)
    t.match(await apply(constraints), { error: { code: 'invalid_request', path } }, path);
  for (const [request, code, path] of [
    [{ name: 'camera' }, 'invalid_request', '/kind'],
    [{ name: 'camera', kind: 'video', id: 'x' }, 'invalid_request', '/kind'],
    [{ name: 'camera', kind: 'video', rid: 'other' }, 'not_found', '/rid'],
    [{ name: 'camera', id: 'x' }, 'not_found', '/id'],
    [{ name: 'other', kind: 'video' }, 'not_found', '/streams/other'],
  ] as const)
    t.match(await ask('track/settings', request), { error: { code, path } }, path);
});
