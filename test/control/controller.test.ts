import { Ajv } from 'ajv';
import { type Test, test } from 'tap';
import type { Transport } from '../../daemon/control/command.ts';
import { COMMANDS } from '../../daemon/control/commands.ts';
import { ANSWER_MEMORY, type Answer, type CommandRequest, Controller } from '../../daemon/control/controller.ts';
import { CONTROL_ERROR_CODES } from '../../daemon/control/gateway-port.ts';
import { silentLog } from '../../daemon/lib/log.ts';
import { FakeGateway } from '../support/fake-gateway.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { TRUSTING } from '../support/mqtt-settings.ts';

function world(): {
  gateway: FakeGateway;
  clock: ManualClock;
  pictures: { name: string; jpeg: Buffer }[];
  /** Lines of log that went out. */
  lines: string[];
  ask: (command: string, payload: unknown, more?: Partial<CommandRequest>) => Promise<Answer>;
  controller: Controller;
  sink: Transport;
} {
  const gateway = new FakeGateway('camera');
  const clock = new ManualClock();
  const controller = new Controller({ gateway, rights: TRUSTING, clock, log: silentLog });
  const pictures: { name: string; jpeg: Buffer }[] = [];
  const lines: string[] = [];
  const sink: Transport = {
    logTopic: 'topic/log',
    publishLogLine: (line) => lines.push(line),
    publishSnapshot: async (name, jpeg) => {
      pictures.push({ name, jpeg });
      return `topic/${name}`;
    },
  };
  const ask = async (command: string, payload: unknown, more: Partial<CommandRequest> = {}): Promise<Answer> => {
    const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
    const request: CommandRequest = { command, payload: Buffer.from(text), sender: 'mqtt', retained: false, ...more };
    return (await controller.execute(request, sink)).answer;
  };
  return { gateway, clock, pictures, lines, ask, controller, sink };
}

function refused(t: Test, answer: Answer, code: string, path: string | undefined, ...words: string[]): void {
  if (answer.status !== 'error') {
    t.fail('was carried out');
    return;
  }
  t.equal(answer.error.code, code);
  t.equal(answer.error.path, path);
  for (const word of words) t.ok(answer.error.message.includes(word), `"${answer.error.message}" says ${word}`);
}

/** The schema with nothing left open: what the reports carry must all be described. */
function closed(schema: object): object {
  return JSON.parse(JSON.stringify(schema), (_key, value) =>
    value?.type === 'object' && value.additionalProperties === undefined
      ? { ...value, additionalProperties: false }
      : value,
  );
}

test('every command answers what its schema says', async (t) => {
  const ajv = new Ajv({ strict: true });
  for (const [name, command] of Object.entries(COMMANDS)) {
    const { ask } = world();
    const answer = await ask(name, { ...command.example, transaction: 'x' });
    t.equal(answer.status, 'ok', name);
    t.equal(answer.transaction, 'x');
    const validate = ajv.compile(closed(command.result));
    t.ok(validate('data' in answer ? answer.data : undefined), `${name} ${JSON.stringify(validate.errors)}`);
  }
});

