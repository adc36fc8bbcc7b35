import { spawnSync } from 'node:child_process';

const installed = new Map<string, boolean>();

/** Whether GStreamer has an element. Asked of the system once for each, which takes some milliseconds. */
export function elementInstalled(name: string): boolean {
  let known = installed.get(name);
  if (known === undefined) {
    known = spawnSync('gst-inspect-1.0', ['--exists', name], { stdio: 'ignore' }).status === 0;
    installed.set(name, known);
  }
  return known;
}

/** The first of some elements, the best one first, that is installed. */
export const firstInstalled = <T extends string>(names: readonly T[]): T | undefined => names.find(elementInstalled);
