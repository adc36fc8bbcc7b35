import { join } from 'node:path';
import type { Settings, StreamSettings } from '../config/settings.ts';
import { CaptureSource, type CaptureSourceOptions } from './capture/capture-source.ts';
import { ControlsMemory } from './capture/controls-memory.ts';
import type { CaptureDevice } from './capture/device.ts';
import { DeviceMonitor } from './capture/device-monitor.ts';
import type { EncoderChoice } from './capture/encoders.ts';
import { NetworkCameras } from './capture/network-cameras.ts';
import type { GatewayEvent } from './control/gateway-port.ts';
import { DeviceAssignment } from './device-assignment.ts';
import type { MediaClock } from './lib/clock.ts';
import type { Log } from './lib/log.ts';
import { installationSecret } from './lib/secret-file.ts';
import { UsbResets } from './usb-resets.ts';

/** How long the first look for cameras and microphones may hold up the start, in milliseconds. */
const FIRST_SCAN_MS = 1500;

export interface GatewaySourcesOptions {
  settings: () => Settings;
  encoders: EncoderChoice;
  environment: Record<string, string>;
  clock: MediaClock;
  log: Log;
  devicesChanged: (devices: readonly CaptureDevice[]) => void;
  event: (event: GatewayEvent) => void;
  /** Tests have workers of their own. */
  startWorker?: CaptureSourceOptions['startWorker'];
}

/** The devices of this gateway, and the sources that capture from them for its streams. */
export class GatewaySources {
  readonly usbResets: UsbResets;
  /** What the controls of cameras were set to. */
  readonly memory = new ControlsMemory();
  readonly #options: GatewaySourcesOptions;
  readonly #assignment = new DeviceAssignment();
  /** Both undefined until start(): device ids are salted with a secret that has to be read first. */
  #monitor: DeviceMonitor | undefined;
  #network: NetworkCameras | undefined;

  constructor(options: GatewaySourcesOptions) {
    this.#options = options;
    this.usbResets = new UsbResets({
      after: () => options.settings().devices.usbResetAfter,
      event: options.event,
    });
  }

  get devices(): readonly CaptureDevice[] {
    return this.#monitor?.devices ?? [];
  }

  /** Why devices are not to be had, for a person. */
  get problems(): readonly string[] {
    return this.#monitor?.problems ?? [];
  }

  /** Looks for devices, at first not for long, and goes on with it. */
  async start(): Promise<void> {
    const { settings, environment, log } = this.#options;
    const { stateDirectory, cameras } = settings();
    const salt = await installationSecret(join(stateDirectory, 'device-salt'));
    this.#network = new NetworkCameras(cameras, salt);
    const monitor = new DeviceMonitor({
      salt,
      always: this.#network.devices,
      held: (deviceId) => this.memory.held(deviceId),
      environment,
      log,
    });
    this.#monitor = monitor;
    monitor.onChange((devices) => this.devicesChanged(devices));
    const scanned = monitor.start();
    await Promise.race([scanned, new Promise((resolve) => setTimeout(resolve, FIRST_SCAN_MS).unref())]);
    this.#assignment.devicesChanged(monitor.devices);
  }

  /** These are all there are now. */
  devicesChanged(devices: readonly CaptureDevice[]): void {
    this.#assignment.devicesChanged(devices);
    this.#options.devicesChanged(devices);
  }

  async stop(): Promise<void> {
    await this.#monitor?.stop();
  }

  /** Looks at the devices now, or at the one with this path. */
  async rescan(path?: string): Promise<void> {
    await this.#monitor?.rescan(path);
  }

  /** Streams that wish for the same device share its source; test pictures carry the name of their stream. */
  open(stream: string, kind: 'video' | 'audio', streamSettings: StreamSettings): CaptureSource {
    const { settings, encoders, clock, log, environment, startWorker } = this.#options;
    const wished = streamSettings[kind];
    if (wished === false) throw new Error(`stream ${stream} has no ${kind}`);
    const { id } = settings().gateway;
    return this.#assignment.open(wished.device, kind, (device) => {
      return new CaptureSource({
        kind,
        device,
        ...(wished.device === 'any' ? {} : { wishedDevice: wished.device }),
        encoders,
        clock,
        cname: id,
        log: log.child({ stream, kind }),
        text: `${id}: ${stream}`,
        idleTimeout: streamSettings.idleTimeout * 1000,
        controls: this.memory,
        controlsChanged: ({ path }) => void this.rescan(path),
        environment,
        captured: () => this.#assignment.captured,
        usbReset: this.usbResets,
        startWorker,
        ...(this.#network && { openNetworkDevice: this.#network.open }),
      });
    });
  }

  /** Forgets the sources that no stream has any more. */
  keepOnly(sources: ReadonlySet<CaptureSource>): void {
    this.#assignment.keepOnly(sources);
  }
}
