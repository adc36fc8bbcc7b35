// What happens to capture, and what its viewers see of it. Each fault is tried a few times; with VMLAB_SOAK=1 as often
// as docs/vm-lab.md says. VMLAB_SEED repeats a run's random moments.
import { setTimeout as sleep } from 'node:timers/promises';
import { isCamera, isSlate, random, repeat, repeatFlat, seed, startWebRtc, summary, webRtc } from './fault-viewers.mjs';
import { holders, inject, nameCamerasById, nodes, signal, sound, vivid } from './guest-devices.mjs';
import { check, eventually, expect, guest, meanLuma, percentiles, request, snapshot, state, Viewer } from './lab.mjs';

const soak = process.env.VMLAB_SOAK !== undefined;
const TIMES = soak
  ? { unplug: 50, error: 10, stop: 50, other: 10, sound: 10 }
  : { unplug: 4, error: 1, stop: 2, other: 1, sound: 1 };
/** How long two cameras are watched before one of them dies. */
const QUIET_MS = 8000;
/** Decibels: the tone, and nothing. */
const isTone = ({ level }) => level > -40;
const isSilence = ({ level }) => level < -70;

/** Each runs under the viewers of the stream `camera`. */
export const FAULTS = { unplug, names, drivers, workers, cameras, microphone, busy };

