import type { DeviceProvider, ProvidedDevice, ProvidedInput } from '../../daemon/media/device-provider.ts';
import type { MediaTrackCapabilities, MediaTrackSettings } from '../../daemon/media/track-dictionaries.ts';
import type { VideoMode } from '../../daemon/media/track-source.ts';
import { QuietSource } from './quiet-source.ts';

/** The source of a camera or a microphone that opens at once, or as the test wants it. */
export class DeviceSource extends QuietSource {
  readonly identity: { readonly deviceId: string; readonly groupId: string };
  more: MediaTrackCapabilities = {};
  /** What opening it waits for; throws what it fails with. */
  opening: (signal: AbortSignal | undefined) => Promise<void> = async () => undefined;

  constructor(kind: 'audio' | 'video', deviceId: string, groupId: string) {
    super(kind, `The ${deviceId}`);
    this.identity = { deviceId, groupId };
  }

  override capabilities(): MediaTrackCapabilities {
    const own = this.kind === 'audio' ? super.capabilities() : {};
    return { ...own, ...this.more, ...this.identity };
  }

  override modes(): readonly VideoMode[] {
    if (this.kind === 'audio') return [];
    return [
      { width: 640, height: 480, frameRates: [30] },
      { width: 1280, height: 720, frameRates: [30] },
    ];
  }

  override settings(): MediaTrackSettings {
    return this.identity;
  }

  override live(signal?: AbortSignal): Promise<void> {
    return this.opening(signal);
  }
}

export type QuietInput = ProvidedInput & { readonly quiet: DeviceSource };

export function quietInput(kind: 'audio' | 'video', deviceId: string, groupId = `group of ${deviceId}`): QuietInput {
  const quiet = new DeviceSource(kind, deviceId, groupId);
  return {
    kind: kind === 'audio' ? 'audioinput' : 'videoinput',
    deviceId,
    groupId,
    label: quiet.label,
    capabilities: () => quiet.capabilities(),
    modes: () => quiet.modes(),
    source: () => quiet,
    quiet,
  };
}

/** Devices that come and go as the test wants it. */
export class QuietProvider implements DeviceProvider {
  readonly #listeners: (() => void)[] = [];
  list: ProvidedDevice[];
  asked = 0;

  constructor(...list: ProvidedDevice[]) {
    this.list = list;
  }

  async devices(): Promise<readonly ProvidedDevice[]> {
    this.asked += 1;
    return this.list;
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  change(...list: ProvidedDevice[]): void {
    this.list = list;
    for (const listener of this.#listeners) listener();
  }
}
