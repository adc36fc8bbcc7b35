import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { CaptureDevice } from './device.ts';

/**
 * The program that has a device open, other than our own workers: `ffmpeg (process 123)`. Processes of other users cannot
 * be looked into without the right to; of those that have a microphone ALSA tells the number.
 * @returns undefined when nobody has, as far as can be seen.
 */
export async function deviceHolder(device: CaptureDevice, proc = '/proc'): Promise<string | undefined> {
  const pids = device.kind === 'videoinput' ? await pidsWithOpen(device.path, proc) : await pcmOwner(device.path, proc);
  for (const pid of pids) {
    const status = await readFile(join(proc, pid, 'status'), 'utf8').catch(() => '');
    const [, name] = /^Name:\t(.+)$/m.exec(status) ?? [];
    const [, parent] = /^PPid:\t(\d+)$/m.exec(status) ?? [];
    if (pid !== `${process.pid}` && parent !== `${process.pid}`)
      return name === undefined ? `process ${pid}` : `${name} (process ${pid})`;
  }
  return undefined;
}

async function pidsWithOpen(path: string, proc: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir(proc)).filter((name) => /^\d+$/.test(name))) {
    const folder = join(proc, pid, 'fd');
    for (const descriptor of await readdir(folder).catch(() => []))
      if ((await readlink(join(folder, descriptor)).catch(() => '')) === path) {
        found.push(pid);
        break;
      }
  }
  return found;
}

/** ALSA tells the owner itself. */
async function pcmOwner(path: string, proc: string): Promise<string[]> {
  const [, card, device] = /CARD=([\w-]+),DEV=(\d+)/.exec(path) ?? [];
  if (card === undefined) return [];
  const status = await readFile(join(proc, `asound/${card}/pcm${device}c/sub0/status`), 'utf8').catch(() => '');
  const [, pid] = /^owner_pid\s*:\s*(\d+)$/m.exec(status) ?? [];
  return pid === undefined ? [] : [pid];
}
