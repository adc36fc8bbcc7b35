// What happens to capture, and what its viewers see of it. Each fault is tried a few times; with VMLAB_SOAK=1 as often
// as docs/vm-lab.md says. VMLAB_SEED repeats a run's random moments.
import { setTimeout as sleep } from 'node:timers/promises';
import { staysFlat } from './footprint.mjs';
import {
  check,
  eventually,
  expect,
  guest,
  meanLuma,
  PASSWORD,
  percentiles,
  request,
  snapshot,
  state,
  USER,
  Viewer,
} from './lab.mjs';
import { serviceConfig } from './service.mjs';

const soak = process.env.VMLAB_SOAK !== undefined;
const TIMES = soak
  ? { unplug: 50, error: 10, stop: 50, other: 10, sound: 10 }
  : { unplug: 3, error: 1, stop: 2, other: 1, sound: 1 };
/** vivid's bars have a mean luma of 65 and more, a slate one below 30. */
const isCamera = ({ level }) => level > 45;
const isSlate = ({ level }) => level < 40;
/** A camera that had died delivers again: the first picture after a pause that is longer than any between two of its own. */
const isBack = (picture, before) => isCamera(picture) && (!isCamera(before) || picture.at - before.at > 700);
/** Decibels: the tone, and nothing. */
const isTone = ({ level }) => level > -40;
const isSilence = ({ level }) => level < -70;

const seed = Number(process.env.VMLAB_SEED ?? Date.now() % 1e6);
let drawn = seed;
/** 0 to `most`; the same row for the same seed. */
function random(most) {
  drawn = (Math.imul(drawn, 1_664_525) + 1_013_904_223) >>> 0;
  return (drawn / 2 ** 32) * most;
}

const vivid = (action) => guest(`echo vivid.0 >/sys/bus/platform/drivers/vivid/${action}`);
const sound = (action) => guest(`echo snd_aloop.0 >/sys/bus/platform/drivers/snd_aloop/${action}`);

/** Device nodes by stream, as of now. */
async function nodes() {
  const { devices } = (await request('device/list', {})).data;
  const byId = new Map(devices.map(({ deviceId, path }) => [deviceId, path]));
  return Object.fromEntries(Object.entries(ids).map(([stream, id]) => [stream, byId.get(id)]));
}

/** The gateway's processes that have a node open. */
const holders = async (node) =>
  (
    await guest(
      `for p in $(pgrep -u vedette); do for f in /proc/$p/fd/*; do ` +
        `[ "$(readlink $f)" != ${node} ] || echo $p; done; done 2>/dev/null | sort -u`,
    )
  )
    .split('\n')
    .filter((pid) => pid !== '');

/** The ids by which the streams name their cameras: a node's number may be another one after a replug. */
let ids = {};

async function nameCamerasById() {
  const { devices } = (await request('device/list', {})).data;
  const idOf = (node) => devices.find(({ path }) => path === node).deviceId;
  ids = { camera: idOf('/dev/video0'), second: idOf('/dev/video1') };
  await guest('cat >/etc/vedette/config.yaml', { input: serviceConfig(ids) });
  await guest('systemctl restart vedette');
}

/** What the WebRTC viewer in the machine has had so far; he fails the check when he has lost anything. */
async function webRtc() {
  const { sessions, packets, lost, disordered, state } = JSON.parse(await guest('tail -n 1 /run/whep.jsonl'));
  const told = `WebRTC: ${sessions} session, ${state}, ${packets} packets, ${lost} lost, ${disordered} disordered`;
  expect(sessions === 1 && state === 'connected' && lost === 0 && disordered === 0, told);
  return { packets, told };
}

const startWebRtc = () =>
  guest(
    'rm -f /run/whep.jsonl; systemctl reset-failed whep 2>/dev/null; systemd-run --quiet --unit=whep ' +
      '-p StandardOutput=file:/run/whep.jsonl node /mnt/project/test/vm/whep-viewer.mjs ' +
      `http://127.0.0.1:8080/streams/camera/whep ${USER} '${PASSWORD}'`,
  );

/** A fault, `times` times, under the viewers: all stay; how long until each has the camera's picture again, in milliseconds. */
async function repeat(times, viewer, fault) {
  const recoveries = [];
  for (let i = 0; i < times; i++) {
    const { packets } = await webRtc();
    const since = await fault(i);
    recoveries.push(await viewer.sees(since.sees ?? isBack, 'picture of the camera', since.at));
    await eventually(async () => expect((await webRtc()).packets > packets + 5, 'the WebRTC viewer gets nothing'));
    await sleep(random(1000));
  }
  return recoveries;
}

