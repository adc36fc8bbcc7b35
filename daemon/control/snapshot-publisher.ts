import type { Clock, Timer } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Transport } from './command.ts';
import { ControlError, type GatewayPort } from './gateway-port.ts';

export interface SnapshotPublisherOptions {
  gateway: GatewayPort;
  transport: Transport;
  /** Seconds between pictures of a stream that is live; 0: one when it becomes live. */
  interval: number;
  clock: Clock;
  log: Log;
}

/** Publishes a picture of each stream that becomes live, and then at an interval for as long as it is; it wakes no camera. */
export class SnapshotPublisher {
  readonly #options: SnapshotPublisherOptions;
  /** The next picture of each live stream; undefined where there is no interval. */
  readonly #live = new Map<string, Timer | undefined>();

  constructor(options: SnapshotPublisherOptions) {
    this.#options = options;
  }

  /** There is somebody to publish to: every live stream begins. */
  start(): void {
    for (const name of this.#options.gateway.streamNames()) this.streamChanged(name);
  }

  /** Somebody has come who has seen none: a picture of every live stream. */
  again(): void {
    this.stop();
    this.start();
  }

  /** Idempotent. */
  stop(): void {
    for (const name of [...this.#live.keys()]) this.#forget(name);
  }

  streamChanged(name: string): void {
    const { gateway } = this.#options;
    const live = gateway.streamNames().includes(name) && gateway.stream(name).state === 'live';
    if (!live) this.#forget(name);
    else if (!this.#live.has(name)) void this.#picture(name);
  }

  async #picture(name: string): Promise<void> {
    const { gateway, transport, interval, clock, log } = this.#options;
    const timer = interval > 0 ? clock.setTimeout(() => void this.#picture(name), interval * 1000) : undefined;
    timer?.unref?.();
    this.#live.set(name, timer);
    try {
      const { jpeg } = await gateway.snapshot(name);
      await transport.publishSnapshot(name, jpeg);
    } catch (error) {
      if (!(error instanceof ControlError)) throw error;
      log.debug({ stream: name, code: error.code }, `no picture to publish: ${error.message}`);
    }
  }

  #forget(name: string): void {
    this.#options.clock.clearTimeout(this.#live.get(name));
    this.#live.delete(name);
  }
}
