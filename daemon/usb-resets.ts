import type { UsbResetPolicy } from './capture/capture-failures.ts';
import type { CaptureDevice } from './capture/device.ts';
import type { GatewayEvent } from './control/gateway-port.ts';

/** When cameras are reset over the USB, and who hears of it. */
export class UsbResets implements UsbResetPolicy {
  readonly counts = { done: 0, failed: 0 };
  readonly #options: { after: () => number; event: (event: GatewayEvent) => void };

  constructor(options: { after: () => number; event: (event: GatewayEvent) => void }) {
    this.#options = options;
  }

  after(): number {
    return this.#options.after();
  }

  done({ deviceId, kind, label, path }: CaptureDevice, reason: string, error: string | undefined): void {
    this.counts[error === undefined ? 'done' : 'failed'] += 1;
    const data = { deviceId, kind, label, path, reason, ...(error !== undefined && { error }) };
    this.#options.event({ type: 'device_reset', data });
  }
}
