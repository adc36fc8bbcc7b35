// The viewers under whom faults happen, who keep one session through all of them.
import { setTimeout as sleep } from 'node:timers/promises';
import { staysFlat } from './footprint.mjs';
import { eventually, expect, guest, PASSWORD, percentiles, USER } from './lab.mjs';

/** vivid's bars have a mean luma of 65 and more, a slate one below 30. */
export const isCamera = ({ level }) => level > 45;
export const isSlate = ({ level }) => level < 40;
/** A camera that had died delivers again: the first picture after a pause that is longer than any between two of its own. */
const isBack = (picture, before) => isCamera(picture) && (!isCamera(before) || picture.time - before.time > 0.5);

export const seed = Number(process.env.VMLAB_SEED ?? Date.now() % 1e6);
let drawn = seed;
/** 0 to `most`; the same row for the same seed. */
export function random(most) {
  drawn = (Math.imul(drawn, 1_664_525) + 1_013_904_223) >>> 0;
  return (drawn / 2 ** 32) * most;
}

/** What the WebRTC viewer in the machine has had so far; he fails the check when he has lost anything. */
export async function webRtc() {
  const { sessions, packets, lost, disordered, state } = JSON.parse(await guest('tail -n 1 /run/whep.jsonl'));
  const told = `WebRTC: ${sessions} session, ${state}, ${packets} packets, ${lost} lost, ${disordered} disordered`;
  expect(sessions === 1 && state === 'connected' && lost === 0 && disordered === 0, told);
  return { packets, told };
}

export const startWebRtc = () =>
  guest(
    'rm -f /run/whep.jsonl; systemctl reset-failed whep 2>/dev/null; systemd-run --quiet --unit=whep ' +
      '-p StandardOutput=file:/run/whep.jsonl node /mnt/project/test/vm/whep-viewer.mjs ' +
      `http://127.0.0.1:8080/streams/camera/whep ${USER} '${PASSWORD}'`,
  );

/** A fault, `times` times, under the viewers: all stay; how long until each has the camera's picture again, in milliseconds. */
export async function repeat(times, viewer, fault) {
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

export function summary(recoveries) {
  const { p50, p95, max } = percentiles(recoveries);
  const times = recoveries.length;
  return `viewers kept ${times}/${times}, the picture is back after p50 ${p50} ms, p95 ${p95} ms, at most ${max} ms`;
}

/** The same in two halves, of which the second one leaves nothing behind: handles, processes and memory. */
export async function repeatFlat(times, viewer, fault) {
  const recoveries = [];
  const half = (count) => async () => recoveries.push(...(await repeat(count, viewer, fault)));
  const flat = await staysFlat(half(Math.ceil(times / 2)), half(Math.floor(times / 2)));
  return `${summary(recoveries)}; ${flat}`;
}
