import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Socket } from 'node:net';
import { type Test, test } from 'tap';
import { Daemon } from '../support/daemon.ts';
import { FrameWatcher } from '../support/frame-watcher.ts';
import { befriend, HOSTILITIES } from '../support/hostile-broker.ts';
import { HOSTILE_SETTINGS, hostileRequest } from '../support/hostile-requests.ts';
import { unexpectedElements } from '../support/launch-elements.ts';
import { until } from '../support/mosquitto.ts';
import { mqttPeer } from '../support/mqtt-peer.ts';
import { B, world } from '../support/mqtt-world.ts';
import { SeededRandom } from '../support/seeded-random.ts';

test('a hostile broker: the picture goes on, the gateway comes back each time', { timeout: 280_000 }, async (t) => {
  const random = new SeededRandom();
  t.comment(`SEED=${random.seed}`);
  const names = Object.keys(HOSTILITIES);
  const survived: string[] = [];
  let watched = false;
  const sockets: Socket[] = [];
  const url = await mqttPeer(t, (socket, hello) => {
    sockets.push(socket);
    const name = names[survived.length];
    let done = false;
    befriend(socket, hello, () => {
      if (name === undefined || done || !watched) return;
      done = true;
      survived.push(name);
      socket.write((HOSTILITIES[name] as (typeof HOSTILITIES)[string])(B, random));
      // Some leave the connection as it is.
      setTimeout(() => socket.destroy(), 700);
    });
  });
  const daemon = new Daemon({
    'mqtt.url': url,
    'mqtt.username': 'porch',
    'mqtt.protocolVersion': '5',
    'mqtt.keepalive': '5',
    'log.level': 'debug',
  });
  t.teardown(() => daemon.stop());
  await daemon.start();
  const viewer = new FrameWatcher(daemon.rtsp, '-rtsp_transport', 'tcp');
  t.teardown(() => viewer.end());
  await until(() => viewer.frames > 10, 'the picture', 40_000);
  const workers = daemon.children('capture/worker');
  const memory = residentBytes(daemon.pid);
  const atFirst = { ...(await counted(daemon)), seen: viewer.frames };
  watched = true;
  // The connection of before has had its birth.
  for (const socket of sockets) socket.destroy();
  await until(() => survived.length === names.length, 'all of it', 240_000);
  const frames = viewer.frames;
  await until(() => viewer.frames > frames + 30, 'the picture goes on', 20_000);
  t.equal(daemon.exit, undefined, 'the same daemon');
  t.same(daemon.children('capture/worker'), workers, 'the same workers');
  t.equal(viewer.errors, '');
  const { captured, dropped } = await counted(daemon);
  const [made, seen] = [captured - atFirst.captured, viewer.frames - atFirst.seen];
  t.equal(dropped, 0, 'none was left out for the viewer');
  t.ok(Math.abs(made - seen) <= ON_THE_WAY, `${made} frames came from capture, ${seen} to the viewer`);
  // What a loaded machine leaves out before the encoder.
  t.ok(viewer.missing < viewer.frames / 50, `${viewer.missing} of ${viewer.frames} frames are missing`);
  const growth = residentBytes(daemon.pid) - memory;
  t.ok(growth < 100e6, `${Math.round(growth / 1e6)} MB more memory`);
});

/** Frames between capture and what the viewer has told of. */
const ON_THE_WAY = 30;

/** Frames of the stream since its start: those that came from capture, and those that were left out for a slow viewer. */
async function counted({ page }: Daemon): Promise<{ captured: number; dropped: number }> {
  const text = await (await fetch(new URL('/metrics', page))).text();
  const value = (name: string): number => Number(new RegExp(`^${name}.* (\\d+)$`, 'm').exec(text)?.[1]);
  return {
    captured: value('vedette_frames_total\\{camera="camera",stage="capture"'),
    dropped: value('vedette_frames_dropped_total\\{.*reason="slow-viewer"'),
  };
}

function residentBytes(pid: number): number {
  return 1024 * Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

/** A process and all that came of it, with their command lines; one that has ended, or is between fork and exec, has none. */
function processes(pid: number): { pid: number; command: string }[] {
  try {
    const command = readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').trim();
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean);
    return [...(command === '' ? [] : [{ pid, command }]), ...children.flatMap((child) => processes(Number(child)))];
  } catch {
    // It has just ended.
    return [];
  }
}

/** Files that a process has open for writing: names of the file system only. */
function writtenFiles(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      const flags = /^flags:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8'))?.[1] ?? '0';
      const path = readlinkSync(`/proc/${pid}/fd/${fd}`);
      return (Number.parseInt(flags, 8) & 3) !== 0 && path.startsWith('/') && !path.startsWith('/dev/') ? [path] : [];
    });
  } catch {
    return [];
  }
}

