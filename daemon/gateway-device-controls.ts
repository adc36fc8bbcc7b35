import type { VideoDevice } from './capture/device.ts';
import { ControlError, type DeviceControlReport, type DeviceControlsPort } from './control/gateway-port.ts';
import { asControlError } from './gateway-control.ts';
import type { GatewaySources } from './gateway-sources.ts';

/** The cameras' own controls as the control surface sees them. */
export class GatewayDeviceControls implements DeviceControlsPort {
  readonly #sources: GatewaySources;

  constructor(sources: GatewaySources) {
    this.#sources = sources;
  }

  async rescan(): Promise<void> {
    await this.#sources.rescan();
  }

  async read(deviceId: string): Promise<DeviceControlReport[]> {
    await this.#sources.rescan(this.#camera(deviceId).path);
    return this.#reports(deviceId);
  }

  async write(deviceId: string, values: Readonly<Record<string, number>>): Promise<DeviceControlReport[]> {
    const camera = this.#camera(deviceId);
    try {
      await this.#sources.memory.set(camera, values);
    } catch (error) {
      throw asControlError(error, '/controls');
    } finally {
      await this.#sources.rescan(camera.path);
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
    const cameras = this.#sources.devices.filter((device) => device.kind === 'videoinput');
    const camera = cameras.find((device) => device.deviceId === deviceId);
    if (camera !== undefined) return camera;
    const known = cameras.map((device) => `${device.deviceId} (${device.label})`).join(', ') || 'none';
    throw new ControlError('not_found', `there is no camera '${deviceId}'; there are: ${known}`, '/deviceId');
  }
}