function summary(recoveries) {
  const { p50, p95, max } = percentiles(recoveries);
  const times = recoveries.length;
  return `viewers kept ${times}/${times}, the picture is back after p50 ${p50} ms, p95 ${p95} ms, at most ${max} ms`;
}

/** The same in two halves, of which the second one leaves nothing behind: handles, processes and memory. */
async function repeatFlat(times, viewer, fault) {
  const recoveries = [];
  const half = (count) => async () => recoveries.push(...(await repeat(count, viewer, fault)));
  const flat = await staysFlat(half(Math.ceil(times / 2)), half(Math.floor(times / 2)));
  return `${summary(recoveries)}; ${flat}`;
}

export async function faults() {
  await nameCamerasById();
  let viewer;
  let came = false;
  await check('an RTSP and a WebRTC viewer come', async () => {
    // The first start may have to look through all plug-ins.
    await eventually(() => snapshot());
    viewer = new Viewer();
    await viewer.sees(isCamera, 'picture of the camera');
    await startWebRtc();
    await eventually(async () => expect((await webRtc()).packets > 20, 'no packets'));
    came = true;
    return `random moments: VMLAB_SEED=${seed}`;
  });
  try {
    if (came) await underViewers(viewer);
  } finally {
    viewer?.stop();
    await guest('systemctl stop whep').catch(() => undefined);
  }
  await check('when the last viewer has gone nobody has the camera or the microphone open', async () => {
    const start = Date.now();
    await eventually(async () => {
      const open = await guest(
        'for p in $(pgrep -u vedette); do readlink /proc/$p/fd/*; done | grep -E "/dev/(video|snd)" || true',
      );
      expect(open === '', `open after ${Date.now() - start} ms: ${open}`);
    }, 30_000);
    return `${Date.now() - start} ms, with idleTimeout: 5`;
  });
}

