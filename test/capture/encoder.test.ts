import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { EncoderSelector } from '../../daemon/capture/encoder.ts';
import { gstreamerEnvironment } from '../../daemon/capture/gstreamer-environment.ts';
import { failureBy } from '../../daemon/capture/worker-messages.ts';
import { silentLog } from '../../daemon/lib/log.ts';
import { ManualClock } from '../support/manual-clock.ts';

const clock = new ManualClock();

interface Machine {
  selector: () => EncoderSelector;
  state: string;
  /** Programs that were started, one a line. */
  calls: () => Promise<string[]>;
}

/** The real selector over programs of our own in place of GStreamer's, which note their calls. */
async function machine(t: Test, nodes: string[], exists: string[], works: string[]): Promise<Machine> {
  const root = await mkdtemp(join(tmpdir(), 'vedette-test-'));
  t.teardown(() => rm(root, { recursive: true, maxRetries: 5 }));
  const [bin, dev, state] = [join(root, 'bin'), join(root, 'dev'), join(root, 'state')];
  await Promise.all([bin, join(dev, 'dri'), state].map((directory) => mkdir(directory, { recursive: true })));
  for (const node of nodes) await writeFile(join(dev, node), '');
  const program = async (name: string, body: string): Promise<void> => {
    await writeFile(join(bin, name), `#!/bin/sh\necho "${name} $*" >> ${root}/calls\n${body}`);
    await chmod(join(bin, name), 0o755);
  };
  await program(
    'gst-inspect-1.0',
    `case "$*" in --version) echo "gst-inspect-1.0 version 1.22.0";; *) for e in ${exists.join(' ')}; do [ "$2" = "$e" ] && exit 0; done; exit 1;; esac\n`,
  );
  await program(
    'gst-launch-1.0',
    `for e in ${works.join(' ')}; do case "$*" in *"! $e "*) exit 0;; esac; done; exit 1\n`,
  );
  return {
    state,
    selector: () =>
      new EncoderSelector({
        stateDirectory: state,
        environment: { PATH: `${bin}:${process.env.PATH}` },
        log: silentLog,
        dev,
        clock,
      }),
    calls: async () => (await readFile(join(root, 'calls'), 'utf8').catch(() => '')).trim().split('\n'),
  };
}

test('which encoder is chosen', async (t) => {
  const software = ['x264enc', 'openh264enc'];
  const table: {
    name: string;
    nodes: string[];
    exists: string[];
    works: string[];
    chosen: string;
    working: string[];
  }[] = [
    { name: 'no hardware', nodes: [], exists: software, works: [], chosen: 'x264enc', working: software },
    {
      name: 'hardware elements without a device',
      nodes: [],
      exists: ['vah264enc', ...software],
      works: ['vah264enc'],
      chosen: 'x264enc',
      working: software,
    },
    {
      name: 'Raspberry Pi',
      nodes: ['video11'],
      exists: ['v4l2h264enc', ...software],
      works: ['v4l2h264enc'],
      chosen: 'v4l2h264enc',
      working: ['v4l2h264enc', ...software],
    },
    {
      name: 'hardware that does not work',
      nodes: ['video11'],
      exists: ['v4l2h264enc', ...software],
      works: [],
      chosen: 'x264enc',
      working: software,
    },
    {
      name: 'the second hardware works',
      nodes: ['dri/renderD128'],
      exists: ['vah264enc', 'vaapih264enc', 'x264enc'],
      works: ['vaapih264enc'],
      chosen: 'vaapih264enc',
      working: ['vaapih264enc', 'x264enc'],
    },
    {
      name: 'openh264 only',
      nodes: [],
      exists: ['openh264enc'],
      works: [],
      chosen: 'openh264enc',
      working: ['openh264enc'],
    },
  ];
  for (const { name, nodes, exists, works, chosen, working } of table) {
    const { selector } = await machine(t, nodes, exists, works);
    const encoders = selector();
    t.same(encoders.report(), []);
    t.equal(await encoders.choose(), chosen, name);
    t.same(
      encoders.report().map(({ name, chosen }) => [name, chosen]),
      working.map((name, i) => [name, i === 0]),
      name,
    );
  }
});

