import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { openConfig, recoverConfig } from '../config/open-config.ts';
import { ControlError } from '../daemon/control/gateway-port.ts';
import { GatewayConfig } from '../daemon/gateway-config.ts';
import { silentLog } from '../daemon/lib/log.ts';
import { ManualClock } from './support/manual-clock.ts';

const BY = { by: 'ann' };

/** A configuration over a gateway that only says what it is asked to do. */
async function world(t: Test, yaml = '', remote?: object, env: NodeJS.ProcessEnv = {}) {
  const cwd = await mkdtemp(join(tmpdir(), 'vedette-gateway-config-'));
  t.teardown(() => rm(cwd, { recursive: true, force: true }));
  const file = join(cwd, 'remote-config.json');
  await writeFile(join(cwd, 'vedette.yaml'), yaml);
  if (remote !== undefined) await writeFile(file, JSON.stringify(remote));
  const clock = new ManualClock();
  const options = { cwd, env: { HOME: cwd, STATE_DIRECTORY: cwd, ...env }, hostname: 'porch' };
  const opened = await recoverConfig(await openConfig(options, clock));
  const calls: string[] = [];
  const events: Record<string, unknown>[] = [];
  const gateway = {
    refuse: undefined as Error | undefined,
    fail: undefined as Error | undefined,
    check: async () => {
      if (gateway.refuse !== undefined) throw gateway.refuse;
    },
    follow: async (plan: ReadonlyMap<string, string>) => {
      calls.push([...plan].map((entry) => entry.join(' ')).join(', '));
      if (gateway.fail === undefined) return;
      const error = gateway.fail;
      gateway.fail = undefined;
      throw error;
    },
    restart: () => calls.push('restart the gateway'),
    configChanged: () => undefined,
    event: ({ data }: { data?: Record<string, unknown> }) => events.push(data ?? {}),
  };
  const config = new GatewayConfig({ ...opened, gateway, clock, log: silentLog });
  config.start();
  t.teardown(() => config.stop());
  /** What is on disk. */
  const kept = async () => JSON.parse(await readFile(file, 'utf8'));
  return { config, clock, gateway, calls, events, kept, cwd, port: () => config.current.settings.rtsp.port };
}

async function refused(t: Test, work: Promise<unknown>, code: string, path: string | undefined): Promise<void> {
  const error = await work.then(
    () => undefined,
    (reason) => reason,
  );
  t.ok(error instanceof ControlError, `it is refused: ${error}`);
  t.match(error, { code, path });
}

const rtsp = (port: number) => ({ rtsp: { port } });

test('a change: on disk, followed, told', async (t) => {
  const { config, calls, events, kept, port } = await world(t);
  t.match(await config.patch(rtsp(9000), BY), { revision: 1, applied: true });
  t.equal(port(), 9000);
  t.match(await kept(), { current: { revision: 1, by: 'ann', layer: rtsp(9000), paths: ['/rtsp/port'] } });
  t.strictSame(calls, ['rtsp restart']);
  t.match(events, [{ action: 'patch', by: 'ann', revision: 1, paths: ['/rtsp/port'] }]);
  t.match(await config.patch(rtsp(9000), BY), { revision: 1, changes: [] }, 'the same again is nothing');
  t.equal(calls.length, 1);
});

test('changes come one after the other', async (t) => {
  const { config, calls, port } = await world(t);
  const ports = [9001, 9002, 9003, 9004];
  const reports = await Promise.all(ports.map((value) => config.patch(rtsp(value), BY)));
  t.strictSame(
    reports.map(({ revision }) => revision),
    [1, 2, 3, 4],
  );
  t.match(reports[3]?.changes, [{ from: 9003, to: 9004 }]);
  t.equal(port(), 9004);
  t.equal(calls.length, 4);
});

test('a revision that is not the current one is a conflict, of two at once too', async (t) => {
  const { config, port } = await world(t);
  const both = [9001, 9002].map((value) => config.patch(rtsp(value), { ...BY, revision: 0 }));
  const [first, second] = await Promise.allSettled(both);
  t.equal(first?.status, 'fulfilled');
  t.match(second, { status: 'rejected', reason: { code: 'conflict', path: '/revision' } });
  t.equal(port(), 9001);
});

