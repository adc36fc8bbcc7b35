import type { Clock, Timer } from '../../lib/clock.ts';
import type { GatewayPort } from '../gateway-port.ts';
import type { OutgoingMessage } from '../outbox.ts';
import type { IncomingMessage } from './connection.ts';
import { type DeviceDescription, deviceIds, gatewayDevice, streamDevice } from './home-assistant.ts';
import type { Topics } from './topics.ts';

export interface DiscoveryOptions {
  /** Otherwise what an earlier life said is taken back. */
  enabled: boolean;
  /** Seconds; 0: there is no telemetry to show. */
  telemetryInterval: number;
  topics: Topics;
  gateway: GatewayPort;
  send: (message: OutgoingMessage) => void;
  /** Home Assistant has started and knows our devices. */
  born: () => void;
  clock: Clock;
}

/** Changes within this time make one message, in milliseconds. */
const COALESCE = 500;
/** Home Assistant has just started: not everybody at once, in milliseconds. */
const AFTER_BIRTH = { minimum: 500, spread: 5000 };

/** Tells Home Assistant by its MQTT discovery which devices there are: the gateway, and one for each stream. */
export class Discovery {
  readonly #options: DiscoveryOptions;
  /** What was said, by device. */
  readonly #published = new Map<string, string>();
  /** Those that the broker has been asked about: once a connection, or two gateways of one id would never end. */
  readonly #compared = new Set<string>();
  #timer: Timer | undefined;
  #birth: Timer | undefined;

  constructor(options: DiscoveryOptions) {
    this.#options = options;
  }

  /** What is worth watching: what the broker holds of our devices, and the birth of Home Assistant. */
  get filters(): string[] {
    const { enabled, topics } = this.#options;
    return enabled
      ? [topics.homeAssistantStatus, ...[...this.#published.keys()].map((id) => topics.discovery(id))]
      : [];
  }

  /** All devices again, whatever the broker remembers. */
  publishAll(): void {
    this.#published.clear();
    this.#compared.clear();
    if (this.#options.enabled) this.#publish();
  }

  /** Something may have changed that the devices are described by. */
  changed(): void {
    if (!this.#options.enabled) return;
    this.#timer ??= this.#options.clock.setTimeout(() => {
      this.#timer = undefined;
      this.#publish();
    }, COALESCE);
  }

  /** Seconds from now on. */
  set telemetryInterval(seconds: number) {
    this.#options.telemetryInterval = seconds;
    this.changed();
  }

  /** Idempotent. */
  stop(): void {
    const { clock } = this.#options;
    clock.clearTimeout(this.#timer);
    clock.clearTimeout(this.#birth);
    this.#timer = undefined;
    this.#birth = undefined;
  }

  /** A stream has changed, or is gone, perhaps since an earlier life: then its device goes at once. */
  streamChanged(name: string): void {
    const { gateway } = this.#options;
    if (gateway.streamNames().includes(name)) this.changed();
    else this.#retract(deviceIds(gateway.info().id).stream(name));
  }

  /** A message on one of {@link filters}. */
  received({ topic, payload, retain }: IncomingMessage): void {
    const { topics } = this.#options;
    if (topic === topics.homeAssistantStatus) {
      if (payload.toString() === 'online') this.#homeAssistantStarted();
      return;
    }
    const id = this.#ownIds().find((candidate) => topics.discovery(candidate) === topic);
    if (id !== undefined && retain && payload.length > 0) this.#foundDevice(id, payload.toString());
  }

  #homeAssistantStarted(): void {
    const { enabled, clock } = this.#options;
    if (!enabled) return;
    clock.clearTimeout(this.#birth);
    const delay = AFTER_BIRTH.minimum + Math.random() * AFTER_BIRTH.spread;
    this.#birth = clock.setTimeout(() => {
      this.publishAll();
      this.#options.born();
    }, delay);
  }

  #publish(): void {
    const devices = this.#devices();
    for (const id of this.#published.keys()) if (!devices.has(id)) this.#retract(id);
    for (const [id, device] of devices) {
      const text = JSON.stringify(device);
      const before = this.#published.get(id);
      if (before === text) continue;
      if (before !== undefined) this.#removeComponents(id, before, device);
      this.#say(id, text);
    }
  }

  /** What an earlier life described may have had more entities, for another camera. */
  #foundDevice(id: string, held: string): void {
    const current = this.#published.get(id);
    if (held === current || this.#compared.has(id)) return;
    this.#compared.add(id);
    if (current === undefined) {
      this.#retract(id);
      return;
    }
    this.#removeComponents(id, held, JSON.parse(current) as DeviceDescription);
    this.#say(id, current);
  }

  /** An entity goes when its device is described once with nothing of it but the platform. */
  #removeComponents(id: string, before: string, device: DeviceDescription): void {
    const gone = Object.entries(componentsOf(before)).filter(([key]) => !(key in device.components));
    if (gone.length === 0) return;
    const empty = Object.fromEntries(gone.map(([key, { platform }]) => [key, { platform }]));
    // Not retained: it must not take the place of what follows, nor the other way round.
    this.#send(id, JSON.stringify({ ...device, components: { ...device.components, ...empty } }), false);
  }

  #devices(): Map<string, DeviceDescription> {
    const { gateway, topics, telemetryInterval } = this.#options;
    const context = { info: gateway.info(), topics, telemetryInterval };
    const ids = deviceIds(context.info.id);
    const cameras = gateway.devices();
    const devices = new Map([[ids.gateway, gatewayDevice(context)]]);
    for (const name of gateway.streamNames())
      devices.set(ids.stream(name), streamDevice(context, gateway.stream(name), cameras));
    return devices;
  }

  #ownIds(): string[] {
    const { gateway } = this.#options;
    const ids = deviceIds(gateway.info().id);
    return [ids.gateway, ...gateway.streamNames().map((name) => ids.stream(name))];
  }

  #say(id: string, text: string): void {
    this.#published.set(id, text);
    this.#send(id, text);
  }

  #retract(id: string): void {
    this.#published.delete(id);
    this.#send(id, '');
  }

  #send(id: string, payload: string, retain = true): void {
    this.#options.send({ kind: 'state', topic: this.#options.topics.discovery(id), payload, retain });
  }
}

/** Of a description that anybody may have put there. */
function componentsOf(text: string): DeviceDescription['components'] {
  try {
    const { components } = JSON.parse(text) as Partial<DeviceDescription>;
    const valid = Object.entries(components ?? {}).filter(([, component]) => typeof component?.platform === 'string');
    return Object.fromEntries(valid);
  } catch {
    return {};
  }
}