/** What may run below the daemon: its own children, and the tools of its tables. */
const PROGRAMS = [
  /\/daemon\/(main|capture\/worker|publish\/webrtc\/worker|publish\/rtmp\/worker)\.js\b/,
  /^(v4l2-ctl|gst-inspect-1\.0|arecord|aplay) /,
];
/** Looks on while a test runs. @returns what was seen that should not be. */
function watchFor(t: Test, daemon: Daemon): Set<string> {
  const strange = new Set<string>();
  const watch = setInterval(() => {
    for (const { pid, command } of processes(daemon.pid)) {
      if (!PROGRAMS.some((program) => program.test(command))) strange.add(`program: ${command}`);
      for (const path of writtenFiles(pid)) if (!path.startsWith(daemon.folder)) strange.add(`file: ${path}`);
    }
  }, 50);
  t.teardown(() => clearInterval(watch));
  return strange;
}

/** The elements that ran and are not expected, of all pipelines so far. */
function strangeElements(t: Test, { output }: Daemon): string[] {
  const launches = [...output.matchAll(/"launch":("(?:\\.|[^"\\])*")/g)].map(([, text]) => JSON.parse(text as string));
  t.ok(launches.length > 0, `${launches.length} pipelines ran meanwhile`);
  return launches.flatMap(unexpectedElements);
}

test('hostile requests: no program, file or element that was not there before', { timeout: 280_000 }, async (t) => {
  const random = new SeededRandom();
  const { daemon, listener } = await world(t);
  const answers = () => listener.seen.filter(({ topic }) => topic.startsWith(`${B}/response/`)).length;
  const strange = watchFor(t, daemon);
  // The other ends of this would be the end of the test, and of what it watches.
  const left = ['gateway/restart', 'config/patch', 'config/rollback', 'log/level'];
  let sent = 0;
  while (sent < 1500) {
    const { command, payload } = hostileRequest(random);
    if (left.includes(command) || /[#+\0]/.test(command) || command.length > 500) continue;
    await listener.client.publishAsync(`${B}/request/${command}`, payload, { qos: 1 });
    sent += 1;
    // As many as are not refused as too many.
    if (sent % 2 === 0) await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await until(() => answers() >= sent, 'an answer to each', 60_000);
  t.equal(answers(), sent, 'exactly one answer to each');
  const codes = new Set(listener.seen.map(({ text }) => /"code":"(\w+)"/.exec(text)?.[1]));
  t.comment(`SEED=${random.seed}: ${[...codes].join(' ')}`);
  t.notOk(codes.has('internal'), 'nothing was unforeseen');
  t.same(strangeElements(t, daemon), []);
  t.same(strange, new Set());
  t.equal(daemon.exit, undefined);
});

test('hostile settings: what is refused changes nothing, what is a text stays one', { timeout: 900_000 }, async (t) => {
  const { daemon, ask } = await world(t);
  const strange = watchFor(t, daemon);
  const taken: string[] = [];
  const starts: Promise<unknown>[] = [];
  let refused = 0;
  for (const { path, value, settings } of HOSTILE_SETTINGS) {
    const pause = new Promise((resolve) => setTimeout(resolve, 60));
    const answer = await ask('stream/update', { name: 'camera', settings });
    if (answer.status === 'ok') {
      taken.push(path);
      // Texts go into the pipeline. A device of such a name is not there, and is waited for: nobody waits for that here.
      const start = ask('stream/start', { name: 'camera' });
      starts.push(start);
      if (path === 'video.overlay') t.equal((await start).data.state, 'live', `an overlay of ${JSON.stringify(value)}`);
      else if (typeof value === 'string') await new Promise((resolve) => setTimeout(resolve, 300));
      for (const again of ['stream/delete', 'stream/create']) {
        const { error } = await ask(again, { name: 'camera', ...(again === 'stream/create' ? { settings: {} } : {}) });
        t.equal(error, undefined, `${again} after ${path} ${JSON.stringify(value).slice(0, 60)}`);
      }
    } else {
      refused += 1;
      t.match(
        answer.error,
        { code: /invalid_request|conflict|forbidden/, path: /^\/(streams\/camera|settings)/ },
        `${path} ${JSON.stringify(value)}`,
      );
    }
    await pause;
  }
  t.ok(await Promise.all(starts), 'each start was answered, though its stream was deleted meanwhile');
  t.comment(`${refused} of ${HOSTILE_SETTINGS.length} refused; taken: ${[...new Set(taken)].join(', ')}`);
  t.ok(taken.includes('video.overlay') && refused > HOSTILE_SETTINGS.length / 2);
  t.same(strangeElements(t, daemon), []);
  t.same(strange, new Set());
  t.equal(daemon.exit, undefined);
});
