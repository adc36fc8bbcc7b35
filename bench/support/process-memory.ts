import { readFileSync } from 'node:fs';

export interface ProcessMemory {
  pid: number;
  /** What was started, without paths. */
  command: string;
  /** Proportional set size in KiB: pages that several processes map count to each in part, so that the sum is what all take. */
  pss: number;
}

/** A process and all its descendants, parents first. */
export function processTree(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean);
  return [pid, ...children.flatMap((child) => processTree(Number(child)))];
}

/** Memory of a process and all its descendants, parents first. */
export const processTreeMemory = (pid: number): ProcessMemory[] =>
  processTree(pid).map((each) => {
    const rollup = readFileSync(`/proc/${each}/smaps_rollup`, 'latin1');
    return { pid: each, command: commandOf(each), pss: Number(/^Pss: +(\d+) kB$/m.exec(rollup)?.[1]) };
  });

/** `node capture/worker`, `mosquitto`: the program, and for Node the module with its folder. */
export function commandOf(pid: number): string {
  const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  const program = words[0]?.split('/').at(-1) ?? '';
  const module = words.find((word) => /\.(?:js|ts)$/.test(word));
  return module === undefined ? program : `${program} ${module.split('/').slice(-2).join('/')}`;
}