const BAD: [command: string, payload: unknown, code: string, path: string | undefined, ...words: string[]][] = [
  ['stream/get', '', 'invalid_request', '/name', 'missing'],
  ['stream/get', '{', 'invalid_request', '', 'JSON'],
  ['stream/get', 'null', 'invalid_request', '', 'object'],
  ['stream/get', '"camera"', 'invalid_request', '', 'object'],
  ['stream/get', [], 'invalid_request', '', 'object'],
  ['stream/get', { name: 7 }, 'invalid_request', '/name', '7', 'string'],
  ['stream/get', { name: '' }, 'invalid_request', '/name', '""', '1'],
  ['stream/get', { name: 'x'.repeat(33) }, 'invalid_request', '/name', '32'],
  ['stream/get', { name: 'Front door' }, 'invalid_request', '/name', 'Front door', 'pattern'],
  ['stream/get', { name: 'camera', colour: 1 }, 'invalid_request', '/colour', 'name'],
  ['gateway/info', { name: 'camera' }, 'invalid_request', '/name', 'nothing'],
  ['gateway/info', '{"__proto__":{"x":1}}', 'invalid_request', '/__proto__', 'not known'],
  ['stream/get', { name: 'porch' }, 'not_found', '/name', 'porch'],
  ['stream/snapshot', { name: 'porch' }, 'not_found', '/name'],
  ['stream/encoding', { name: 'camera' }, 'invalid_request', '', 'maxBitrate'],
  ['stream/encoding', { name: 'camera', maxBitrate: 9_999 }, 'invalid_request', '/maxBitrate', '9999', '10000'],
  ['stream/encoding', { name: 'camera', maxBitrate: 1e9 }, 'invalid_request', '/maxBitrate', '100000000'],
  ['stream/encoding', { name: 'camera', maxBitrate: 1.5e4 + 0.5 }, 'invalid_request', '/maxBitrate', 'integer'],
  ['stream/encoding', { name: 'camera', maxFramerate: 0 }, 'invalid_request', '/maxFramerate', '1'],
  ['stream/encoding', { name: 'camera', scaleResolutionDownBy: 0.5 }, 'invalid_request', '/scaleResolutionDownBy', '1'],
  ['stream/nonsense', { name: 'camera' }, 'unknown_command', undefined, 'stream/stop'],
  ['stream/restart', { name: 'porch' }, 'not_found', '/name', 'porch'],
  ['log/level', { level: 'trace' }, 'invalid_request', '/level', 'trace', 'debug, info, warn, error'],
  ['log/tail', { seconds: 601 }, 'invalid_request', '/seconds', '601', '600'],
  ['device/controls', { deviceId: 'x' }, 'not_found', '/deviceId', 'x'],
  ['device/set-controls', { deviceId: 'a1b2', controls: {} }, 'invalid_request', '/controls'],
  [
    'device/set-controls',
    { deviceId: 'a1b2', controls: { brightness: [] } },
    'invalid_request',
    '/controls/brightness',
  ],
  [
    'device/set-controls',
    { deviceId: 'a1b2', controls: { power_line_frequency: 1, brightness: 256 } },
    'invalid_request',
    '/controls/brightness',
    '256',
  ],
  [
    'device/set-controls',
    { deviceId: 'a1b2', controls: { power_line_frequency: '60 Hz' } },
    'invalid_request',
    '/controls/power_line_frequency',
    '60 Hz',
    '0 (Disabled), 1 (50 Hz)',
  ],
  [
    'device/set-controls',
    { deviceId: 'a1b2', controls: { 'brightness,gain': 'on' } },
    'invalid_request',
    '/controls/brightness,gain',
    'brightness,gain',
  ],
  ['stream/set', { name: 'porch', property: 'enabled', value: true }, 'not_found', '/name', 'porch'],
  [
    'stream/set',
    { name: 'camera', property: 'colour', value: 1 },
    'not_found',
    '/property',
    'enabled, privacy, bitrate, frameRate, brightness, power_line_frequency',
  ],
  ['stream/set', { name: 'camera', property: 'enabled', value: 1 }, 'invalid_request', '/value', '1', 'true or false'],
  ['stream/set', { name: 'camera', property: 'bitrate', value: 5.5e6 + 0.5 }, 'invalid_request', '/value', 'integer'],
  ['stream/set', { name: 'camera', property: 'frameRate', value: 0 }, 'invalid_request', '/value', '1 to 240'],
  ['stream/set', { name: 'camera', property: 'frameRate', value: 'fast' }, 'invalid_request', '/value', 'fast'],
  ['stream/set', { name: 'camera', property: 'brightness', value: 256 }, 'invalid_request', '/value', '256'],
  ['stream/set', { name: 'camera', property: 'constructor', value: 1 }, 'not_found', '/property'],
  [
    'track/apply-constraints',
    {
      name: 'camera',
      kind: 'video',
      constraints: {
        aspectRatio: { min: 1, max: 2, ideal: 1.5 },
        advanced: [{ aspectRatio: 1.25 }, { aspectRatio: 3 }],
      },
    },
    'invalid_request',
    '/constraints/aspectRatio',
    '5',
    '4',
  ],
  ['session/close', { id: 'x' }, 'not_found', '/id', 'x'],
  ['webrtc/offer', { stream: 'camera' }, 'invalid_request', '/sdp', 'missing'],
  ['', {}, 'unknown_command', undefined],
  ['toString', {}, 'unknown_command', undefined],
  ['gateway/info', { transaction: 5 }, 'invalid_request', '/transaction', 'string'],
  ['gateway/info', { transaction: 'x'.repeat(201) }, 'invalid_request', '/transaction', '200'],
  ['gateway/info', { deadline: 'soon' }, 'invalid_request', '/deadline', '2026-01-31T12:00:00Z'],
  ['gateway/info', { deadline: '2026-01-01T00:00:00' }, 'invalid_request', '/deadline'],
  ['gateway/info', { deadline: '2025-12-31T23:59:59Z' }, 'expired', '/deadline', '2026-01-01'],
  ['gateway/info', `{"a":${'['.repeat(16)}${']'.repeat(16)}}`, 'invalid_request', '', '16'],
  ['gateway/info', ' '.repeat(65_537), 'invalid_request', '', '65536'],
];
for (const [command, payload, code, path, ...words] of BAD) {
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
  test(`refused: ${command} ${text.slice(0, 60)}`, async (t) => {
    const { ask, gateway } = world();
    refused(t, await ask(command, payload), code, path, ...words);
    t.same(gateway.calls, [], 'nothing was done');
    t.ok((CONTROL_ERROR_CODES as readonly string[]).includes(code));
  });
}

