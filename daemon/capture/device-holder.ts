import { readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { CaptureDevice } from './device.ts';
import { namesIn } from './device-finder.ts';

/**
 * Who has a device open that we could not get: `ffmpeg (process 123)`; a worker of ours, where no other program has.
 * Processes of other users cannot be looked into without the right to; of those that have a microphone ALSA tells the number.
 * @returns undefined when nobody has, as far as can be seen.
 */
export async function deviceHolder(device: CaptureDevice, proc = '/proc'): Promise<string | undefined> {
  const pids = device.kind === 'videoinput' ? await pidsWithOpen(device.path, proc) : await pcmOwner(device.path, proc);
  let ours = false;
  for (const pid of pids) {
    const status = await readFile(join(proc, pid, 'status'), 'utf8').catch(() => '');
    const [, name] = /^Name:\t(.+)$/m.exec(status) ?? [];
    const [, parent] = /^PPid:\t(\d+)$/m.exec(status) ?? [];
    ours ||= parent === `${process.pid}`;
    if (pid !== `${process.pid}` && parent !== `${process.pid}`)
      return name === undefined ? `process ${pid}` : `${name} (process ${pid})`;
  }
  return ours ? 'this program itself, for another stream that calls the device by another name,' : undefined;
}

async function pidsWithOpen(path: string, proc: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await namesIn(proc)).filter((name) => /^\d+$/.test(name))) {
    const folder = join(proc, pid, 'fd');
    for (const descriptor of await namesIn(folder))
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
