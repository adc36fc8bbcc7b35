import type { MqttControl } from './control/mqtt/control.ts';
import { loadProbe } from './dropped-frames.ts';
import type { GatewaySources } from './gateway-sources.ts';
import type { Clock } from './lib/clock.ts';
import type { StreamRegistry } from './stream-registry.ts';
import type { Health } from './telemetry/health.ts';
import type { ThermalReduction } from './thermal-reduction.ts';

export interface GatewayProbesOptions {
  health: Health;
  streams: StreamRegistry;
  sources: GatewaySources;
  reduction: ThermalReduction;
  mqtt: () => MqttControl | undefined;
  clock: Clock;
}

/** The looks at what can be unwell in a gateway. A camera or a broker that is away is no reason to restart: nothing is vital. */
export class GatewayProbes {
  readonly #options: GatewayProbesOptions;
  #streams: (() => void)[] = [];

  constructor(options: GatewayProbesOptions) {
    this.#options = options;
  }

  /** From now on all of this is looked at; again where the streams are other ones. */
  register(): void {
    const { health, streams, sources, reduction, mqtt, clock } = this.#options;
    for (const unregister of this.#streams) unregister();
    this.#streams = streams
      .all()
      .flatMap((stream) => [
        health.register(`stream ${stream.name}`, () => (stream.failing ? (stream.reason ?? 'no picture') : undefined)),
        health.register(`load ${stream.name}`, loadProbe(stream, clock)),
      ]);
    health.register('devices', () => sources.problems.join('; ') || undefined);
    health.register('heat', () => reduction.reason);
    health.register('mqtt', () => {
      const status = mqtt()?.status();
      return status?.connected === true ? undefined : (status?.reason ?? 'not connected');
    });
  }
}
