/** Ways from a gateway to its broker that can be cut without a word to either end. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { Mosquitto } from './mosquitto.ts';

export interface BrokerWay {
  readonly broker: Mosquitto;
  /** Where the gateway finds the broker; known once {@link start} has resolved. */
  readonly url: string;
  /** Starts the broker, too. */
  start(): Promise<void>;
  cut(): void;
  mend(): void;
  stop(): Promise<void>;
}

/** A relay: what was lost on a connection is lost, and the connection with it. */
export class Relay implements BrokerWay {
  readonly broker = new Mosquitto();
  url = '';
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((near) => this.#join(near));
  #cut = false;

  async start(): Promise<void> {
    await this.broker.start();
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    this.url = `mqtt://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  cut(): void {
    this.#cut = true;
    for (const socket of this.#sockets) socket.unpipe().pause();
  }

  mend(): void {
    this.#cut = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await this.broker.stop();
  }

  #join(near: Socket): void {
    const far = connect(this.broker.port, this.broker.host);
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
      if (!this.#cut) socket.pipe(other);
    }
  }
}

const ip = (...args: string[]): void => {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
};

/**
 * A network namespace for the broker with two wires into it, of which the gateway's can be pulled out. After a short cut the
 * same connection goes on; after a longer one both ends hold halves of it that the other knows nothing of. Needs root.
 */
export class NetworkNamespace implements BrokerWay {
  readonly broker: Mosquitto;
  readonly #name = `vedette-${process.pid}`;
  /** Of 198.18.0.0/15, which is for tests of networks (RFC 2544, C.2.2). */
  readonly #network = `198.18.${process.pid % 256}`;

  constructor() {
    this.broker = new Mosquitto({ namespace: this.#name, host: `${this.#network}.6` });
  }

  static get available(): boolean {
    return process.getuid?.() === 0;
  }

  get url(): string {
    return `mqtt://${this.#network}.2:${this.broker.port}`;
  }

  async start(): Promise<void> {
    ip('netns', 'add', this.#name);
    this.#wire('gateway', 1);
    this.#wire('operator', 5);
    await this.broker.start();
  }

  cut(): void {
    ip('-n', this.#name, 'link', 'set', 'gateway', 'down');
  }

  mend(): void {
    ip('-n', this.#name, 'link', 'set', 'gateway', 'up');
  }

  async stop(): Promise<void> {
    await this.broker.stop();
    // The wires go with it.
    ip('netns', 'delete', this.#name);
  }

  #wire(inside: string, place: number): void {
    const outside = `vd${process.pid}${inside[0]}`;
    ip('link', 'add', outside, 'type', 'veth', 'peer', 'name', inside, 'netns', this.#name);
    ip('address', 'add', `${this.#network}.${place}/30`, 'dev', outside);
    ip('-n', this.#name, 'address', 'add', `${this.#network}.${place + 1}/30`, 'dev', inside);
    ip('link', 'set', outside, 'up');
    ip('-n', this.#name, 'link', 'set', inside, 'up');
  }
}
