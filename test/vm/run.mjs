#!/usr/bin/env node
// The gateway and the library on a Debian with a real V4L2 driver (vivid) and a real ALSA card (snd-aloop).
// Prints `N passed, N failed`.
//
//   npm run test:vm                          builds the image (once) and the project, boots, tests, powers off
//   npm run test:vm -- service faults        only these sets of checks
//   npm run test:vm -- faults/unplug         only this one of the set
//   VMLAB_KEEP_UP=1 npm run test:vm          leaves the machine running; the next run goes on in it
//   VMLAB_SOAK=1 npm run test:vm             as often as docs/vm-lab.md says, instead of a few times
import { spawnSync } from 'node:child_process';
import { FAULTS, faults } from './faults.mjs';
import { down, guest, ROOT, tell, totals, up } from './lab.mjs';
import { reboot } from './reboot.mjs';
import { installation, leaving, publishing } from './service.mjs';

/** The library, by a program in the machine that tells of its own checks. */
async function library() {
  const lines = await guest('node /mnt/project/test/vm/media-capture.mjs', { timeout: 900 });
  for (const line of lines.split('\n')) tell(JSON.parse(line));
}

/** In the order in which they build upon each other; `service` first, `leaving` last. */
const SETS = { library, service: installation, publishing, faults, reboot, leaving };
const wanted = process.argv.slice(2);
const someFaults = wanted.flatMap((name) => (name.startsWith('faults/') ? [name.slice('faults/'.length)] : []));
const known = [...Object.keys(SETS), ...Object.keys(FAULTS).map((name) => `faults/${name}`)];
const unknown = wanted.find((name) => !known.includes(name));
if (unknown !== undefined) {
  console.error(`there is no set '${unknown}'; there are: ${known.join(', ')}`);
  process.exit(64);
}
if (someFaults.length > 0) SETS.faults = () => faults(someFaults);
// The second one builds the viewer, too.
for (const script of ['set-up.mjs', 'build.mjs'])
  if (spawnSync(process.execPath, [`native-deps/${script}`], { cwd: ROOT, stdio: 'inherit' }).status !== 0)
    process.exit(1);
up();
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    down();
    process.exit(1);
  });
}
try {
  for (const [name, checks] of Object.entries(SETS))
    if (wanted.length === 0 || wanted.some((want) => want === name || want.startsWith(`${name}/`))) await checks();
  if (totals.failed > 0) console.log(await guest('journalctl -u vedette --no-pager -o cat | tail -n 60').catch(String));
} finally {
  down();
}
console.log(`${totals.passed} passed, ${totals.failed} failed`);
process.exitCode = totals.failed === 0 ? 0 : 1;