test('a dry run changes nothing', async (t) => {
  const { config, calls, kept } = await world(t);
  t.match(await config.patch({ ...rtsp(9000), mqtt: { keepalive: 9 } }, { ...BY, dryRun: true }), {
    revision: 0,
    applied: false,
    changes: [
      { path: '/mqtt/keepalive', from: 30, to: 9 },
      { path: '/rtsp/port', from: 8554, to: 9000 },
    ],
    confirmationNeededFor: '/mqtt/keepalive',
  });
  t.strictSame(calls, []);
  await t.rejects(kept(), { code: 'ENOENT' });
});

test('where the gateway refuses or cannot follow, everything is as before', async (t) => {
  const { config, gateway, calls, events, kept, port } = await world(t);
  gateway.refuse = new ControlError('conflict', 'taken', '/rtsp/port');
  await refused(t, config.patch(rtsp(9000), BY), 'conflict', '/rtsp/port');
  t.equal(config.report().revision, 0);
  gateway.refuse = undefined;

  gateway.fail = new Error('no memory');
  await refused(t, config.patch(rtsp(9000), BY), 'unavailable', undefined);
  t.equal(port(), 8554);
  t.strictSame(calls, ['rtsp restart', 'rtsp restart'], 'there and back');
  t.match(await kept(), { current: { revision: 2, layer: {}, action: 'undone' } });
  t.match(events, [{ action: 'undone', reason: 'no memory', paths: ['/rtsp/port'] }]);
});

test('what cannot be kept is not done', async (t) => {
  const { config, calls, cwd, port } = await world(t);
  await rm(cwd, { recursive: true });
  await refused(t, config.patch(rtsp(9000), BY), 'unavailable', undefined);
  t.equal(port(), 8554);
  t.strictSame(calls, []);
});

test('unconfirmed: undone when the time is over, and not before', async (t) => {
  const { config, clock, calls, events, port } = await world(t);
  const options = { ...BY, confirmWithin: 60 };
  t.match(await config.patch(rtsp(9000), options), { confirmWithin: 60 });
  await refused(t, config.patch(rtsp(9001), BY), 'conflict', undefined);
  clock.advance(59_999);
  await settled(config);
  t.equal(port(), 9000);
  clock.advance(1);
  await settled(config);
  t.equal(port(), 8554);
  t.strictSame(calls, ['rtsp restart', 'rtsp restart']);
  t.match(events.at(-1), { action: 'undone', revision: 2, reason: 'nobody confirmed it within 60 s' });

  await config.patch(rtsp(9000), options);
  await refused(t, config.confirm(1, 'ann'), 'conflict', '/revision');
  t.match(await config.confirm(3, 'ann'), { revision: 3 });
  clock.advance(1e9);
  await settled(config);
  t.equal(port(), 9000, 'confirmed: it stays');
  await refused(t, config.confirm(undefined, 'ann'), 'conflict', undefined);
});

test('what would cut off the answer waits for it', async (t) => {
  const { config, clock, calls } = await world(t);
  const patch = { ...rtsp(9000), mqtt: { keepalive: 9 } };
  await refused(t, config.patch(patch, BY), 'invalid_request', '/confirmWithin');
  await config.patch(patch, { ...BY, confirmWithin: 60 });
  t.strictSame(calls, ['rtsp restart']);
  config.finish();
  config.finish();
  await settled(config);
  t.strictSame(calls, ['rtsp restart', 'mqtt restart'], 'once');
  clock.advance(60_000);
  await settled(config);
  t.strictSame(calls.slice(2), ['mqtt restart, rtsp restart'], 'undone as a whole');

  await config.patch({ mqtt: { keepalive: 9 } }, { ...BY, confirmWithin: 60 });
  clock.advance(5000);
  await settled(config);
  t.strictSame(calls.slice(3), ['mqtt restart'], 'or until nobody says that it has gone out');
  t.match(await config.rollback(undefined, BY), { applied: true }, 'the way back needs no confirmation');
});

test('a connection that does not start again is undone at once', async (t) => {
  const { config, gateway, calls, events } = await world(t);
  await config.patch({ mqtt: { embeddedPort: 1884 } }, { ...BY, confirmWithin: 60 });
  gateway.fail = new Error('port 1884 is in use');
  config.finish();
  await settled(config);
  t.equal(config.current.settings.mqtt.embeddedPort, 1883);
  t.strictSame(calls, ['mqtt restart', 'mqtt restart']);
  t.match(events.at(-1), { action: 'undone', reason: 'port 1884 is in use' });
});

