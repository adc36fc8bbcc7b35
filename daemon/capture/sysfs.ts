import { readFile, realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { UsbPort } from './device.ts';

/** Where a device hangs, as sysfs has it. */
export interface Attachment {
  /** What stays the same over replug and reboot: serial number, else the port. */
  readonly identity: string;
  /** The port alone: tells two devices with the same serial number apart. */
  readonly port: string;
  /** The physical device: a webcam's camera and microphone have the same. */
  readonly group: string;
  /** Undefined for what is not on USB. */
  readonly usb: UsbPort | undefined;
  /** As the device tells it; undefined where it has none. */
  readonly serial: string | undefined;
}

/** Interfaces lie one or two levels below their USB device. */
const LEVELS_TO_USB_DEVICE = 4;

/**
 * Follows the `device` link of a class directory, for example `/sys/class/video4linux/video0`.
 * @returns undefined when the device has gone meanwhile.
 */
export async function readAttachment(classDirectory: string): Promise<Attachment | undefined> {
  let device: string;
  try {
    device = await realpath(join(classDirectory, 'device'));
  } catch {
    // Purely virtual devices (a loopback sound card) have no parent.
    const own = await realpath(classDirectory).catch(() => undefined);
    return own === undefined ? undefined : notOnUsb(own);
  }
  let directory = device;
  for (let level = 0; level < LEVELS_TO_USB_DEVICE && directory !== '/'; level++, directory = dirname(directory)) {
    const vendor = await readText(join(directory, 'idVendor'));
    if (vendor === undefined) continue;
    const product = await readText(join(directory, 'idProduct'));
    const serial = (await readText(join(directory, 'serial'))) || undefined;
    const speed = Number(await readText(join(directory, 'speed')));
    const model = `usb:${vendor}:${product}`;
    // The interface number (1-1.2:1.0) tells the cameras of a device with two of them apart.
    const part = device.slice(device.lastIndexOf(':') + 1);
    return {
      identity: `${model}${serial === undefined ? `@${directory}` : `:${serial}`}/${part}`,
      port: directory,
      // Not by the serial number, which cheap devices share.
      group: directory,
      usb: { directory, ...(Number.isFinite(speed) && speed > 0 && { speed }) },
      serial,
    };
  }
  return notOnUsb(device);
}

const notOnUsb = (directory: string): Attachment => ({
  identity: directory,
  port: directory,
  group: directory,
  usb: undefined,
  serial: undefined,
});

/** What the device table tells of it. */
export function usbOf({ usb, serial }: Attachment): { usb?: UsbPort; serial?: string } {
  return { ...(usb && { usb }), ...(serial !== undefined && { serial }) };
}

/**
 * Tells a device from the one that was there before, under the same name and at the same place: sysfs makes its
 * directory anew. @returns undefined when the device has gone meanwhile.
 */
export async function readInstance(classDirectory: string): Promise<number | undefined> {
  return (await stat(classDirectory).catch(() => undefined))?.ino;
}

/** A small file of sysfs or procfs without its line end; undefined where there is none. */
export async function readText(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, 'utf8')).trimEnd();
  } catch {
    return undefined;
  }
}
