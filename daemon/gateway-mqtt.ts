import { join } from 'node:path';
import type { Settings } from '../config/settings.ts';
import type { Controller } from './control/controller.ts';
import type { MqttControl } from './control/mqtt/control.ts';
import type { GatewayControl } from './gateway-control.ts';
import type { Clock } from './lib/clock.ts';
import type { Log } from './lib/log.ts';

export interface GatewayMqttOptions {
  /** As of now. */
  settings: () => Settings;
  /** The embedded broker's port is to be the configured one and no other. */
  portConfigured: () => boolean;
  gateway: GatewayControl;
  clock: Clock;
  log: Log;
}

/** The gateway under the control of a broker: connected anew where its settings have changed. */
export class GatewayMqtt {
  readonly #options: GatewayMqttOptions;
  #control: MqttControl | undefined;
  /** One for all lives of the connection, so that a repeated request is known. */
  #controller: Controller | undefined;

  constructor(options: GatewayMqttOptions) {
    this.#options = options;
  }

  /** The newest life; undefined before start(). */
  get control(): MqttControl | undefined {
    return this.#control;
  }

  /** Begins a life with the settings as they are now; the one before has been stopped. */
  async start(): Promise<void> {
    const { settings, portConfigured, gateway, clock, log } = this.#options;
    const [{ MqttControl }, { Controller }, { RequestRights }] = await Promise.all([
      import('./control/mqtt/control.ts'),
      import('./control/controller.ts'),
      import('./control/request-rights.ts'),
    ]);
    this.#controller ??= new Controller({
      gateway,
      rights: new RequestRights({
        acl: () => settings().mqtt.acl,
        audience: () => {
          const { baseTopic } = settings().mqtt;
          return [baseTopic, `${baseTopic}/${settings().gateway.id}`];
        },
        clock,
      }),
      clock,
      log,
    });
    const { mqtt, gateway: identity, stateDirectory } = settings();
    this.#control = new MqttControl({
      settings: mqtt,
      gatewayId: identity.id,
      directory: join(stateDirectory, 'mqtt'),
      embeddedPortConfigured: portConfigured(),
      controller: this.#controller,
      gateway,
      clock,
      log,
    });
    await this.#control.start();
  }

  /** Idempotent. */
  async stop(): Promise<void> {
    await this.#control?.stop();
  }

  /** Takes over what can change while it is connected. */
  configure(): void {
    this.#control?.configure(this.#options.settings().mqtt);
  }
}