test('the result is kept from start to start, until it is distrusted', async (t) => {
  const { selector, calls, state } = await machine(t, ['video11'], ['v4l2h264enc', 'x264enc'], ['v4l2h264enc']);
  await selector().choose();
  const trials = (lines: string[]): number => lines.filter((line) => line.startsWith('gst-launch')).length;
  t.equal(trials(await calls()), 1);
  await until(async () => (await readFile(join(state, 'encoders.json'), 'utf8').catch(() => '')) !== '');
  const second = selector();
  t.equal(await second.choose(), 'v4l2h264enc');
  t.equal(await second.choose(), 'v4l2h264enc');
  t.equal(trials(await calls()), 1, 'not tried again');
  second.distrust();
  t.equal(await second.choose(), 'v4l2h264enc');
  t.equal(trials(await calls()), 2);
  await writeFile(join(state, 'encoders.json'), '{"key": 1, "working": "x264enc"}');
  t.equal(await selector().choose(), 'v4l2h264enc', 'a broken file is no harm');
});

test('an encoder that fails while it runs rests for a while; the last one never does', async (t) => {
  const { selector } = await machine(t, ['video11'], ['v4l2h264enc', 'x264enc'], ['v4l2h264enc']);
  const encoders = selector();
  t.equal(await encoders.choose(), 'v4l2h264enc');
  encoders.failed('v4l2h264enc', 'no room for one more');
  t.equal(await encoders.choose(), 'x264enc');
  t.same(encoders.report(), [
    { name: 'v4l2h264enc', hardware: true, chosen: false, failed: 'no room for one more' },
    { name: 'x264enc', hardware: false, chosen: true },
  ]);
  encoders.failed('x264enc', 'out of memory');
  t.equal(await encoders.choose(), 'x264enc', 'there is no other');
  clock.advance(10 * 60_000);
  t.equal(await encoders.choose(), 'v4l2h264enc', 'and it is tried again');
});

test('whose error it is', async (t) => {
  for (const [element, reason] of [
    ['encoder0', 'encoder'],
    ['encoder12', 'encoder'],
    ['source', 'stream'],
    ['myencoder0', 'stream'],
    [undefined, 'stream'],
  ] as const)
    t.equal(failureBy(element), reason, String(element));
});

test('nothing works: what to install, and another look the next time', async (t) => {
  const { selector } = await machine(t, [], [], []);
  const encoders = selector();
  await t.rejects(encoders.choose(), { code: 'not-installed', message: /gstreamer1.0-plugins-ugly/ });
  await t.rejects(encoders.choose(), { code: 'not-installed' });
  const without = new EncoderSelector({
    stateDirectory: '/nonexistent',
    environment: { PATH: '/nonexistent' },
    log: silentLog,
  });
  await t.rejects(without.choose(), { code: 'not-installed', message: /gstreamer1.0-tools/ });
});

test('on this machine, as a service without a home', async (t) => {
  const state = await mkdtemp(join(tmpdir(), 'vedette-test-'));
  t.teardown(() => rm(state, { recursive: true, maxRetries: 3 }));
  const environment = gstreamerEnvironment(state, {});
  const encoders = new EncoderSelector({ stateDirectory: state, environment, log: silentLog });
  t.match(await encoders.choose(), /h264enc|x264enc/);
  t.ok((await readFile(environment.GST_REGISTRY ?? '')).length > 10_000, 'the registry of plug-ins is warm');
  await until(async () => (await readFile(join(state, 'encoders.json'), 'utf8').catch(() => '')) !== '');
});

test('the registry of plug-ins stays where the environment has it', async (t) => {
  for (const env of [{ HOME: '/root' }, { XDG_CACHE_HOME: '/cache' }, { GST_REGISTRY: '/r' }])
    t.notHas(gstreamerEnvironment('/state', env), { GST_REGISTRY: String });
});

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 500 && !(await condition()); i++) await new Promise((resolve) => setTimeout(resolve, 20));
}