test('a wrong request keeps its transaction', async (t) => {
  const { ask } = world();
  t.equal((await ask('stream/get', { name: 7, transaction: 'x' })).transaction, 'x');
  t.equal((await ask('nonsense', { transaction: 'x' })).transaction, 'x');
  t.equal((await ask('gateway/info', { transaction: 'x' }, { retained: true })).transaction, 'x');
  t.equal((await ask('gateway/info', { deadline: 'soon', transaction: 'x' })).transaction, 'x');
});

test('brackets inside of strings are no nesting', async (t) => {
  const { ask } = world();
  t.equal((await ask('gateway/info', { transaction: `${'[['.repeat(20)}\\"[` })).status, 'ok');
});

test('deadline and message expiry', async (t) => {
  const { ask, clock } = world();
  t.equal((await ask('gateway/info', { deadline: '2026-01-01T01:00:01+01:00' })).status, 'ok');
  clock.advance(2000);
  refused(t, await ask('gateway/info', { deadline: '2026-01-01T01:00:01+01:00' }), 'expired', '/deadline');
  t.equal((await ask('gateway/info', {}, { expiresAt: clock.now() + 1 })).status, 'ok');
  refused(t, await ask('gateway/info', {}, { expiresAt: clock.now() }), 'expired', undefined);
});

test('retained requests are refused', async (t) => {
  const { ask, gateway } = world();
  refused(t, await ask('gateway/restart', {}, { retained: true }), 'invalid_request', undefined, 'retained');
  t.same(gateway.calls, []);
});

test('a repeated request is answered from memory for five minutes', async (t) => {
  const { ask, gateway, clock } = world();
  const request = { name: 'camera', transaction: 'a' };
  const [first, second] = await Promise.all([ask('stream/keyframe', request), ask('stream/keyframe', request)]);
  t.same(first, second, 'also while it is carried out');
  t.same(gateway.calls, ['keyframe camera']);
  await ask('stream/keyframe', { name: 'camera' }, { correlation: 'c' });
  await ask('stream/keyframe', { name: 'camera' }, { correlation: 'c' });
  t.equal(gateway.calls.length, 2, 'by correlation as well');
  await ask('stream/keyframe', { name: 'camera' }, { correlation: 'd' });
  t.equal(gateway.calls.length, 3, 'another sender');
  await ask('stream/stop', { name: 'camera' }, { correlation: 'c' });
  t.equal(gateway.calls.length, 4, 'another command');
  clock.advance(ANSWER_MEMORY + 1);
  await ask('stream/keyframe', request);
  t.equal(gateway.calls.length, 5, 'later it is a new one');
});

test('what takes too long is answered with timeout, once', async (t) => {
  const { ask, gateway, clock } = world();
  let go = (): void => undefined;
  gateway.startDelay = new Promise((resolve) => {
    go = resolve;
  });
  const answer = ask('stream/start', { name: 'camera' });
  await new Promise(setImmediate);
  clock.advance(20_000);
  refused(t, await answer, 'timeout', undefined, '20 s');
  go();
});

test('no more than 32 at once', async (t) => {
  const { ask, gateway, clock } = world();
  let go = (): void => undefined;
  gateway.startDelay = new Promise((resolve) => {
    go = resolve;
  });
  const request = (index: number) => ({ name: 'camera', transaction: `t${index}` });
  const asked = Array.from({ length: 33 }, (_, index) => ask('stream/start', request(index)));
  refused(t, await (asked[32] as Promise<Answer>), 'busy', undefined);
  go();
  for (const answer of await Promise.all(asked.slice(0, 32))) t.equal(answer.status, 'ok');
  t.equal((await ask('stream/start', request(32))).status, 'ok', 'free again, also for the one that was refused');
  t.equal(clock.pending, 0, 'no timer is left');
});

test('no more than 100 in a burst, 20 a second for long', async (t) => {
  const { ask, clock } = world();
  for (let i = 0; i < 100; i++) t.equal((await ask('gateway/info', {})).status, 'ok');
  refused(t, await ask('gateway/info', {}), 'busy', undefined);
  clock.advance(100);
  t.equal((await ask('gateway/info', {})).status, 'ok');
  t.equal((await ask('gateway/info', {})).status, 'ok');
  refused(t, await ask('gateway/info', {}), 'busy', undefined);
});

test('what the gateway did not foresee is internal, without its words', async (t) => {
  const { ask, gateway } = world();
  gateway.info = () => {
    throw new TypeError('cannot read /secret/path');
  };
  const answer = await ask('gateway/info', {});
  refused(t, answer, 'internal', undefined);
  t.notMatch(JSON.stringify(answer), /secret/);
});

