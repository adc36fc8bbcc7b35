/** The package as programs import it, each in a process of its own: that nothing runs on import shows in its end. */
import { spawnSync } from 'node:child_process';
import { test } from 'tap';
import { projectRoot } from './support/project-root.ts';

const ROOT = projectRoot();

interface Run {
  status: number | null;
  output: unknown;
  error: string;
}

/** Runs a module; what it passes to `tell` comes back. */
function run(source: string, env: Record<string, string> = {}): Run {
  const program = `const tell = (value) => console.log(JSON.stringify(value));\n${source}`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: ROOT,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    timeout: 30_000,
  });
  return { status, output: stdout === '' ? undefined : JSON.parse(stdout.trim()), error: stderr };
}

test('import starts nothing and changes nothing', async (t) => {
  const names = [
    'mediaDevices',
    'permissions',
    'MediaStream',
    'MediaStreamTrack',
    'OverconstrainedError',
    'ImageCapture',
    'MediaRecorder',
  ];
  for (const module of ['vedette', `${ROOT}/test/wpt/target.mjs`]) {
    const { status, output, error } = run(`
      const before = Object.getOwnPropertyNames(globalThis).sort().join();
      const library = await import('${module}');
      const after = Object.getOwnPropertyNames(globalThis).sort().join();
      tell({ same: before === after, names: Object.keys(library), active: process.getActiveResourcesInfo() });
    `);
    t.equal(status, 0, error);
    t.match(output, { same: true }, module);
    const { names: found, active } = output as { names: string[]; active: string[] };
    for (const name of names) t.ok(found.includes(name), name);
    t.notMatch(active.join(), /Process|Timeout|FSEvent/);
  }
});

test('vedette/globals', async (t) => {
  const { output, error } = run(`
    await import('vedette/globals');
    tell([
      typeof MediaStream, typeof OverconstrainedError, navigator.mediaDevices instanceof MediaDevices,
      (await navigator.permissions.query({ name: 'camera' })).state, 'setPermission' in globalThis,
      Object.keys(globalThis).includes('MediaStream'),
    ]);
  `);
  t.same(output, ['function', 'function', true, 'granted', false, false], error);
});

test('permission by environment', async (t) => {
  const ask = `
    const { mediaDevices, permissions } = await import('vedette');
    const states = [];
    for (const name of ['camera', 'microphone']) states.push((await permissions.query({ name })).state);
    const error = await mediaDevices.getUserMedia({ video: true }).catch((reason) => reason);
    tell([...states, error.name]);
  `;
  t.same(run(ask, { VEDETTE_CAMERA: 'denied' }).output, ['denied', 'granted', 'NotAllowedError']);
  const { status, error } = run(ask, { VEDETTE_MICROPHONE: 'yes' });
  t.not(status, 0);
  t.match(error, /VEDETTE_MICROPHONE is 'yes'; allowed is granted, denied, prompt/);
});

test('a state directory that cannot be written', async (t) => {
  const { status, output, error } = run(
    `
    const { mediaDevices } = await import('vedette');
    await mediaDevices.getUserMedia({ video: true }).then((stream) => stream.getTracks().forEach((track) => track.stop()));
    await mediaDevices.getUserMedia({ video: true }).then((stream) => stream.getTracks().forEach((track) => track.stop()));
    tell(true);
  `,
    { STATE_DIRECTORY: '/dev/null/nowhere', VEDETTE_TEST_DEVICES: '1' },
  );
  t.equal(status, 0);
  t.equal(output, true, 'everything works');
  t.match(error, /device ids do not outlive this process/);
});

test('a stream of the test devices, and the end of the process', async (t) => {
  const { status, output, error } = run(`
    const { mediaDevices, wptHooks } = await import(process.cwd() + '/test/wpt/target.mjs');
    const { tapRtp } = await import(process.cwd() + '/dist/daemon/media/rtp-tap.js');
    const stream = await mediaDevices.getUserMedia({ video: { width: { exact: 320 } }, audio: true });
    const streams = [stream, wptHooks.createVideoStream({ width: 200, height: 100 }), wptHooks.createAudioStream({ flowing: true })];
    const tracks = streams.flatMap((each) => each.getTracks());
    const flowing = await Promise.all(tracks.map((track) => new Promise((resolve) => {
      const tap = tapRtp(track, { frame: () => { tap.close(); resolve(track.kind); } });
    })));
    const [video] = stream.getVideoTracks();
    await video.applyConstraints({ width: { exact: 640 }, height: { exact: 480 } });
    tell({
      flowing,
      size: [video.getSettings().width, video.getSettings().height],
      canvas: [tracks[2].getSettings().width, tracks[2].getSettings().height],
      kinds: (await mediaDevices.enumerateDevices()).map(({ kind }) => kind),
    });
    for (const track of tracks) track.stop();
  `);
  t.equal(status, 0, error);
  t.same(output, {
    flowing: ['audio', 'video', 'video', 'audio'],
    size: [640, 480],
    canvas: [200, 100],
    kinds: ['audioinput', 'audioinput', 'videoinput', 'videoinput', 'audiooutput'],
  });
});
