/** Two hundred lives of a capture worker under one viewer: the daemon holds as much as before. */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { test } from 'tap';
import { captureTest, live } from '../support/capture-test-source.ts';
import { FfmpegViewer } from '../support/ffmpeg-viewer.ts';
import { until } from '../support/mosquitto.ts';
import { world } from '../support/mqtt-world.ts';
import { projectRoot } from '../support/project-root.ts';

const LIVES = Number(process.env.VEDETTE_LIVES ?? 200);
/** Lives after which everything was needed once, and half of those after it. */
const [WARM, HALF] = [LIVES / 5, (LIVES * 3) / 5];
const run = promisify(execFile);

/** What a process holds after a garbage collection: V8 takes its time. In KiB: objects, and pages of its own. */
async function holding(pid: number): Promise<{ descriptors: number; objects: number; memory: number }> {
  const descriptors = readdirSync(`/proc/${pid}/fd`).length;
  const script = join(projectRoot(), 'test/vm/heap.mjs');
  const { stdout } = await run(process.execPath, ['--experimental-websocket', script, String(pid)]);
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1');
  const pages = [...rollup.matchAll(/^Private_(?:Clean|Dirty): +(\d+) kB$/gm)].map(([, size]) => Number(size));
  return { descriptors, objects: Number(stdout), memory: pages.reduce((sum, size) => sum + size, 0) };
}

test('descriptors and memory of the daemon stay flat', { timeout: 580_000 }, async (t) => {
  const { daemon, ask, listener } = await world(t, {
    'log.level': 'info',
    'streams.camera.audio': 'false',
    'streams.camera.video.width': '320',
    'streams.camera.video.height': '240',
    'streams.camera.video.frameRate': '15',
  });
  const viewer = new FfmpegViewer(t, '-rtsp_transport', 'tcp', '-i', daemon.rtsp);
  await viewer.more(10);
  const held: Awaited<ReturnType<typeof holding>>[] = [];
  for (let life = 1; life <= LIVES; life += 2) {
    const [before = 0] = daemon.children('capture/worker');
    // Something of each life reaches the viewer.
    process.kill(before, 'SIGKILL');
    await until(() => !daemon.children('capture/worker').includes(before), 'its end');
    await viewer.more(2);
    // Asked for, and it begins the back-off anew.
    t.equal((await ask('stream/restart', { name: 'camera' })).status, 'ok', `life ${life}`);
    await viewer.more(2);
    if ([WARM, HALF, LIVES].includes(life + 1)) held.push(await holding(daemon.pid));
  }
  t.comment(JSON.stringify(held));
  const [, half, end] = held as [(typeof held)[0], (typeof held)[0], (typeof held)[0]];
  // The first look opens its inspector.
  t.ok(end.descriptors <= half.descriptors, 'descriptors');
  t.ok(end.objects - half.objects < 512, 'objects');
  t.ok(end.memory - half.memory < 3072, 'memory');
  t.notMatch(daemon.output, /MaxListenersExceeded/);
  t.equal(viewer.damage.length, 0, 'no broken picture');
  const events = listener.on('vedette/porch/events').map(({ text }) => text);
  t.notOk(
    events.some((text) => text.includes('viewer_left')),
    'the viewer stayed',
  );
});

test('nothing that was begun for a life is left after it', { timeout: 60_000 }, async (t) => {
  const warnings: string[] = [];
  const warned = ({ name, message }: Error): number => warnings.push(`${name}: ${message}`);
  process.on('warning', warned);
  t.teardown(() => process.off('warning', warned));
  const { source, track } = captureTest('video');
  const release = track.retain();
  await live(source);
  /** What keeps the process busy: timers, pipes, children. */
  const resources = async (): Promise<string[]> => {
    await sleep(1500);
    return process.getActiveResourcesInfo().sort();
  };
  const before = await resources();
  for (let life = 0; life < 20; life++) {
    const { pid } = source;
    if (life % 2 === 0) process.kill(pid as number, 'SIGKILL');
    else source.restart();
    while (source.pid === pid || source.pid === undefined) await sleep(10);
    await live(source);
  }
  t.same(await resources(), before);
  t.same(warnings, []);
  release();
  await source.close();
});