test('a restart comes after its answer, and once', async (t) => {
  const { controller, sink, gateway } = world();
  const request = {
    command: 'gateway/restart',
    payload: Buffer.from('{"transaction":"x"}'),
    sender: 'mqtt',
    retained: false,
  };
  const [first, second] = [await controller.execute(request, sink), await controller.execute(request, sink)];
  t.same(gateway.calls, []);
  first.afterwards?.();
  first.afterwards?.();
  second.afterwards?.();
  t.same(gateway.calls, ['restart']);
});

test('a snapshot goes where the request came from', async (t) => {
  const { ask, gateway, pictures } = world();
  const answer = await ask('stream/snapshot', { name: 'camera' });
  t.same(answer, { status: 'ok', data: { topic: 'topic/camera', size: 4, width: 640, height: 480 } });
  t.same(pictures, [{ name: 'camera', jpeg: gateway.jpeg }]);
});

test('the log is watched for a while', async (t) => {
  const { ask, gateway, lines, clock, controller } = world();
  const log = (message: string) => {
    const line = JSON.stringify({ level: 'warn', time: 'now', msg: message });
    for (const listener of gateway.logListeners.keys()) listener(`${line}\n`);
  };
  t.same(await ask('log/tail', { level: 'warn', seconds: 10 }), {
    status: 'ok',
    data: { topic: 'topic/log', level: 'warn', seconds: 10 },
  });
  t.same([...gateway.logListeners.values()], ['warn']);
  log('one');
  t.same(lines, ['{"level":"warn","time":"now","msg":"one"}']);
  for (let i = 0; i < 200; i++) log('flood');
  t.equal(lines.length, 100, 'no more than a burst at once');
  clock.advance(50);
  log('after');
  t.match(JSON.parse(lines.at(-1) ?? ''), { msg: 'after', dropped: 101 }, 'says what was left out');
  clock.advance(1000);
  log('x'.repeat(20_000));
  t.ok((lines.at(-1) ?? '').length < 8192, 'long lines are cut');
  t.match(JSON.parse(lines.at(-1) ?? ''), { level: 'warn', truncated: true });

  await ask('log/tail', { level: 'debug', seconds: 5 });
  t.same([...gateway.logListeners.values()], ['debug'], 'one watch at a time');
  clock.advance(5000);
  t.equal(gateway.logListeners.size, 0, 'it ends by itself');
  await ask('log/tail', {});
  t.same([...gateway.logListeners.values()], ['info'], 'the level of the log');
  await ask('log/tail', { seconds: 0 });
  t.equal(gateway.logListeners.size, 0, 'it can be ended');
  await ask('log/tail', {});
  controller.stop();
  t.equal(gateway.logListeners.size, 0, 'it ends with the controller');
  t.equal(clock.pending, 0);
});

test('the level of the log', async (t) => {
  const { ask, gateway } = world();
  t.same(await ask('log/level', {}), { status: 'ok', data: { level: 'info' } });
  t.same(await ask('log/level', { level: 'debug' }), { status: 'ok', data: { level: 'debug' } });
  t.equal(gateway.log.level, 'debug');
});

test('controls of a camera: numbers, words and switches, all or none', async (t) => {
  const { ask, gateway } = world();
  const set = (controls: object) => ask('device/set-controls', { deviceId: 'a1b2', controls });
  t.match(await set({ brightness: 7, power_line_frequency: 'disabled' }), {
    status: 'ok',
    data: { deviceId: 'a1b2', controls: [{ name: 'brightness', value: 7 }, { value: 0 }] },
  });
  t.match(await set({ brightness: 8, power_line_frequency: '60 Hz' }), { status: 'error' });
  t.same(gateway.calls, ['controls {"brightness":7,"power_line_frequency":0}']);
});

test('properties of a stream', async (t) => {
  const { ask, gateway } = world();
  const set = (property: string, value: unknown) => ask('stream/set', { name: 'camera', property, value });
  t.match(await set('enabled', false), { status: 'ok', data: { name: 'camera', enabled: false } });
  t.match(await set('privacy', true), { status: 'ok', data: { state: 'privacy' } });
  t.match(await set('bitrate', 500_000), { status: 'ok' });
  t.match(await set('frameRate', 12.5), { status: 'ok' });
  t.match(await set('power_line_frequency', 'disabled'), { status: 'ok' });
  t.match(await set('brightness', 3), { status: 'ok' });
  t.same(gateway.calls, [
    'enabled camera false',
    'encoding camera {"maxBitrate":500000}',
    'encoding camera {"maxFramerate":12.5}',
    'controls {"power_line_frequency":0}',
    'controls {"brightness":3}',
  ]);
});