async function underViewers(viewer) {
  await check('while a camera is away its viewers see a dark picture, and so do snapshots', async () => {
    const bright = meanLuma(await snapshot());
    const since = performance.now();
    await vivid('unbind');
    try {
      const took = await viewer.sees(isSlate, 'dark picture', since);
      for (let i = 0; i < 10; i++) await viewer.sees(isSlate, 'more of it');
      const dark = meanLuma(await snapshot());
      expect(dark < 40 && bright > 45, `the snapshot's mean luma is ${dark}, ${bright} with the camera`);
      const { reason } = await state();
      const picture = Math.round(viewer.pictures.at(-1).level);
      return `after ${Math.round(took)} ms; mean luma ${picture}, of the snapshot ${dark} (${bright} with the camera); reason: ${reason}`;
    } finally {
      await vivid('bind');
      await viewer.sees(isCamera, 'picture of the camera');
    }
  });
  await check(`cameras pulled out and plugged in at random moments, ${TIMES.unplug} times`, async () => {
    const replug = async () => {
      // Now and then once more while it comes back.
      for (let flips = random(1) < 0.3 ? 2 : 1; flips > 0; flips--) {
        await vivid('unbind');
        await sleep(300 + random(3000));
        const at = performance.now();
        await vivid('bind');
        if (flips === 1) return { at, sees: isCamera };
        await sleep(random(3000));
      }
    };
    return repeatFlat(TIMES.unplug, viewer, replug);
  });
  const inject = (control) => async () => {
    const { camera } = await nodes();
    const at = performance.now();
    await guest(`v4l2-ctl -d ${camera} -c ${control}=1`);
    return { at };
  };
  for (const control of ['disconnect', 'inject_fatal_streaming_error'])
    await check(`vivid's ${control}, ${TIMES.error} times`, async () =>
      summary(await repeat(TIMES.error, viewer, inject(control))),
    );
  await check(`a start that fails (vivid's inject_vidioc_streamon_error), ${TIMES.error} times`, async () => {
    const fail = async () => {
      const { camera } = await nodes();
      const [pid] = await holders(camera);
      const at = performance.now();
      await guest(`v4l2-ctl -d ${camera} -c inject_vidioc_streamon_error=1; kill -KILL ${pid}`);
      return { at };
    };
    return summary(await repeat(TIMES.error, viewer, fail));
  });
  const { camera } = await nodes();
  const signal = (name) => async () => {
    const [pid] = await holders(camera);
    expect(pid !== undefined, 'no worker has the camera open');
    const at = performance.now();
    await guest(`kill -${name} ${pid}`);
    return { at };
  };
  await check(`the worker hangs (SIGSTOP), ${TIMES.stop} times`, () => repeatFlat(TIMES.stop, viewer, signal('STOP')));
  await check(`the worker is killed, ${TIMES.error} times`, async () =>
    summary(await repeat(TIMES.error, viewer, signal('KILL'))),
  );
  await check(`one of two cameras dies ${2 * TIMES.other} times: the other loses no picture`, async () => {
    const other = new Viewer('second');
    try {
      await other.sees(isCamera, 'picture of the other camera');
      await sleep(2000);
      const first = other.pictures.length;
      await repeat(TIMES.other, viewer, inject('disconnect'));
      await repeat(TIMES.other, viewer, signal('KILL'));
      const seen = other.pictures.slice(first);
      const gaps = seen.slice(1).map(({ time }, index) => Math.round((time - seen[index].time) * 1000));
      const missing = gaps.reduce((sum, gap) => sum + Math.max(0, Math.round(gap / 200) - 1), 0);
      expect(
        missing === 0 && other.running,
        `${missing} of ${seen.length} pictures missing; gaps ${gaps.filter((gap) => gap > 300)} ms`,
      );
      return `${seen.length} pictures at 5 a second, none missing, at most ${Math.max(...gaps)} ms between two`;
    } finally {
      other.stop();
    }
  });
  await check(`the microphone is pulled out and plugged in, ${TIMES.sound} times`, async () => {
    const listener = new Viewer('camera', 'audio');
    const [silences, tones] = [[], []];
    try {
      await listener.sees(isTone, 'tone');
      for (let i = 0; i < TIMES.sound; i++) {
        const out = performance.now();
        await sound('unbind');
        try {
          silences.push(await listener.sees(isSilence, 'silence', out));
          const { state: now, tracks } = await state();
          const muted = tracks.filter((track) => track.muted).map(({ kind }) => kind);
          expect(now === 'live' && muted.join() === 'audio', `the stream is ${now}, muted: ${muted}`);
        } finally {
          const at = performance.now();
          await sound('bind');
          tones.push(await listener.sees(isTone, 'tone', at));
        }
        await sleep(random(2000));
      }
      const [quiet, back] = [percentiles(silences), percentiles(tones)];
      return `listener kept ${tones.length}/${TIMES.sound}; silence after p50 ${quiet.p50} ms, p95 ${quiet.p95} ms; the tone again after p50 ${back.p50} ms, p95 ${back.p95} ms`;
    } finally {
      listener.stop();
    }
  });
  await check('a camera that another process holds: the reason says so', async () => {
    const { second } = await nodes();
    await eventually(async () => expect((await holders(second)).length === 0, 'it is still open'));
    await guest(`systemd-run --quiet --unit=holder v4l2-ctl -d ${second} --stream-mmap`);
    const other = new Viewer('second');
    try {
      const reason = await eventually(async () => {
        const { reason: known } = await state('second');
        expect(
          /busy: a program of another user has it open, 'sudo fuser -v \/dev\/video\d' names it/.test(known),
          known,
        );
        return known;
      });
      await guest('systemctl stop holder');
      await other.sees(isCamera, 'picture once it is free');
      return reason;
    } finally {
      other.stop();
      await guest('systemctl stop holder').catch(() => undefined);
    }
  });
  await check('a driver that refuses to begin: the reason has its words', async () => {
    const { second } = await nodes();
    await eventually(async () => expect((await holders(second)).length === 0, 'it is still open'));
    await guest(`v4l2-ctl -d ${second} -c inject_vidioc_streamon_error=1`);
    const other = new Viewer('second');
    try {
      await other.sees(isCamera, 'picture with the next attempt');
      // How long it was muted is for the back-off to say.
      const log = await guest('journalctl -u vedette --no-pager -o cat | grep "does not begin" | tail -n 1');
      expect(/the driver does not begin: Invalid argument/.test(log), log);
    } finally {
      other.stop();
    }
  });
  await check('through all of that both viewers had one session', async () => {
    expect(viewer.running, viewer.complaints);
    return `RTSP: ${viewer.pictures.length} pictures; ${(await webRtc()).told}`;
  });
}
