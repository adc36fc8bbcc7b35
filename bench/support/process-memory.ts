import { readFileSync } from 'node:fs';

export interface ProcessMemory {
  pid: number;
  /** What was started, without paths. */
  command: string;
  /** Proportional set size in KiB: pages that several processes map count to each in part, so that the sum is what all take. */
  pss: number;
}

/** Memory of a process and all its descendants, parents first. */
export function processTreeMemory(pid: number): ProcessMemory[] {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1');
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean);
  const pss = Number(/^Pss: +(\d+) kB$/m.exec(rollup)?.[1]);
  return [{ pid, command: commandOf(pid), pss }, ...children.flatMap((child) => processTreeMemory(Number(child)))];
}

/** `node capture/worker`, `mosquitto`: the program, and for Node the module with its folder. */
function commandOf(pid: number): string {
  const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  const program = words[0]?.split('/').at(-1) ?? '';
  const module = words.find((word) => /\.(?:js|ts)$/.test(word));
  return module === undefined ? program : `${program} ${module.split('/').slice(-2).join('/')}`;
}
