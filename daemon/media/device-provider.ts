import type { MediaTrackCapabilities } from './track-dictionaries.ts';
import type { TrackSource, VideoMode } from './track-source.ts';

/** A device of the machine that makes no media: a loudspeaker. */
export interface ProvidedOutput {
  readonly kind: 'audiooutput';
  /** Stable over replug and reboot, worthless elsewhere. */
  readonly deviceId: string;
  /** The same for the parts of one physical device. */
  readonly groupId: string;
  /** What a person calls it. */
  readonly label: string;
}

/** A camera or a microphone. */
export interface ProvidedInput extends Omit<ProvidedOutput, 'kind'> {
  readonly kind: 'videoinput' | 'audioinput';
  /** As its source would tell them, without opening it. */
  capabilities(): MediaTrackCapabilities;
  modes(): readonly VideoMode[];
  /** The source that all tracks of the device share. Runs nothing yet. */
  source(): TrackSource;
  /** Why the device cannot be used, in words for a person: for example who holds it. */
  explain?(reason: string): Promise<string>;
}

export type ProvidedDevice = ProvidedInput | ProvidedOutput;

/** The devices of the machine as MediaDevices needs them: a port that the composition root implements. */
export interface DeviceProvider {
  /** All that are there now, of each kind the system's default first. */
  devices(): Promise<readonly ProvidedDevice[]>;
  /** Calls back for every change of {@link devices}. */
  onChange(listener: () => void): void;
}
