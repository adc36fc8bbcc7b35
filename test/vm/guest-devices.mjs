// The cameras and the sound card of the machine: which streams have them, who holds them, and how they are made to fail.
import { expect, guest, request } from './lab.mjs';
import { serviceConfig } from './service.mjs';

export const vivid = (action) => guest(`echo vivid.0 >/sys/bus/platform/drivers/vivid/${action}`);
export const sound = (action) => guest(`echo snd_aloop.0 >/sys/bus/platform/drivers/snd_aloop/${action}`);

/** Device nodes by stream, as of now. */
export async function nodes() {
  const { devices } = (await request('device/list', {})).data;
  const byId = new Map(devices.map(({ deviceId, path }) => [deviceId, path]));
  return Object.fromEntries(Object.entries(ids).map(([stream, id]) => [stream, byId.get(id)]));
}

/** The gateway's processes that have a node open. */
export const holders = async (node) =>
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

export async function nameCamerasById() {
  const { devices } = (await request('device/list', {})).data;
  const idOf = (node) => devices.find(({ path }) => path === node).deviceId;
  ids = { camera: idOf('/dev/video0'), second: idOf('/dev/video1') };
  await guest('cat >/etc/vedette/config.yaml', { input: serviceConfig(ids) });
  await guest('systemctl restart vedette');
}

/** A control of the camera's driver that makes it fail. */
export const inject = (control) => async () => {
  const { camera } = await nodes();
  const at = performance.now();
  await guest(`v4l2-ctl -d ${camera} -c ${control}=1`);
  return { at };
};

/** A signal to the worker that has the camera open. */
export const signal = (name) => async () => {
  const { camera } = await nodes();
  const [pid] = await holders(camera);
  expect(pid !== undefined, 'no worker has the camera open');
  const at = performance.now();
  await guest(`kill -${name} ${pid}`);
  return { at };
};
