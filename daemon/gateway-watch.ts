import type { CaptureDevice } from './capture/device.ts';
import type { GatewayEvent } from './control/gateway-port.ts';
import type { Clock, Timer } from './lib/clock.ts';
import type { HealthVerdict } from './telemetry/health.ts';
import type { HeatReading, ThermalReduction } from './thermal-reduction.ts';

export interface GatewayWatchOptions {
  health: () => HealthVerdict;
  heat: () => HeatReading;
  reduction: ThermalReduction;
  /** How much is encoded has to change. */
  reductionChanged: () => void;
  event: (event: GatewayEvent) => void;
  clock: Clock;
}

const INTERVAL_MS = 5000;
/** Degrees Celsius: where boards begin to slow down, and where that is over. */
const HOT = 80;
const COOL = 75;

/** Looks at what tells nobody of its changes by itself, and makes events of them. */
export class GatewayWatch {
  readonly #options: GatewayWatchOptions;
  #status: HealthVerdict['status'] = 'ok';
  #hot = false;
  /** Undefined until the first look: what was there before us was not plugged in. */
  #devices: readonly CaptureDevice[] | undefined;
  #timer: Timer | undefined;

  constructor(options: GatewayWatchOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = this.#options.clock.setTimeout(() => {
      this.#look();
      this.start();
    }, INTERVAL_MS);
    this.#timer.unref?.();
  }

  /** Idempotent. */
  stop(): void {
    this.#options.clock.clearTimeout(this.#timer);
  }

  devicesChanged(devices: readonly CaptureDevice[]): void {
    const before = this.#devices;
    this.#devices = devices;
    if (before === undefined) return;
    this.#tellOf('device_added', devices, before);
    this.#tellOf('device_removed', before, devices);
  }

  #tellOf(type: 'device_added' | 'device_removed', some: readonly CaptureDevice[], others: readonly CaptureDevice[]) {
    const known = new Set(others.map(({ deviceId }) => deviceId));
    for (const { deviceId, kind, label, path } of some)
      if (!known.has(deviceId)) this.#options.event({ type, data: { deviceId, kind, label, path } });
  }

  #look(): void {
    const { health, event } = this.#options;
    const { status, components } = health();
    if (status !== this.#status) {
      const failing = components.flatMap(({ component, reason }) =>
        reason === undefined ? [] : { component, reason },
      );
      event({ type: 'health', data: { from: this.#status, to: status, failing } });
      this.#status = status;
    }
    this.#lookAtHeat();
  }

  #lookAtHeat(): void {
    const { heat, reduction, reductionChanged, event } = this.#options;
    const reading = heat();
    const { temperature, throttled } = reading;
    const changed = reduction.read(reading);
    const hot = throttled || (temperature ?? 0) >= (this.#hot ? COOL : HOT);
    if (hot === this.#hot && !changed) return;
    this.#hot = hot;
    const to = hot ? 'hot' : 'normal';
    const encoding = reduction.step;
    event({
      type: 'thermal',
      data: { to, throttled, encoding, ...(temperature === undefined ? {} : { temperature }) },
    });
    if (changed) reductionChanged();
  }
}
