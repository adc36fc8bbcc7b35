import type { ControlsMemory } from './capture/controls-memory.ts';
import type { VideoDevice } from './capture/device.ts';
import type { DeviceMonitor } from './capture/device-monitor.ts';
import { ControlError, type DeviceControlReport, type DeviceControlsPort } from './control/gateway-port.ts';
import { asControlError } from './gateway-control.ts';

/** The cameras' own controls as the control surface sees them. */
export class GatewayDeviceControls implements DeviceControlsPort {
  readonly #monitor: () => DeviceMonitor | undefined;

  readonly #memory: ControlsMemory;

  /** @param options `monitor`: undefined until the gateway has started; `memory`: that of the sources. */
  constructor(options: { monitor: () => DeviceMonitor | undefined; memory: ControlsMemory }) {
    this.#monitor = options.monitor;
    this.#memory = options.memory;
  }

  async rescan(): Promise<void> {
    await this.#monitor()?.rescan();
  }

  async read(deviceId: string): Promise<DeviceControlReport[]> {
    await this.#monitor()?.rescan(this.#camera(deviceId).path);
    return this.#reports(deviceId);
  }

  async write(deviceId: string, values: Readonly<Record<string, number>>): Promise<DeviceControlReport[]> {
    const camera = this.#camera(deviceId);
    try {
      await this.#memory.set(camera, values);
    } catch (error) {
      throw asControlError(error, '/controls');
    } finally {
      await this.#monitor()?.rescan(camera.path);
    }
    return this.#reports(deviceId);
  }

  #reports(deviceId: string): DeviceControlReport[] {
    return this.#camera(deviceId).controls.map(({ menu, ...control }) => ({
      ...control,
      ...(menu && { menu: [...menu] }),
    }));
  }

  /** @throws ControlError `not_found`. */
  #camera(deviceId: string): VideoDevice {
    const cameras = (this.#monitor()?.devices ?? []).filter((device) => device.kind === 'videoinput');
    const camera = cameras.find((device) => device.deviceId === deviceId);
    if (camera !== undefined) return camera;
    const known = cameras.map((device) => `${device.deviceId} (${device.label})`).join(', ') || 'none';
    throw new ControlError('not_found', `there is no camera '${deviceId}'; there are: ${known}`, '/deviceId');
  }
}
