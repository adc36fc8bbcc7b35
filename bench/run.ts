/** Runs every bench, one after the other; ends with 1 where a goal is missed. Arguments choose benches by name. */
import { spawnSync } from 'node:child_process';
import { availableParallelism, loadavg } from 'node:os';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

const BENCHES = [
  'start',
  'memory',
  'capture',
  'passthrough',
  'latency',
  'recovery',
  'rtsp-fanout',
  'webrtc-fanout',
  'command',
  'fleet',
];

const words = process.argv.slice(2);
const unknown = words.find((word) => !BENCHES.includes(word));
if (unknown !== undefined) {
  process.stderr.write(`no bench ${unknown}; there are ${BENCHES.join(', ')}\n`);
  process.exit(64);
}
process.stdout.write(`load ${loadavg()[0]?.toFixed(1)} on ${availableParallelism()} cores before the first bench\n\n`);
for (const name of words.length === 0 ? BENCHES : words) {
  const path = fileURLToPath(new URL(`./${name}${extname(import.meta.url)}`, import.meta.url));
  const { status } = spawnSync(process.execPath, [path], { stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
}
