import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import type { Log } from '../../lib/log.ts';

export interface UdpPortsOptions {
  /** The address that RTSP listens on. */
  host: string;
  log: Log;
}

const ATTEMPTS = 20;
/** Room for a key frame to leave in one go; the kernel takes what its limit allows. */
const SEND_BUFFER_BYTES = 2 ** 21;

/** The one pair of UDP ports, RTP even and RTCP the next, through which all viewers over UDP are served. */
export class UdpPorts {
  readonly #options: UdpPortsOptions;
  readonly #reports = new Map<string, (packet: Buffer) => void>();
  #rtp: Socket | undefined;
  #rtcp: Socket | undefined;

  constructor(options: UdpPortsOptions) {
    this.#options = options;
  }

  /** Port numbers of RTP and RTCP. */
  get ports(): readonly [number, number] {
    return [this.#rtp?.address().port ?? 0, this.#rtcp?.address().port ?? 0];
  }

  /** Bytes that the kernel did not take yet, of all viewers. */
  get queuedBytes(): number {
    return this.#rtp?.getSendQueueSize() ?? 0;
  }

  async start(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const first = await this.#bind(0);
      const { port } = first.address();
      const even = port % 2 === 0;
      try {
        const second = await this.#bind(even ? port + 1 : port - 1);
        [this.#rtp, this.#rtcp] = even ? [first, second] : [second, first];
        break;
      } catch (error) {
        first.close();
        if (attempt === ATTEMPTS) throw error;
      }
    }
    this.#rtp.setSendBufferSize(SEND_BUFFER_BYTES);
    this.#rtcp.on('message', (packet, { address, port }) => this.#reports.get(`${address} ${port}`)?.(packet));
  }

  async stop(): Promise<void> {
    const sockets = [this.#rtp, this.#rtcp].filter((socket) => socket !== undefined);
    this.#rtp = this.#rtcp = undefined;
    await Promise.all(sockets.map((socket) => new Promise<void>((closed) => socket.close(closed))));
  }

  sendRtp(packets: readonly Buffer[], address: string, port: number): void {
    for (const packet of packets) this.#rtp?.send(packet, port, address);
  }

  sendRtcp(packet: Buffer, address: string, port: number): void {
    this.#rtcp?.send(packet, port, address);
  }

  /** Listens to the RTCP of one viewer's track; returns what ends that. Packets from anywhere else are not looked at. */
  onRtcp(address: string, port: number, listener: (packet: Buffer) => void): () => void {
    const key = `${address} ${port}`;
    this.#reports.set(key, listener);
    return () => {
      if (this.#reports.get(key) === listener) this.#reports.delete(key);
    };
  }

  async #bind(port: number): Promise<Socket> {
    const { host, log } = this.#options;
    const ipv6 = isIPv6(host);
    const socket = createSocket({
      type: ipv6 ? 'udp6' : 'udp4',
      // All addresses here are numbers; the default would go through a thread for each packet.
      lookup: (address, _options, done) => done(null, address, ipv6 ? 6 : 4),
    });
    try {
      // With a look-up that does not wait, 'listening' may come from within bind().
      const listening = once(socket, 'listening');
      socket.bind(port, host);
      await listening;
    } catch (error) {
      socket.close();
      throw error;
    }
    socket.on('error', (error) => log.warn({ err: error }, 'UDP socket failed'));
    return socket;
  }
}
