import type { Clock, Timer } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { GatewayPort, StampedEvent, StreamReport } from './gateway-port.ts';
import type { OutgoingMessage } from './outbox.ts';

export interface StatePublisherOptions {
  gateway: GatewayPort;
  clock: Clock;
  /** `<baseTopic>/<gatewayId>`. */
  base: string;
  /** Takes a message for the broker, whether it is connected or not; never blocks. */
  send: (message: OutgoingMessage) => void;
  /** Seconds between telemetry messages; 0: none. */
  telemetryInterval: number;
  log: Log;
}

/** Changes within this time make one message, in milliseconds. */
const COALESCE = 100;
/** Seconds after which the broker need not deliver an event or telemetry any more. */
const EVENT_EXPIRY = 60;

/**
 * Tells the broker what the gateway is and does: retained topics with the newest state, each as one message however
 * many changes there were, and events. It knows nothing of connections: on a new one {@link publishAll} is called.
 */
export class StatePublisher {
  readonly #options: StatePublisherOptions;
  /** Topics below the base that hold something of ours, and their last text. */
  readonly #published = new Map<string, string>();
  readonly #dirty = new Set<() => void>();
  #telemetryInterval: number;
  readonly #publishInfo = () => this.#state('info', this.#options.gateway.info());
  readonly #publishDevices = () => this.#state('devices', { devices: this.#options.gateway.devices() });
  readonly #publishConfig = () => this.#state('config', this.#options.gateway.configuration.report());
  readonly #publishStream = new Map<string, () => void>();
  #unobserve: (() => void) | undefined;
  #flushTimer: Timer | undefined;
  #telemetryTimer: Timer | undefined;

  constructor(options: StatePublisherOptions) {
    this.#options = options;
    this.#telemetryInterval = options.telemetryInterval;
  }

  /** Seconds between telemetry messages from now on; 0: none. */
  set telemetryInterval(seconds: number) {
    if (seconds === this.#telemetryInterval) return;
    this.#telemetryInterval = seconds;
    this.#options.clock.clearTimeout(this.#telemetryTimer);
    if (this.#unobserve !== undefined) this.#scheduleTelemetry();
  }

  /** Begins to observe the gateway. */
  start(): void {
    this.#unobserve ??= this.#options.gateway.observe({
      infoChanged: () => this.#changed(this.#publishInfo),
      devicesChanged: () => this.#changed(this.#publishDevices),
      configChanged: () => this.#changed(this.#publishConfig),
      streamChanged: (name) => this.#changed(this.#streamPublisher(name)),
      event: (event) => this.#event(event),
    });
    this.#scheduleTelemetry();
  }

  /** Idempotent. What is retained stays. */
  stop(): void {
    const { clock } = this.#options;
    this.#unobserve?.();
    this.#unobserve = undefined;
    clock.clearTimeout(this.#flushTimer);
    clock.clearTimeout(this.#telemetryTimer);
    this.#flushTimer = undefined;
  }

  /** Every retained topic again, whatever the broker remembers, and those cleared whose object is gone. */
  publishAll(): void {
    const names = this.#options.gateway.streamNames();
    const gone = [...this.#publishStream.keys()].filter((name) => !names.includes(name));
    this.#published.clear();
    for (const publish of [this.#publishInfo, this.#publishConfig, this.#publishDevices]) publish();
    for (const name of [...names, ...gone]) this.#streamPublisher(name)();
  }

  /** The broker holds state of this stream, perhaps from an earlier life: cleared where there is no such stream. */
  foundRetained(name: string): void {
    if (!this.#options.gateway.streamNames().includes(name)) this.#clearStream(name);
  }

  #changed(publish: () => void): void {
    this.#dirty.add(publish);
    this.#flushTimer ??= this.#options.clock.setTimeout(() => {
      this.#flushTimer = undefined;
      const due = [...this.#dirty];
      this.#dirty.clear();
      for (const each of due) each();
    }, COALESCE);
  }

  #streamPublisher(name: string): () => void {
    let publish = this.#publishStream.get(name);
    if (publish === undefined) {
      publish = () => {
        if (!this.#options.gateway.streamNames().includes(name)) {
          this.#publishStream.delete(name);
          this.#clearStream(name);
          return;
        }
        const report = this.#options.gateway.stream(name);
        this.#state(`streams/${name}/state`, report);
        this.#retained(`streams/${name}/availability`, availabilityOf(report));
      };
      this.#publishStream.set(name, publish);
    }
    return publish;
  }

  #clearStream(name: string): void {
    for (const leaf of ['state', 'availability']) this.#retained(`streams/${name}/${leaf}`, '');
  }

  #state(topic: string, value: object): void {
    this.#retained(topic, JSON.stringify(value));
  }

  #retained(topic: string, payload: string): void {
    if (this.#published.get(topic) === payload) return;
    this.#published.set(topic, payload);
    this.#options.send({ kind: 'state', topic: `${this.#options.base}/${topic}`, payload, retain: true });
  }

  #event(event: StampedEvent): void {
    const { base, send } = this.#options;
    const payload = JSON.stringify(event);
    send({ kind: 'event', topic: `${base}/events`, payload, retain: false, expiry: EVENT_EXPIRY });
  }

  #scheduleTelemetry(): void {
    const { clock } = this.#options;
    if (this.#telemetryInterval <= 0) return;
    this.#telemetryTimer = clock.setTimeout(() => {
      this.#scheduleTelemetry();
      void this.#telemetry();
    }, this.#telemetryInterval * 1000);
    this.#telemetryTimer.unref?.();
  }

  async #telemetry(): Promise<void> {
    const { clock, base, send, gateway, log } = this.#options;
    try {
      const measurements = await gateway.telemetry();
      const payload = JSON.stringify({ time: new Date(clock.wall()).toISOString(), ...measurements });
      send({ kind: 'telemetry', topic: `${base}/telemetry`, payload, retain: false, expiry: EVENT_EXPIRY });
    } catch (error) {
      log.warn({ err: error }, 'cannot read telemetry');
    }
  }
}

/** What Home Assistant greys out: an idle stream is there, one without its source is not. */
function availabilityOf({ state }: StreamReport): 'online' | 'offline' {
  return state === 'error' || state === 'muted' ? 'offline' : 'online';
}
