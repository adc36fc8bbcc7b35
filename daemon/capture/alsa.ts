/** One capture PCM of a sound card. */
export interface AlsaPcm {
  /** Number of the card; changes from plug to plug. */
  readonly card: number;
  /** Id of the card: stable, at most 15 letters, digits, `_` and `-`. */
  readonly cardId: string;
  /** `HD Pro Webcam C920`. */
  readonly cardName: string;
  readonly device: number;
  /** `USB Audio`. */
  readonly name: string;
}

/**
 * The microphones of the machine, from the text of `/proc/asound/cards` and `/proc/asound/pcm`.
 * Cards whose id could mean something to ALSA's or GStreamer's parsers are left out; the kernel makes none such.
 */
export function parseAlsa(cards: string, pcm: string): AlsaPcm[] {
  const names = new Map<number, { id: string; name: string }>();
  for (const [, number, id, name] of cards.matchAll(/^\s*(\d+) \[([\w-]+)\s*\]: .*? - (.*)$/gm))
    names.set(Number(number), { id: id as string, name: (name as string).trim() });
  const found: AlsaPcm[] = [];
  for (const line of pcm.split('\n')) {
    const match = /^(\d+)-(\d+): (.*)$/.exec(line);
    if (match === null || !/: capture \d+/.test(line)) continue;
    const card = names.get(Number(match[1]));
    if (card === undefined) continue;
    const [, name = ''] = (match[3] as string).split(' : ');
    found.push({
      card: Number(match[1]),
      cardId: card.id,
      cardName: card.name,
      device: Number(match[2]),
      name: name.trim(),
    });
  }
  return found;
}

/** The PCM for `alsasrc`: `plug` converts what the card does not have. */
export function alsaDevice({ cardId, device }: AlsaPcm): string {
  return `plughw:CARD=${cardId},DEV=${device}`;
}
