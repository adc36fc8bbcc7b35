import { join } from 'node:path';
import { CaptureError } from './capture-error.ts';
import type { UsbPort } from './device.ts';
import { runTool } from './run-tool.ts';
import { readText } from './sysfs.ts';

/** The port is switched off and on, and the device asked who it is. */
const TIMEOUT_MS = 10_000;

/**
 * Resets a device on the USB, much as pulling it out and plugging it in would; all its functions, a webcam's microphone too.
 * @throws CaptureError (as a rejection) `not-live` when it is not there, `not-installed`, `timeout`, `failed`.
 */
export async function resetUsbDevice({ directory }: UsbPort, run = runTool): Promise<void> {
  const [bus, device] = await Promise.all(['busnum', 'devnum'].map((name) => readText(join(directory, name))));
  if (bus === undefined || device === undefined) throw new CaptureError('not-live', 'it is not connected');
  const node = `${bus.padStart(3, '0')}/${device.padStart(3, '0')}`;
  const { ok, missing, late, stdout, stderr } = await run('usbreset', [node], { timeout: TIMEOUT_MS });
  if (missing) throw new CaptureError('not-installed', 'usbreset is not installed (package usbutils)');
  if (late) throw new CaptureError('timeout', 'the reset does not end');
  // Its exit code says nothing of the reset; "Resetting <name> ... ok".
  if (ok && /\bok\s*$/.test(stdout)) return;
  const [, why] = /\[(.*)\]\s*$/.exec(stdout) ?? [];
  throw new CaptureError('failed', `/dev/bus/usb/${node}: ${why ?? (stderr.trim() || stdout.trim() || 'no answer')}`);
}
