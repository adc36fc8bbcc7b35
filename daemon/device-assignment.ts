import type { CaptureSource } from './capture/capture-source.ts';
import { type CaptureDevice, selectDevice } from './capture/device.ts';

interface Assignment {
  readonly source: CaptureSource;
  /** As configured, see {@link selectDevice}. */
  readonly wish: string;
  /** The device it has, or had before that was unplugged. */
  device: CaptureDevice | undefined;
}

/** Gives each source the device that its settings wish for, and again whenever devices come and go. */
export class DeviceAssignment {
  #assignments: Assignment[] = [];
  #devices: readonly CaptureDevice[] = [];

  /** The source of a wish: the one that has it already, else a new one that `create` makes over the device of now. */
  open(
    wish: string,
    kind: 'video' | 'audio',
    create: (device: CaptureDevice | undefined) => CaptureSource,
  ): CaptureSource {
    const same = this.#assignments.find((assignment) => assignment.wish === wish && assignment.source.kind === kind);
    if (same !== undefined && same.device !== undefined && same.device.bus !== 'test') return same.source;
    const device = this.#select(wish, kind);
    const source = create(device);
    this.#assignments.push({ source, wish, device });
    return source;
  }

  /** Forgets the sources that no stream has any more. */
  keepOnly(sources: ReadonlySet<CaptureSource>): void {
    this.#assignments = this.#assignments.filter(({ source }) => sources.has(source));
  }

  /** The devices that are captured now. */
  get captured(): CaptureDevice[] {
    return this.#assignments.flatMap(({ source }) => (source.flowing && source.device ? [source.device] : []));
  }

  devicesChanged(devices: readonly CaptureDevice[]): void {
    this.#devices = devices;
    for (const assignment of this.#assignments) {
      const device = this.#deviceFor(assignment);
      assignment.device = device ?? assignment.device;
      assignment.source.setDevice(device);
    }
  }

  /**
   * A source stays with the device it has had, under whatever path that comes back, as long as that is what is wished for:
   * with `any` it never wanders to another because its own was unplugged.
   */
  #deviceFor({ source, wish, device: had }: Assignment): CaptureDevice | undefined {
    const same = this.#devices.find((device) => device.kind === had?.kind && device.deviceId === had.deviceId);
    if (wish === 'any' && had !== undefined && had.deviceId !== 'test') return same;
    const stays = same && selectDevice([same], wish, source.kind);
    return stays ?? this.#select(wish, source.kind);
  }

  #select(wish: string, kind: 'video' | 'audio'): CaptureDevice | undefined {
    return selectDevice(this.#devices, wish, kind);
  }
}
