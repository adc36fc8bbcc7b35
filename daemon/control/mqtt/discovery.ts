import type { Clock, Timer } from '../../lib/clock.ts';
import type { GatewayPort } from '../gateway-port.ts';
import type { OutgoingMessage } from '../outbox.ts';
import { type DeviceDescription, gatewayDevice, streamDevice } from './home-assistant.ts';
import type { Component } from './home-assistant-entities.ts';
import type { IncomingMessage } from './incoming-message.ts';
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

/** The gateway's own device. */
const GATEWAY = 'gateway';

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
    const { topics } = this.#options;
    return [topics.homeAssistantStatus, topics.discoveries];
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

  /** A stream has changed, or is gone: then its device goes at once. */
  streamChanged(name: string): void {
    const { gateway } = this.#options;
    if (gateway.streamNames().includes(name)) this.changed();
    else if (this.#published.has(deviceOf(name))) this.#retract(deviceOf(name));
  }

  /** A message on one of {@link filters}. */
  received({ topic, payload, retain }: IncomingMessage): void {
    const { topics } = this.#options;
    if (topic === topics.homeAssistantStatus) {
      if (payload.toString() === 'online') this.#homeAssistantStarted();
      return;
    }
    const id = topics.discoveredOn(topic);
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

  /** What an earlier life described may be gone, or have had more entities, for another camera. */
  #foundDevice(id: string, held: string): void {
    const current = this.#published.get(id);
    if (held === current || this.#compared.has(id)) return;
    this.#compared.add(id);
    if (current === undefined) {
      this.#retract(id, held);
      return;
    }
    this.#removeComponents(id, held, JSON.parse(current) as DeviceDescription);
    this.#say(id, current);
  }

  /** An entity goes when its device is described once with nothing of it but the platform. */
  #removeComponents(id: string, before: string, device: DeviceDescription): void {
    const gone = emptied(Object.entries(componentsOf(before)).filter(([key]) => !(key in device.components)));
    if (Object.keys(gone).length === 0) return;
    // Not retained: it must not take the place of what follows, nor the other way round.
    this.#send(id, JSON.stringify({ ...device, components: { ...device.components, ...gone } }), false);
  }

  #devices(): Map<string, DeviceDescription> {
    const { gateway, topics, telemetryInterval } = this.#options;
    const context = { info: gateway.info(), topics, telemetryInterval };
    const cameras = gateway.devices();
    const devices = new Map([[GATEWAY, gatewayDevice(context)]]);
    for (const name of gateway.streamNames())
      devices.set(deviceOf(name), streamDevice(context, gateway.stream(name), cameras));
    return devices;
  }

  #say(id: string, text: string): void {
    this.#published.set(id, text);
    this.#send(id, text);
  }

  /** An empty description alone leaves the entities of a device whose topic names its gateway, see `node_id` there. */
  #retract(id: string, before = this.#published.get(id) ?? ''): void {
    this.#published.delete(id);
    const components = emptied(Object.entries(componentsOf(before)));
    const last = { device: { identifiers: [id] }, origin: { name: 'Vedette' }, components };
    if (Object.keys(components).length > 0) this.#send(id, JSON.stringify(last), false);
    this.#send(id, '');
  }

  #send(id: string, payload: string, retain = true): void {
    this.#options.send({ kind: 'state', topic: this.#options.topics.discovery(id), payload, retain });
  }
}

/** The device of a stream. */
function deviceOf(stream: string): string {
  return `stream-${stream}`;
}

/** Entities that are taken back. */
function emptied(components: readonly [string, Component][]): Record<string, Component> {
  return Object.fromEntries(components.map(([key, { platform }]) => [key, { platform }]));
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
