import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import type { HookSettings } from '../../config/settings.ts';
import { type HookEvent, Hooks } from '../../daemon/hooks/hooks.ts';
import { until } from '../support/mosquitto.ts';
import { alive } from '../support/player.ts';
import { type LogEntry, recordingLog } from '../support/recording-log.ts';

const EVENT: HookEvent = { type: 'stream_state', stream: 'front', data: { from: 'idle', to: 'live' } };

/** One hook over a real program; `$OUT` in the script is a file of ours. */
async function world(t: Test, script: string, settings: Partial<HookSettings> = {}) {
  const directory = await mkdtemp(join(tmpdir(), 'vedette-hooks-'));
  const out = join(directory, 'out');
  const program = join(directory, 'program');
  await writeFile(program, `#!/bin/sh\nOUT=${out}\n${script}\n`);
  await chmod(program, 0o755);
  const entries: LogEntry[] = [];
  const hook: HookSettings = {
    on: ['stream_state'],
    streams: [],
    run: [program],
    timeLimit: 30,
    concurrency: 1,
    ...settings,
  };
  const options = { settings: { notify: hook }, gatewayId: 'porch', directory, log: recordingLog(entries) };
  const hooks = new Hooks(options);
  t.teardown(async () => {
    await hooks.stop();
    await rm(directory, { recursive: true });
  });
  const said = async () => (await readFile(out, 'utf8').catch(() => '')).split('\n').filter((line) => line !== '');
  return { hooks, program, directory, entries, said };
}

test('the event on standard input, facts in the environment, arguments as they stand, output in the log', async (t) => {
  process.env.VEDETTE_MQTT_PASSWORD = 'planted-7f3a';
  t.teardown(() => delete process.env.VEDETTE_MQTT_PASSWORD);
  const { hooks, directory, program, entries, said } = await world(
    t,
    'cat >> $OUT; env | sort >> $OUT; for a in "$@"; do echo "[$a]" >> $OUT; done; pwd >> $OUT; echo hello; echo oops >&2; exit 3',
  );
  const args = ['$(reboot)', '; reboot', 'two words', 'two words', ''];
  const other = new Hooks({
    settings: { notify: { on: ['stream_state'], streams: [], run: [program, ...args], timeLimit: 30, concurrency: 1 } },
    gatewayId: 'porch',
    directory,
    log: recordingLog(entries),
  });
  t.teardown(() => other.stop());
  other.event(EVENT);
  await until(() => entries.some(({ message }) => message === 'hook ended by exit code 3'), 'the end');
  const [input, ...lines] = await said();
  t.strictSame(JSON.parse(input ?? ''), EVENT);
  t.strictSame(
    lines.filter((line) => line.startsWith('[')),
    args.map((arg) => `[${arg}]`),
  );
  for (const line of [
    'VEDETTE_EVENT=stream_state',
    'VEDETTE_STREAM=front',
    'VEDETTE_STATE=live',
    'VEDETTE_GATEWAY=porch',
    `HOME=${directory}`,
    directory,
  ])
    t.ok(lines.includes(line), line);
  t.notMatch(lines.join('\n'), /planted|VEDETTE_MQTT/, "no secret of the gateway's own");
  await until(() => entries.some(({ message }) => message === 'hello'), 'its output');
  t.match(
    entries
      .filter(({ level }) => level !== 'debug')
      .map(({ message }) => message)
      .sort(),
    ['hello', 'hook ended by exit code 3', 'oops'],
  );
  t.match(entries[0]?.fields, { hook: 'notify', type: 'stream_state' });
  hooks.event({ type: 'viewer_joined', stream: 'front' });
});

test('only the events and streams that are named', async (t) => {
  const script = 'echo "$VEDETTE_EVENT $VEDETTE_STREAM" >> $OUT';
  const { hooks, said } = await world(t, script, { on: ['viewer_joined', 'health'], streams: ['front'] });
  hooks.event(EVENT);
  hooks.event({ type: 'viewer_joined', stream: 'back' });
  hooks.event({ type: 'health' });
  hooks.event({ type: 'viewer_joined', stream: 'front' });
  await until(async () => (await said()).length > 0, 'the run');
  t.strictSame(await said(), ['viewer_joined front']);
});

test('one at a time, in order; more than can wait are dropped', async (t) => {
  const script = 'n=$(cat | tr -dc 0-9); echo "begin $n" >> $OUT; sleep 0.02; echo "end $n" >> $OUT';
  const { hooks, entries, said } = await world(t, script);
  for (let i = 1; i <= 20; i++) hooks.event({ type: 'stream_state', data: { i } });
  t.equal(entries.filter(({ message }) => /one more is dropped/.test(message)).length, 3);
  await until(async () => (await said()).length === 34, 'all that waited', 40_000);
  t.strictSame(await said(), Array.from({ length: 17 }, (_, i) => [`begin ${i + 1}`, `end ${i + 1}`]).flat());
});

test('as many at once as are allowed', async (t) => {
  // Each waits until there are three.
  const script = 'echo x >> $OUT; while [ $(wc -l < $OUT) -lt 3 ]; do sleep 0.02; done; echo done >> $OUT.done';
  const { hooks, directory } = await world(t, script, { concurrency: 3 });
  for (let i = 0; i < 3; i++) hooks.event(EVENT);
  const done = async () => (await readFile(join(directory, 'out.done'), 'utf8').catch(() => '')).length;
  await until(async () => (await done()) === 15, 'all three', 40_000);
  t.pass();
});

test('the time limit ends it, with what it started', async (t) => {
  const script = 'trap "" TERM; sleep 1000 & echo $! >> $OUT; echo $$ >> $OUT; while :; do sleep 0.1; done';
  const { hooks, entries, said } = await world(t, script, { timeLimit: 1 });
  hooks.event(EVENT);
  await until(async () => (await said()).length === 2, 'the run');
  const pids = (await said()).map(Number);
  await until(() => entries.some(({ message }) => message === 'hook ended after its 1 s'), 'the end');
  await until(() => !pids.some(alive), 'nothing is left');
  t.match(entries.at(-1), { level: 'warn', fields: { signal: 'SIGKILL' } });
});

test('a program that is not there, or does not read, is a line in the log', async (t) => {
  const { hooks, entries } = await world(t, 'exec <&-; exit 0', {});
  hooks.event({ ...EVENT, data: { fill: 'x'.repeat(200_000) } });
  await until(() => entries.length > 0, 'the end');
  t.match(entries, [{ level: 'debug', message: 'hook ended by exit code 0' }]);
  const missing = await world(t, '', { run: ['/no/such/program'] });
  missing.hooks.event(EVENT);
  await until(() => missing.entries.some(({ level }) => level === 'warn'), 'the end');
  t.match(missing.entries.map(({ message }) => message).join('\n'), /no such file/i);
});

test('stop ends what runs, and nothing begins any more', async (t) => {
  const { hooks, said } = await world(t, 'echo $$ >> $OUT; sleep 1000 & wait', { concurrency: 2 });
  for (let i = 0; i < 5; i++) hooks.event(EVENT);
  await until(async () => (await said()).length === 2, 'two run');
  await hooks.stop();
  await hooks.stop();
  hooks.event(EVENT);
  const pids = (await said()).map(Number);
  t.equal(pids.length, 2);
  t.notOk(pids.some(alive));
});
