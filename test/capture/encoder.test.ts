import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { type EncoderFailure, EncoderSelector } from '../../daemon/capture/encoder.ts';
import { gstreamerEnvironment } from '../../daemon/capture/gstreamer-environment.ts';
import { failureBy } from '../../daemon/capture/worker-messages.ts';
import { silentLog } from '../../daemon/lib/log.ts';
import { ManualClock } from '../support/manual-clock.ts';

const clock = new ManualClock();

interface Machine {
  selector: () => EncoderSelector;
  state: string;
  /** The file of every plug-in. */
  plugin: string;
  failures: EncoderFailure[];
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
  await writeFile(join(root, 'plugin.so'), '');
  await program(
    'gst-inspect-1.0',
    `for e in ${exists.join(' ')}; do [ "$1" = "$e" ] && printf 'Plugin Details:\\n  Filename  %s\\n  Version   1.22.0\\n' ${root}/plugin.so && exit 0; done; exit 1\n`,
  );
  await program(
    'gst-launch-1.0',
    `for e in ${works.join(' ')}; do case "$*" in *"! $e "*) exit 0;; esac; done; echo "ERROR: from element /GstPipeline:pipeline0/x: Could not initialize supporting library." >&2; exit 1\n`,
  );
  const failures: EncoderFailure[] = [];
  return {
    state,
    plugin: join(root, 'plugin.so'),
    failures,
    selector: () =>
      new EncoderSelector({
        stateDirectory: state,
        environment: { PATH: `${bin}:${process.env.PATH}` },
        log: silentLog,
        dev,
        clock,
        failed: (failure) => failures.push(failure),
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
    t.same(await encoders.choose('h264'), working, name);
    t.equal(working[0], chosen);
    t.same(
      encoders
        .report()
        .filter(({ failed }) => failed === undefined)
        .map(({ name, chosen }) => [name, chosen]),
      working.map((name, i) => [name, i === 0]),
      name,
    );
  }
});

test('hardware that does not work is told with its reason', async (t) => {
  const { selector } = await machine(t, ['video11'], ['v4l2h264enc', 'x264enc'], []);
  const encoders = selector();
  await encoders.choose('h264');
  t.same(encoders.report(), [
    {
      name: 'v4l2h264enc',
      codec: 'h264',
      hardware: true,
      chosen: false,
      version: '1.22.0',
      failed: 'Could not initialize supporting library.',
    },
    { name: 'x264enc', codec: 'h264', hardware: false, chosen: true, version: '1.22.0' },
  ]);
});

test('the result is kept from start to start, until a plug-in is replaced or it is distrusted', async (t) => {
  const { selector, calls, state, plugin } = await machine(t, ['video11'], ['v4l2h264enc', 'x264enc'], ['v4l2h264enc']);
  const trials = async (): Promise<number> => (await calls()).filter((line) => line.startsWith('gst-launch')).length;
  const kept = async (): Promise<string> => readFile(join(state, 'encoders.json'), 'utf8').catch(() => '');
  await selector().choose('h264');
  t.equal(await trials(), 1);
  await until(async () => (await kept()) !== '');
  const second = selector();
  t.same(await second.choose('h264'), ['v4l2h264enc', 'x264enc']);
  await second.choose('h264');
  t.equal(await trials(), 1, 'not tried again');
  t.match(second.report()[0], { name: 'v4l2h264enc', version: '1.22.0' }, 'and told with its version');
  second.distrust();
  t.same(await second.choose('h264'), ['v4l2h264enc', 'x264enc']);
  t.equal(await trials(), 2);

  const before = await kept();
  await writeFile(plugin, 'of another version');
  t.same(await selector().choose('h264'), ['v4l2h264enc', 'x264enc']);
  t.equal(await trials(), 3, 'the file of the plug-in is another one');
  await until(async () => (await kept()) !== before);
  await selector().choose('h264');
  t.equal(await trials(), 3);
  await writeFile(join(state, 'encoders.json'), '{"key": 1, "codecs": "x264enc"}');
  t.same(await selector().choose('h264'), ['v4l2h264enc', 'x264enc'], 'a broken file is no harm');
});

test('an encoder that fails while it runs rests for a while, and it is told; the last one never does', async (t) => {
  const { selector, failures } = await machine(t, ['video11'], ['v4l2h264enc', 'x264enc'], ['v4l2h264enc']);
  const encoders = selector();
  t.same(await encoders.choose('h264'), ['v4l2h264enc', 'x264enc']);
  encoders.failed('v4l2h264enc', 'no room for one more');
  t.same(await encoders.choose('h264'), ['x264enc']);
  t.match(encoders.report(), [
    { name: 'v4l2h264enc', hardware: true, chosen: false, failed: 'no room for one more' },
    { name: 'x264enc', hardware: false, chosen: true },
  ]);
  const told = {
    encoder: 'v4l2h264enc',
    codec: 'h264',
    reason: 'no room for one more',
    replacement: 'x264enc',
    rests: 600,
  };
  t.same(failures, [told]);
  encoders.failed('x264enc', 'out of memory');
  t.same(await encoders.choose('h264'), ['x264enc'], 'there is no other');
  t.equal(failures.length, 1);
  clock.advance(10 * 60_000);
  t.same(await encoders.choose('h264'), ['v4l2h264enc', 'x264enc'], 'and it is tried again');
});

test('every codec has its own encoders; for one that has none: what is missing and what there is', async (t) => {
  const { selector } = await machine(
    t,
    ['video11'],
    ['x264enc', 'v4l2h265enc', 'vp8enc', 'v4l2jpegenc', 'jpegenc'],
    ['v4l2jpegenc'],
  );
  const encoders = selector();
  t.same(await encoders.choose('mjpeg'), ['v4l2jpegenc', 'jpegenc']);
  t.equal(encoders.problem('h265'), undefined, 'nobody has asked');
  const message =
    'h265 cannot be encoded here: install gstreamer1.0-plugins-bad (x265enc), or use hardware that encodes it; this machine encodes h264, vp8, mjpeg';
  await t.rejects(encoders.choose('h265'), { code: 'not-installed', message });
  t.equal(encoders.problem('h265'), message);
  t.same(await encoders.choose('vp8'), ['vp8enc']);
  const sorted = encoders.codecs().sort((one, other) => one.codec.localeCompare(other.codec));
  t.same(sorted, [
    { codec: 'h264', encodes: true },
    { codec: 'h265', encodes: false, reason: message },
    { codec: 'mjpeg', encodes: true },
    { codec: 'vp8', encodes: true },
  ]);
});

test('whose error it is', async (t) => {
  for (const [element, reason] of [
    ['encoder0', { reason: 'encoder', track: 0 }],
    ['encoder12', { reason: 'encoder', track: 12 }],
    ['source', { reason: 'stream' }],
    ['myencoder0', { reason: 'stream' }],
    [undefined, { reason: 'stream' }],
  ] as const)
    t.same(failureBy(element), reason, String(element));
});

test('nothing works: what to install, and another look the next time', async (t) => {
  const { selector } = await machine(t, [], [], []);
  const encoders = selector();
  await t.rejects(encoders.choose('h264'), { code: 'not-installed', message: /gstreamer1.0-plugins-ugly/ });
  await t.rejects(encoders.choose('h264'), { code: 'not-installed' });
  const without = new EncoderSelector({
    stateDirectory: '/nonexistent',
    environment: { PATH: '/nonexistent' },
    log: silentLog,
  });
  await t.rejects(without.choose('h264'), { code: 'not-installed', message: /gstreamer1.0-tools/ });
});

test('on this machine, as a service without a home', async (t) => {
  const state = await mkdtemp(join(tmpdir(), 'vedette-test-'));
  t.teardown(() => rm(state, { recursive: true, maxRetries: 3 }));
  const environment = gstreamerEnvironment(state, {});
  const encoders = new EncoderSelector({ stateDirectory: state, environment, log: silentLog });
  t.match((await encoders.choose('h264'))[0], /h264enc|x264enc/);
  await encoders.survey();
  t.same(
    encoders
      .codecs()
      .filter(({ encodes }) => encodes)
      .map(({ codec }) => codec),
    ['h264', 'h265', 'vp8', 'mjpeg'],
    'all that the packages of the tests bring',
  );
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
