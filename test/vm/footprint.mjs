// What the gateway takes of its machine, and whether that grows.
import { eventually, expect, guest } from './lab.mjs';

/** More than this after as many faults again is growth, in KiB: of what JavaScript holds, of the memory that is the daemon's own. */
const GROWTH = { heap: 1000, own: 3000 };

/**
 * Open handles of the daemon and processes of the gateway; in KiB, after a garbage collection, what the daemon's
 * JavaScript holds (`heap`) and the memory that it shares with nobody (`own`).
 */
export async function footprint() {
  const told = await guest(
    'p=$(systemctl show vedette -p MainPID --value); ' +
      'NODE_NO_WARNINGS=1 node --experimental-websocket /mnt/project/test/vm/heap.mjs $p && sleep 1 && ' +
      "awk '/^Private_(Clean|Dirty):/ {own += $2} END {print own}' /proc/$p/smaps_rollup && " +
      'ls /proc/$p/fd | wc -l && pgrep -u vedette | wc -l',
  );
  const [heap, own, handles, processes] = told.split('\n').map(Number);
  return { heap, own, handles, processes };
}

/**
 * Does `first` and `second`, which are to be the same, and compares what stays of the second one with what stayed of the
 * first: the warm-up of caches and of V8 is over then.
 * @returns one line for both.
 */
export async function staysFlat(first, second) {
  const before = await footprint();
  /** A worker that was asked to stop may take a moment. */
  const settled = () =>
    eventually(async () => {
      const now = await footprint();
      const told = tell(before, now);
      expect(now.processes <= before.processes && now.handles <= before.handles, told);
      return now;
    }, 30_000);
  await first();
  const middle = await settled();
  await second();
  const after = await settled();
  const told = tell(before, middle, after);
  expect(after.heap - middle.heap <= GROWTH.heap && after.own - middle.own <= GROWTH.own, told);
  return told;
}

function tell(...footprints) {
  const row = (name) => footprints.map((footprint) => footprint[name]).join(' -> ');
  return `handles ${row('handles')}, processes ${row('processes')}, heap ${row('heap')} KiB, own memory ${row('own')} KiB`;
}
