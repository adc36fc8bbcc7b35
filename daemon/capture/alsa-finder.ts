import { join } from 'node:path';
import { type AlsaPcm, alsaDevice, parseAlsa } from './alsa.ts';
import type { AudioDevice } from './device.ts';
import { type DeviceFinder, type DeviceFinderOptions, withIds, withPart } from './device-finder.ts';
import { saltedId } from './device-id.ts';
import { readDeviceLinks } from './device-links.ts';
import { type Attachment, readAttachment, readText, usbOf } from './sysfs.ts';

/** Microphones of ALSA, in the order of their cards. Nothing is opened for it. */
export class AlsaFinder implements DeviceFinder {
  readonly #options: DeviceFinderOptions;

  readonly problems = [];

  constructor(options: DeviceFinderOptions) {
    this.#options = options;
  }

  forget(): void {
    // Nothing is remembered: the kernel tells it all in two files.
  }

  async find(): Promise<AudioDevice[]> {
    const { salt, roots } = this.#options;
    const [cards, pcm] = await Promise.all([
      readText(join(roots.proc, 'asound/cards')),
      readText(join(roots.proc, 'asound/pcm')),
    ]);
    if (cards === undefined || pcm === undefined) return [];
    const found: { pcm: AlsaPcm; attachment: Attachment }[] = [];
    for (const entry of parseAlsa(cards, pcm)) {
      const attachment = await readAttachment(join(roots.sys, `class/sound/card${entry.card}`));
      if (attachment !== undefined) found.push({ pcm: entry, attachment: withPart(attachment, `pcm${entry.device}`) });
    }
    const several = new Set(
      found.map(({ pcm: { cardId } }) => cardId).filter((id, index, all) => all.indexOf(id) !== index),
    );
    const links = found.length === 0 ? undefined : await readDeviceLinks(roots.dev);
    return withIds(found, salt, 'microphone').map(([{ pcm: entry, attachment }, deviceId]) => ({
      kind: 'audioinput',
      deviceId,
      groupId: saltedId(salt, attachment.group),
      label: several.has(entry.cardId) ? `${entry.cardName}, ${entry.name} ${entry.device}` : entry.cardName,
      bus: attachment.usb === undefined ? 'alsa' : 'usb',
      path: alsaDevice(entry),
      links: links?.get(`controlC${entry.card}`) ?? [],
      ...usbOf(attachment),
    }));
  }
}