export async function faults(names = Object.keys(FAULTS)) {
  await nameCamerasById();
  let viewer;
  let came = false;
  await check('an RTSP and a WebRTC viewer come', async () => {
    // The first start may have to look through all plug-ins.
    await eventually(() => snapshot());
    viewer = await Viewer.whoSees(isCamera, 'picture of the camera');
    await startWebRtc();
    await eventually(async () => expect((await webRtc()).packets > 20, 'no packets'));
    came = true;
    return `random moments: VMLAB_SEED=${seed}`;
  });
  try {
    if (came) {
      for (const name of names) await FAULTS[name](viewer);
      await check('through all of that both viewers had one session', async () => {
        expect(viewer.running, viewer.complaints);
        return `RTSP: ${viewer.pictures.length} pictures; ${(await webRtc()).told}`;
      });
    }
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

async function unplug(viewer) {
  await check('while a camera is away its viewers see a dark picture, and so do snapshots', async () => {
    const bright = meanLuma(await eventually(() => snapshot()));
    const since = performance.now();
    await vivid('unbind');
    try {
      const took = await viewer.sees(isSlate, 'dark picture', since);
      for (let i = 0; i < 10; i++) await viewer.sees(isSlate, 'more of it');
      const dark = meanLuma(await eventually(() => snapshot()));
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
}

/** Other names than its id by which a stream may have its camera. */
async function names() {
  const links = async () => {
    const told = await guest('for l in /dev/v4l/by-path/* /dev/snd/by-path/*; do echo "$l $(readlink -f $l)"; done');
    return new Map(told.split('\n').map((line) => line.split(' ')));
  };
  /** The gateway's table is udev's, which may have to come up with it. */
  const agree = () =>
    eventually(async () => {
      const { devices } = (await request('device/list', {})).data;
      const udev = await links();
      // A sound card's inputs have its links in common.
      const found = [...new Set(devices.flatMap(({ links = [] }) => links))].sort();
      expect(found.join() === [...udev.keys()].sort().join(), `${found}; udev: ${[...udev.keys()]}`);
      for (const { kind, path, links = [] } of devices)
        for (const link of kind === 'videoinput' ? links : [])
          expect(udev.get(link) === path, `${link}: ${path}, udev: ${udev.get(link)}`);
      return udev;
    });
  const replug = async () => {
    await vivid('unbind');
    await vivid('bind');
    return agree();
  };
  await check("devices have udev's links, before a replug and after it", async () => {
    const [before, after] = [await agree(), await replug()];
    expect(before.size >= 2 && after.size === before.size, `${before.size} links, then ${after.size}`);
    return [...after.keys()].join(', ');
  });
  const shown = async (wish, action) => {
    const { error } = await request('stream/update', { name: 'second', settings: { video: { device: wish } } });
    expect(error === undefined, error?.message);
    const other = await Viewer.whoSees(isCamera, 'picture', 'second');
    try {
      return await action?.(other);
    } finally {
      other.stop();
    }
  };
  await check("a stream has its camera by udev's link", async () => {
    // Both cameras have the same link, which one of them gets.
    for (let tries = 10; ; tries--) {
      const [link, path] = [...(await agree())].find(([name]) => name.startsWith('/dev/v4l/'));
      if (path === (await nodes()).second) {
        await shown(link);
        return link;
      }
      expect(tries > 0, `${link} is always ${path}`);
      await replug();
    }
  });
  await check('a stream has its camera by a pattern, and again after a replug', () =>
    shown('*vivid-001', async (other) => {
      await vivid('unbind');
      await other.sees(isSlate, 'dark picture');
      const at = performance.now();
      await vivid('bind');
      return `*vivid-001: again after ${Math.round(await other.sees(isCamera, 'picture', at))} ms`;
    }),
  );
}

async function drivers(viewer) {
  for (const control of ['disconnect', 'inject_fatal_streaming_error'])
    await check(`vivid's ${control}, ${TIMES.error} times`, async () =>
      summary(await repeat(TIMES.error, viewer, inject(control))),
    );
  const fail = async () => {
    const { camera } = await nodes();
    const [pid] = await holders(camera);
    const at = performance.now();
    await guest(`v4l2-ctl -d ${camera} -c inject_vidioc_streamon_error=1; kill -KILL ${pid}`);
    return { at };
  };
  await check(`a start that fails (vivid's inject_vidioc_streamon_error), ${TIMES.error} times`, async () =>
    summary(await repeat(TIMES.error, viewer, fail)),
  );
}

async function workers(viewer) {
  await check(`the worker hangs (SIGSTOP), ${TIMES.stop} times`, () => repeatFlat(TIMES.stop, viewer, signal('STOP')));
  await check(`the worker is killed, ${TIMES.error} times`, async () =>
    summary(await repeat(TIMES.error, viewer, signal('KILL'))),
  );
}

/** Frames of a stream so far that did not get through, by where they were dropped. */
async function dropped(stream) {
  const { metrics } = (await request('metrics/get', {})).data;
  const { samples } = metrics.find(({ name }) => name === 'vedette_frames_dropped_total');
  const by = { capture: 0, conversion: 0, encoder: 0, source: 0, 'slow-viewer': 0 };
  for (const { labels, value } of samples) if (labels.camera === stream) by[labels.reason] += value;
  return by;
}

async function cameras(viewer) {
  await check(`one of two cameras dies ${2 * TIMES.other} times: the other loses no picture`, async () => {
    const other = await Viewer.whoSees(isCamera, 'picture of the other camera', 'second');
    const from = (first) => {
      const seen = other.pictures.slice(first);
      const gaps = seen.slice(1).map(({ time }, index) => Math.round((time - seen[index].time) * 1000));
      const missing = gaps.reduce((sum, gap) => sum + Math.max(0, Math.round(gap / 200) - 1), 0);
      return { count: seen.length, missing, longest: Math.max(...gaps) };
    };
    try {
      const workerOf = async () => (await holders((await nodes()).second)).join();
      const worker = await workerOf();
      await sleep(2000);
      const first = other.pictures.length;
      await sleep(QUIET_MS);
      const quiet = from(first);
      const before = await dropped('second');
      await repeat(TIMES.other, viewer, inject('disconnect'));
      await repeat(TIMES.other, viewer, signal('KILL'));
      const { count, missing, longest } = from(first);
      expect(other.running && worker !== '' && (await workerOf()) === worker, 'it had another worker');
      const after = await dropped('second');
      // A host that has no time for the machine has the driver, or what is before the encoder, leave pictures out.
      const late = ['capture', 'conversion', 'encoder'].reduce(
        (sum, by) => sum + after[by] - before[by],
        quiet.missing,
      );
      const lost = after.source - before.source + after['slow-viewer'] - before['slow-viewer'];
      const told = `${missing} of ${count} pictures missing at 5 a second, at most ${longest} ms between two; ${late} left out for want of time, ${lost} lost`;
      expect(lost === 0 && missing <= late, told);
      return told;
    } finally {
      other.stop();
    }
  });
}

async function microphone() {
  await check(`the microphone is pulled out and plugged in, ${TIMES.sound} times`, async () => {
    const listener = await Viewer.whoSees(isTone, 'tone', 'camera', 'audio');
    const [silences, tones] = [[], []];
    try {
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
}

async function busy() {
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
    const other = await Viewer.whoSees(isCamera, 'picture with the next attempt', 'second');
    try {
      // How long it was muted is for the back-off to say.
      const log = await guest('journalctl -u vedette --no-pager -o cat | grep "does not begin" | tail -n 1');
      expect(/the driver does not begin: Invalid argument/.test(log), log);
    } finally {
      other.stop();
    }
  });
}
