import type { MqttSettings } from '../../../config/settings.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Controller } from '../controller.ts';
import type { GatewayPort } from '../gateway-port.ts';
import type { OutgoingMessage } from '../outbox.ts';
import { SnapshotPublisher } from '../snapshot-publisher.ts';
import { StatePublisher } from '../state-publisher.ts';
import type { Connection } from './connection.ts';
import type { Delivery } from './delivery.ts';
import { Discovery } from './discovery.ts';
import type { IncomingMessage } from './incoming-message.ts';
import { PlainTopics } from './plain-topics.ts';
import { RequestResponse } from './request-response.ts';
import type { Topics } from './topics.ts';

export interface SurfaceOptions {
  settings: MqttSettings;
  topics: Topics;
  controller: Controller;
  gateway: GatewayPort;
  delivery: Delivery;
  clock: Clock;
  log: Log;
}

/** What the gateway is on a broker, over whatever connection there is: state, requests, plain topics, pictures, discovery. */
export class Surface {
  readonly #options: SurfaceOptions;
  readonly #requests: RequestResponse;
  readonly #plain: PlainTopics;
  readonly #state: StatePublisher;
  readonly #snapshots: SnapshotPublisher;
  readonly #discovery: Discovery;
  #unobserve: (() => void) | undefined;

  constructor(options: SurfaceOptions) {
    const { settings, topics, controller, gateway, delivery, clock, log } = options;
    this.#options = options;
    const send = (message: OutgoingMessage, delivered?: () => void): void => delivery.send(message, delivered);
    const { telemetryInterval, snapshotInterval, discovery } = settings;
    this.#requests = new RequestResponse({ topics, controller, transport: delivery, send, clock });
    this.#state = new StatePublisher({ gateway, clock, base: topics.base, send, telemetryInterval, log });
    this.#plain = new PlainTopics({ controller, transport: delivery, event: (event) => gateway.event(event) });
    this.#snapshots = new SnapshotPublisher({ gateway, transport: delivery, interval: snapshotInterval, clock, log });
    this.#discovery = new Discovery({
      enabled: discovery.enabled,
      telemetryInterval,
      topics,
      gateway,
      send,
      born: () => this.#snapshots.again(),
      clock,
    });
  }

  /** What must be subscribed to before we say that we are there. */
  get filters(): string[] {
    const { requests, sets } = this.#options.topics;
    return [requests, sets];
  }

  /** Begins to observe the gateway. */
  start(): void {
    this.#state.start();
    this.#unobserve ??= this.#options.gateway.observe({
      infoChanged: () => this.#discovery.changed(),
      devicesChanged: () => this.#discovery.changed(),
      configChanged: () => undefined,
      streamChanged: (name) => {
        this.#snapshots.streamChanged(name);
        this.#discovery.streamChanged(name);
      },
      event: () => undefined,
    });
  }

  configure({ telemetryInterval }: Pick<MqttSettings, 'telemetryInterval'>): void {
    this.#state.telemetryInterval = telemetryInterval;
    this.#discovery.telemetryInterval = telemetryInterval;
  }

  /** Idempotent. */
  stop(): void {
    this.#unobserve?.();
    this.#unobserve = undefined;
    this.disconnected();
    this.#state.stop();
    this.#options.controller.stop();
  }

  /** Publishes everything again, whatever the broker remembers. */
  connected(connection: Connection): void {
    const { topics, log } = this.#options;
    this.#state.publishAll();
    this.#discovery.publishAll();
    this.#snapshots.start();
    // For what an earlier life left behind, and for Home Assistant: a broker that forbids it is none the worse.
    // Devices first: an entity goes before what it shows, which it could not read.
    const watched = [...this.#discovery.filters, topics.streamAvailabilities];
    for (const filter of watched)
      connection.subscribe(filter, { retained: true }).catch((error) => {
        log.debug({ err: error, filter }, 'the broker does not let us see what it holds of us');
      });
  }

  disconnected(): void {
    this.#snapshots.stop();
    this.#discovery.stop();
  }

  received(message: IncomingMessage): void {
    const { topics } = this.#options;
    const { topic, retain, payload } = message;
    const command = topics.commandOf(topic);
    const set = topics.propertyOf(topic);
    const stream = topics.streamOf(topic);
    if (command !== undefined) void this.#requests.received(command, message);
    else if (set !== undefined) void this.#plain.received(set.stream, set.property, message);
    else if (stream === undefined) this.#discovery.received(message);
    else if (retain && payload.length > 0) this.#state.foundRetained(stream);
  }
}
