import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { CaptureDevice } from './device.ts';
import { isLibcamera } from './libcamera-controls.ts';

/**
 * Whether a device of this machine is still there, as its node tells. The table of devices learns a moment later that one
 * was pulled out; it is looked at here before a worker opens it.
 */
export async function isPresent(device: CaptureDevice, proc = '/proc'): Promise<boolean> {
  const node = nodeOf(device, proc);
  if (node === undefined) return true;
  try {
    await access(node);
  } catch (error) {
    // What else is wrong with it its driver says better.
    return (error as NodeJS.ErrnoException).code !== 'ENOENT';
  }
  return true;
}

/** What is there as long as the device is; undefined where nothing tells. */
function nodeOf(device: CaptureDevice, proc: string): string | undefined {
  const { path, kind } = device;
  // libcamera opens nodes of its own choice.
  if (isLibcamera(device)) return undefined;
  if (kind === 'videoinput') return path.startsWith('/') ? path : undefined;
  const [, card] = /CARD=([\w-]+)/.exec(path) ?? [];
  return card === undefined ? undefined : join(proc, 'asound', card);
}
