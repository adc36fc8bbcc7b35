import { mkdir } from 'node:fs/promises';
import { CaptureSource } from './capture/capture-source.ts';
import type { ControlsMemory } from './capture/controls-memory.ts';
import type { CaptureDevice } from './capture/device.ts';
import { deviceCapabilities, deviceModes } from './capture/device-capabilities.ts';
import { EncoderSelector } from './capture/encoder.ts';
import { gstreamerEnvironment } from './capture/gstreamer-environment.ts';
import { MediaClock } from './lib/clock.ts';
import type { Log } from './lib/log.ts';
import type { DeviceProvider, ProvidedDevice, ProvidedInput, ProvidedOutput } from './media/device-provider.ts';

/** Cameras and microphones as they come and go: the device monitor, or a fixed list. */
export interface DeviceTable {
  readonly devices: readonly CaptureDevice[];
  start(): Promise<void>;
  onChange(listener: () => void): unknown;
  /** Reads a device again whose controls were set; a fixed list has nothing to read. */
  rescan?(path: string): Promise<void>;
}

export interface CapturedDevicesOptions {
  /** Makes the table, with the first question. */
  table: () => Promise<DeviceTable>;
  outputs?: readonly ProvidedOutput[];
  /** What cameras were set to. */
  controls?: ControlsMemory;
  /** Where it is kept which encoder works; made with the first question. */
  stateDirectory: string;
  log: Log;
}

/** How long a device stays open when its tracks live and nobody reads them any more, in milliseconds. */
const IDLE_TIMEOUT_MS = 1000;

/** The machine's devices for MediaDevices: one capture source each, made when somebody wants it. */
export class CapturedDevices implements DeviceProvider {
  readonly #options: CapturedDevicesOptions;
  readonly #clock = new MediaClock();
  readonly #sources = new Map<string, CaptureSource>();
  readonly #listeners: (() => void)[] = [];
  readonly #encoders: EncoderSelector;
  readonly #environment: Record<string, string>;
  #table: Promise<DeviceTable> | undefined;

  constructor(options: CapturedDevicesOptions) {
    this.#options = options;
    const { stateDirectory, log } = options;
    this.#environment = gstreamerEnvironment(stateDirectory);
    this.#encoders = new EncoderSelector({ stateDirectory, environment: this.#environment, log });
  }

  async devices(): Promise<readonly ProvidedDevice[]> {
    this.#table ??= this.#start();
    const { devices } = await this.#table;
    return [...devices.map((device) => this.#provided(device)), ...(this.#options.outputs ?? [])];
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  async #start(): Promise<DeviceTable> {
    // Without it everything is found anew with each start.
    await mkdir(this.#options.stateDirectory, { recursive: true }).catch(() => undefined);
    const table = await this.#options.table();
    table.onChange(() => {
      for (const source of this.#sources.values())
        source.setDevice(table.devices.find((device) => keyOf(device) === keyOf(source.lastDevice)));
      for (const listener of this.#listeners) listener();
    });
    await table.start();
    return table;
  }

  #provided(device: CaptureDevice): ProvidedInput {
    const { kind, deviceId, groupId, label } = device;
    return {
      kind,
      deviceId,
      groupId,
      label,
      capabilities: () => deviceCapabilities(device),
      modes: () => deviceModes(device),
      source: () => this.source(device),
      explain: async (reason) => (await this.source(device).explanation) ?? reason,
    };
  }

  /** The one source of a device, which need not be in the table. */
  source(device: CaptureDevice): CaptureSource {
    const key = keyOf(device);
    let source = this.#sources.get(key);
    if (source === undefined) {
      source = new CaptureSource({
        kind: device.kind === 'videoinput' ? 'video' : 'audio',
        device,
        encoders: this.#encoders,
        clock: this.#clock,
        cname: 'vedette',
        log: this.#options.log,
        idleTimeout: IDLE_TIMEOUT_MS,
        ...(this.#options.controls && { controls: this.#options.controls }),
        controlsChanged: ({ path }) => void this.#table?.then((table) => table.rescan?.(path)),
        environment: this.#environment,
      });
      this.#sources.set(key, source);
    }
    return source;
  }
}

const keyOf = (device: CaptureDevice | undefined): string => `${device?.kind} ${device?.deviceId}`;