test('the gateway restarts for its id, and waits for the confirmation afterwards', async (t) => {
  const { config, calls, kept } = await world(t);
  await config.patch({ gateway: { id: 'door' }, ...rtsp(9000) }, { ...BY, confirmWithin: 60 });
  t.strictSame(calls, [], 'nothing restarts by itself');
  t.match(await kept(), { confirmation: { within: 60, restarts: true } });
  config.finish();
  await settled(config);
  t.strictSame(calls, ['restart the gateway']);

  const next = await world(t, '', await kept());
  t.equal(next.config.current.settings.gateway.id, 'door');
  next.clock.advance(60_000);
  await settled(next.config);
  t.strictSame(next.calls, ['restart the gateway']);
  t.match(await next.kept(), { current: { layer: {}, action: 'undone' } });
});

test('rollback to a version of the history', async (t) => {
  const { config, port } = await world(t);
  for (let index = 1; index <= 12; index++) await config.patch(rtsp(9000 + index), BY);
  await refused(t, config.rollback(1, BY), 'not_found', '/to');
  t.match(await config.rollback(2, BY), { revision: 13, changes: [{ from: 9012, to: 9002 }] });
  t.match(await config.rollback(undefined, BY), { revision: 14, changes: [{ from: 9002, to: 9012 }] });
  t.equal(port(), 9012);
  t.equal(config.report().history.length, 10);
  t.notMatch(JSON.stringify(config.report().history), /layer/, 'layers hold secrets');
});

test('the password of one broker is not sent to another', async (t) => {
  const url = 'mqtt://elsewhere';
  const options = { ...BY, confirmWithin: 60 };
  const { config } = await world(t, 'mqtt: {url: "mqtt://here", username: ann, password: hunter1}');
  await refused(t, config.patch({ mqtt: { url } }, options), 'invalid_request', '/mqtt/password');
  const report = await config.patch({ mqtt: { url, password: 'hunter2' } }, options);
  t.notMatch(JSON.stringify([report, config.report()]), /hunter/);
  await config.confirm(undefined, 'ann');
  await refused(t, config.patch({ mqtt: { url: 'mqtt://third' } }, options), 'invalid_request', '/mqtt/password');
  t.match(await config.rollback(0, options), { applied: true }, 'they come back together');
  const open = await world(t, 'mqtt: {url: "mqtt://here"}');
  t.match(
    await open.config.patch({ mqtt: { url } }, options),
    { applied: true },
    'where there is none, none is needed',
  );
});

test('streams', async (t) => {
  const { config, calls } = await world(t, 'streams: {front: {audio: false}}');
  const names = () => Object.keys(config.current.settings.streams);
  await refused(t, config.createStream('front', {}, BY), 'conflict', '/streams/front');
  await refused(t, config.updateStream('side', {}, BY), 'not_found', '/streams/side');
  await refused(t, config.deleteStream('constructor', BY), 'not_found', '/streams/constructor');
  await refused(t, config.createStream('__proto__', {}, BY), 'invalid_request', '/streams/__proto__');
  await refused(
    t,
    config.createStream('side', { video: { width: 1 } }, BY),
    'invalid_request',
    '/streams/side/video/width',
  );
  await config.createStream('side', { start: 'always' }, BY);
  await config.updateStream('front', { audio: null, start: 'always' }, BY);
  t.strictSame(names(), ['front', 'side']);
  await config.deleteStream('front', BY);
  t.strictSame(names(), ['side']);
  await config.createStream('front', {}, BY);
  t.match(config.current.settings.streams.front, { audio: { device: 'any' }, start: 'on-demand' });
  t.strictSame(calls, ['streams/side create', 'streams/front live', 'streams/front delete', 'streams/front create']);
});

test('what was asked for and has no effect is told', async (t) => {
  const env = { VEDETTE_RTSP_PORT: '7000', VEDETTE_STREAMS: 'front: {}' };
  const { config, port } = await world(t, '', undefined, env);
  const by = 'env';
  t.match(await config.patch({ ...rtsp(9000), rtmp: { port: 9001 } }, BY), {
    revision: 1,
    changes: [{ path: '/rtmp/port' }],
    overridden: [{ path: '/rtsp/port', by }],
  });
  t.equal(port(), 7000);
  t.match(await config.updateStream('front', { start: 'always' }, BY), {
    changes: [],
    overridden: [{ path: '/streams/front/start', by }],
  });
  t.match(await config.deleteStream('front', BY), { changes: [], overridden: [{ path: '/streams/front', by }] });
  t.match(await config.rollback(1, BY), { overridden: [{ path: '/rtsp/port', by }] });
});

/** All that was begun is done. */
async function settled(config: GatewayConfig): Promise<void> {
  await config.patch({}, { ...BY, dryRun: true });
}
