/** Every example of docs/library.md, run as a program of its own over test devices. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { decode, runPlayer, until } from './support/player.ts';
import { projectRoot } from './support/project-root.ts';

const ROOT = projectRoot();

interface Example {
  heading: string;
  code: string;
}

const EXAMPLES: readonly Example[] = readFileSync(join(ROOT, 'docs/library.md'), 'utf8')
  .split(/^## /m)
  .slice(1)
  .flatMap((section) =>
    [...section.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code = '']) => ({
      heading: section.split('\n', 1)[0] as string,
      code,
    })),
  );

interface Running {
  folder: string;
  child: ChildProcess;
  output: () => string;
  exit: Promise<unknown>;
}

function start(t: Test, { code }: Example): Running {
  const folder = mkdtempSync(join(tmpdir(), 'vedette-example-'));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(ROOT, join(folder, 'node_modules/vedette'));
  writeFileSync(join(folder, 'example.mjs'), code);
  // The package is found by its link, as npm puts it; its dependencies lie beside it.
  const child = spawn(process.execPath, ['example.mjs'], {
    cwd: folder,
    env: { ...process.env, VEDETTE_TEST_DEVICES: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (text) => (output += text));
  child.stderr.on('data', (text) => (output += text));
  t.teardown(() => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });
  return { folder, child, output: () => output, exit: once(child, 'exit') };
}

/** What more is to be seen of some; the others have to end by themselves. */
const CHECKS: Record<string, (t: Test, running: Running) => Promise<void>> = {
  'A USB camera as RTSP and WebRTC, in ten lines': async (t, { child, output, exit }) => {
    t.ok(await until(() => /In a browser/.test(output()), 30_000), output());
    const rtsp = /rtsp:\S+/.exec(output())?.[0] ?? '';
    const { video, audio, errors } = await decode(rtsp, 2);
    t.ok(video > 20 && audio > 50, `${video} pictures, ${audio} frames of sound; ${errors}`);
    const page = /http:\S+/.exec(output())?.[0] ?? '';
    const { origin } = new URL(page);
    t.equal((await fetch(page)).status, 200);
    const snapshot = await fetch(`${origin}/streams/front/snapshot.jpg`);
    t.equal(snapshot.headers.get('content-type'), 'image/jpeg');
    t.ok((await snapshot.arrayBuffer()).byteLength > 5000);
    t.match(await (await fetch(`${origin}/streams`)).json(), {
      streams: [{ name: 'front', state: 'live', tracks: [{ kind: 'audio' }, { kind: 'video' }] }],
    });
    const whep = await fetch(`${origin}/streams/front/whep`, { method: 'POST', body: 'no offer' });
    t.equal(whep.status, 415, 'there is a WHEP endpoint');
    child.kill('SIGINT');
    t.same(await exit, [0, null], 'ends by itself');
  },
  'Pictures of your own': async (t, { child, output, exit }) => {
    t.ok(await until(() => /rtsp:/.test(output()), 30_000), output());
    const { video, errors } = await decode(output().trim(), 2);
    t.ok(video >= 8, `${video} pictures; ${errors}`);
    child.kill('SIGINT');
    t.same(await exit, [0, null]);
  },
  'Which devices are there': async (t, { output, exit }) => {
    t.same(await exit, [0, null], 'waiting for devices keeps no program alive');
    t.match(output(), /videoinput/);
    t.match(output(), /audioinput/);
  },
  Constraints: async (t, { output, exit }) => {
    t.same(await exit, [0, null], output());
    t.match(output(), /width: 1280/);
    t.match(output(), /240 1280/);
    t.match(output(), /^width - /m);
  },
  'Photos, raw pictures, controls of the camera': async (t, { folder, output, exit }) => {
    t.same(await exit, [0, null], output());
    t.match(output(), /\d+x\d+, the first pixel is \[ \d+, \d+, \d+, 255 \]/);
    t.equal(readFileSync(join(folder, 'photo.jpg')).readUInt16BE(0), 0xffd8);
  },
  Recording: async (t, { folder, output, exit }) => {
    t.same(await exit, [0, null], output());
    t.ok(existsSync(join(folder, 'clip.mp4')));
    const { stdout } = await runPlayer('ffprobe', [
      ...'-v error -show_entries stream=codec_name:format=duration -of csv=p=0'.split(' '),
      join(folder, 'clip.mp4'),
    ]);
    t.match(stdout, /h264/);
    t.match(stdout, /opus/);
    t.ok(Math.abs(Number(stdout.trim().split('\n').at(-1)) - 4) < 1.5, stdout);
  },
};

test('there are examples', async (t) => {
  t.ok(EXAMPLES.length >= 8);
  for (const heading of Object.keys(CHECKS))
    t.ok(
      EXAMPLES.some((example) => example.heading === heading),
      heading,
    );
});

for (const example of EXAMPLES)
  test(example.heading, async (t) => {
    const running = start(t, example);
    const check = CHECKS[example.heading];
    if (check !== undefined) await check(t, running);
    else t.same(await running.exit, [0, null], running.output());
  });
