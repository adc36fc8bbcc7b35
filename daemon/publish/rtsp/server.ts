import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { RtspSettings } from '../../../config/settings.ts';
import type { Access } from '../../access/access.ts';
import type { MediaClock, Timer } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { StreamDirectory, ViewerObserver } from '../viewer.ts';
import { RtspConnection } from './connection.ts';
import type { RtspContext } from './context.ts';
import { endpointKey, KernelSendQueues } from './kernel-send-queues.ts';
import { UdpPorts } from './udp-ports.ts';

export interface RtspServerOptions {
  /** `host` is what is listened on: whoever builds the server has made it a loopback address where it must be one. */
  settings: RtspSettings;
  streams: StreamDirectory;
  access: Access;
  viewers: ViewerObserver;
  clock: MediaClock;
  log: Log;
  /** How long DESCRIBE waits for a stream that has to start, in milliseconds; default 10 000. */
  formatTimeout?: number;
}

/** Between two looks at all connections: timeouts, reports, send queues. */
const TICK_MS = 1000;
/** The share of the time that may go into looking at the kernel's queues. */
const LOOK_SHARE = 0.001;
/** Where the kernel does not tell, only what waits in this process counts. */
const NO_QUEUES: ReadonlyMap<string, number> = new Map();
/** Connections beyond the viewers, for those who are not viewers yet: of one address, and of all. */
const SPARE_FOR_ONE = 16;
const SPARE_FOR_ALL = 256;

/** An RTSP 1.0 server (RFC 2326) that plays streams live, over interleaved TCP and unicast UDP. */
export class RtspServer {
  readonly #options: RtspServerOptions;
  readonly #server: Server;
  readonly #connections = new Set<RtspConnection>();
  #queues: KernelSendQueues | undefined;
  #context: RtspContext | undefined;
  #timer: Timer | undefined;
  /** When the kernel may be asked again, in monotonic milliseconds. */
  #nextLook = 0;
  #stopping: Promise<void> | undefined;

  constructor(options: RtspServerOptions) {
    this.#options = options;
    this.#server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 });
  }

  /**
   * Listens. Port 0 in the settings: any free one.
   * @returns the address and port listened on.
   * @throws Error of the system with `code`, for example EADDRINUSE.
   */
  async start(): Promise<AddressInfo> {
    const { settings, log, formatTimeout = 10_000 } = this.#options;
    this.#server.maxConnections = settings.maxViewers + SPARE_FOR_ALL;
    this.#server.listen({ host: settings.host, port: settings.port });
    await once(this.#server, 'listening');
    const address = this.#server.address() as AddressInfo;
    const udp = settings.udp ? new UdpPorts({ host: address.address, log }) : undefined;
    try {
      await udp?.start();
    } catch (error) {
      this.#server.close();
      throw error;
    }
    const context: RtspContext = { ...this.#options, udp, formatTimeout, sessionCount: () => this.#sessionCount() };
    this.#context = context;
    this.#queues = new KernelSendQueues(address.port, address.family === 'IPv6');
    this.#server.on('error', (error) => log.error({ err: error }, 'RTSP listener failed'));
    this.#server.on('connection', (socket) => this.#accept(socket, context));
    this.#tickLater();
    log.info({ ...address, udp: udp?.ports }, 'RTSP is listening');
    return address;
  }

  /** Ends all sessions and stops listening. Idempotent. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** Limits for viewers who come from now on; what needs a new listener is left alone. */
  configure({ maxViewers, sessionTimeout }: Pick<RtspSettings, 'maxViewers' | 'sessionTimeout'>): void {
    Object.assign(this.#options.settings, { maxViewers, sessionTimeout });
    this.#server.maxConnections = maxViewers + SPARE_FOR_ALL;
  }

  /** Ends the session of a viewer, by {@link Viewer.id}; false when there is no such viewer. */
  closeViewer(id: string): boolean {
    for (const connection of this.#connections) {
      if (connection.viewerId !== id) continue;
      connection.end('closed');
      return true;
    }
    return false;
  }

  async #stop(): Promise<void> {
    this.#options.clock.clock.clearTimeout(this.#timer);
    const closed = this.#server.listening ? once(this.#server, 'close') : undefined;
    this.#server.close();
    for (const connection of this.#connections) connection.end('shutdown');
    await closed;
    this.#queues?.close();
    await this.#context?.udp?.stop();
  }

  #accept(socket: Socket, context: RtspContext): void {
    const { log, settings } = this.#options;
    // A socket without an address is gone already.
    if (socket.remoteAddress === undefined || this.#stopping !== undefined) {
      socket.destroy();
      return;
    }
    let sameAddress = 0;
    for (const { remoteAddress } of this.#connections) if (remoteAddress === socket.remoteAddress) sameAddress += 1;
    if (sameAddress >= settings.maxViewers + SPARE_FOR_ONE) {
      log.warn({ remoteAddress: socket.remoteAddress }, 'too many connections of one address');
      socket.destroy();
      return;
    }
    const connection = new RtspConnection(socket, context);
    this.#connections.add(connection);
    void connection.start().then(() => this.#connections.delete(connection));
  }

  #sessionCount(): number {
    let count = 0;
    for (const connection of this.#connections) if (connection.hasSession) count += 1;
    return count;
  }

  #tickLater(): void {
    if (this.#stopping !== undefined) return;
    this.#timer = this.#options.clock.clock.setTimeout(() => this.#tick(), TICK_MS);
  }

  #tick(): void {
    const { clock } = this.#options;
    const queues = this.#lookAtQueues();
    for (const connection of this.#connections) {
      const { remoteAddress, remotePort } = connection;
      connection.tick(clock.now(), queues && (queues.get(endpointKey(remoteAddress, remotePort)) ?? 0));
    }
    this.#tickLater();
  }

  /** The kernel's queues where it is time to look: the kernel searches a table that grows with the machine's memory, for some milliseconds on a large one. */
  #lookAtQueues(): ReadonlyMap<string, number> | undefined {
    const { clock } = this.#options;
    const begin = clock.now();
    if (begin < this.#nextLook || ![...this.#connections].some((connection) => connection.sendsMedia)) return undefined;
    const queues = this.#queues?.read() ?? NO_QUEUES;
    this.#nextLook = begin + (clock.now() - begin) / LOOK_SHARE;
    return queues;
  }
}
