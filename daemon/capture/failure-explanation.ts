import type { CaptureFailure } from './capture-owner.ts';
import type { CaptureDevice } from './device.ts';
import { deviceHolder } from './device-holder.ts';
import { NO_BANDWIDTH } from './driver-refusal.ts';
import { isLibcamera } from './libcamera-controls.ts';

/**
 * What is behind a failure, for a person who can do something about it.
 * @param captured The devices that are captured now.
 * @returns undefined where the failure speaks for itself.
 */
export async function explainFailure(
  { reason, errno, message }: CaptureFailure,
  device: CaptureDevice,
  captured: readonly CaptureDevice[],
  proc?: string,
): Promise<string | undefined> {
  if (errno === NO_BANDWIDTH && device.usb !== undefined) return `${message}: ${noBandwidth(device, captured)}`;
  if (reason !== 'busy') return undefined;
  const holder = await deviceHolder(device, proc);
  if (holder !== undefined) return `${message}: ${holder} has it open`;
  return `${message}: a program of another user has it open, 'sudo fuser -v ${nodesOf(device)}' names it`;
}

function nodesOf(device: CaptureDevice): string {
  if (device.kind === 'audioinput') return '/dev/snd/*';
  return isLibcamera(device) ? '/dev/media*' : device.path;
}

function noBandwidth(device: CaptureDevice, captured: readonly CaptureDevice[]): string {
  const bus = busOf(device);
  const others = captured.filter((other) => other.deviceId !== device.deviceId && busOf(other) === bus);
  const labels = [...new Set(others.map(({ label }) => label))].join(' and ');
  const who = labels === '' ? 'what else hangs on its bus' : labels;
  return (
    `its USB has no bandwidth left beside ${who}. A smaller size or frame rate, JPEG instead of raw pictures, ` +
    'or a port of another controller helps'
  );
}

/** The controller's root hub: all that hangs on it shares its bandwidth. */
function busOf({ usb }: CaptureDevice): string | undefined {
  return usb === undefined ? undefined : /^.*?\/usb\d+(?=\/|$)/.exec(usb.directory)?.[0];
}
