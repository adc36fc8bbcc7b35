import { randomBytes } from 'node:crypto';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { extname } from 'node:path';
import type { Readable } from 'node:stream';
import type { RtmpSettings } from '../../../config/settings.ts';
import type { Access, Credentials, Right } from '../../access/access.ts';
import { AAC_ENCODERS, type AacEncoder, findAacEncoder } from '../../convert/aac-encoder.ts';
import { Child } from '../../lib/child.ts';
import type { MediaClock } from '../../lib/clock.ts';
import { listenOn } from '../../lib/listen.ts';
import type { Log } from '../../lib/log.ts';
import { Supervisor } from '../../lib/supervisor.ts';
import type { MediaStream } from '../../media/media-stream.ts';
import { encodedOf } from '../../media/media-stream-track.ts';
import { encodingName, H264 } from '../../rtp/codec.ts';
import type { StreamDirectory, Viewer, ViewerObserver } from '../viewer.ts';
import { FlvAudience } from './flv-audience.ts';
import { FlvExchange } from './flv-exchange.ts';
import type { FromWorker, ToWorker } from './messages.ts';
import { RtmpError } from './rtmp-error.ts';

export interface RtmpPublisherOptions {
  settings: RtmpSettings;
  /** The configuration names the port: then no other is taken in its place. */
  portConfigured: boolean;
  streams: StreamDirectory;
  access: Access;
  viewers: ViewerObserver;
  clock: MediaClock;
  log: Log;
  /** Milliseconds between the last viewer's leaving and the end of the converter. */
  idleTime?: number;
}

/** One who asked for HTTP-FLV and may have it. */
export interface FlvViewer {
  remoteAddress: string;
  user: string | undefined;
}

/** Connections over the viewers that are allowed: those that have not asked for a stream yet. */
const SPARE_CONNECTIONS = 16;
const IDLE_MS = 5000;
/** What node-media-server takes as a stream's name. */
const NAME = /^[A-Za-z0-9_-]+$/;

/**
 * Serves streams over RTMP (`rtmp://host/live/NAME`) and HTTP-FLV, as H.264 and AAC. node-media-server lives in a child,
 * for it has known ways to be brought down from outside; the port stays open here meanwhile. A stream is
 * converted only while somebody plays it.
 */
export class RtmpPublisher {
  readonly #options: RtmpPublisherOptions;
  readonly #log: Log;
  readonly #supervisor: Supervisor<ToWorker, FromWorker>;
  #server: Server | undefined;
  #aac: AacEncoder | undefined;
  readonly #exchange: FlvExchange;
  readonly #audience: FlvAudience;

  constructor(options: RtmpPublisherOptions) {
    this.#options = options;
    this.#log = options.log;
    const { clock } = options.clock;
    this.#exchange = new FlvExchange(clock);
    this.#audience = new FlvAudience({
      viewers: options.viewers,
      exchange: this.#exchange,
      aac: () => this.#aac,
      idleTime: options.idleTime ?? IDLE_MS,
      disconnect: (id) => this.closeViewer(id),
      clock,
      log: this.#log,
    });
    this.#supervisor = new Supervisor<ToWorker, FromWorker>({
      name: 'rtmp worker',
      log: this.#log,
      start: () => this.#startWorker(),
      died: () => void this.#workerGone('worker died'),
      progressTimeout: 10_000,
      startTimeout: 30_000,
      clock,
    });
  }

  /** The TCP port; 0 before start(). */
  get port(): number {
    return (this.#server?.address() as AddressInfo | null | undefined)?.port ?? 0;
  }

  /** The worker's process id; undefined while there is none. */
  get workerPid(): number | undefined {
    return this.#supervisor.child?.pid;
  }

  /** Times the worker died. */
  get workerDeaths(): number {
    return this.#supervisor.deaths;
  }

  /** Process ids of the converters that run, by stream. */
  get converterPids(): ReadonlyMap<string, number> {
    return this.#audience.converterPids;
  }

  /**
   * Listens for RTMP and starts the worker; does nothing where the settings say off.
   * @throws PortTakenError (lib/listen.ts).
   */
  async start(): Promise<void> {
    const { settings, portConfigured, access } = this.#options;
    if (!settings.enabled || this.#server !== undefined) return;
    this.#aac = findAacEncoder();
    if (this.#aac === undefined)
      this.#log.warn({ encoders: AAC_ENCODERS }, 'no AAC encoder is installed: RTMP and HTTP-FLV have no sound');
    // No bytes are read here: the connection goes to the worker as it is.
    const server = createServer({ pauseOnConnect: true }, (socket) => void this.#handOver(socket));
    // Until there are users nobody is asked for a password, so nobody from outside may ask for anything.
    const host = access.open ? '127.0.0.1' : settings.host;
    await listenOn('RTMP', settings.port, portConfigured, (port) => listening(server, port, host));
    server.on('error', (error) => this.#log.error({ err: error }, 'RTMP listener failed'));
    this.#server = server;
    this.#supervisor.start();
    this.#log.info({ host, port: this.port }, 'RTMP listens');
  }

  /** The limit for viewers who come from now on; of connections, with the worker's next life. */
  configure({ maxViewers }: Pick<RtmpSettings, 'maxViewers'>): void {
    this.#options.settings.maxViewers = maxViewers;
  }

  /** Disconnects everybody and ends the children. Idempotent. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    server?.close();
    await this.#workerGone('stopped');
    await this.#supervisor.stop();
  }

  /** Disconnects a viewer; false when there is none of this id. */
  closeViewer(id: string): boolean {
    return this.#audience.has(id) && (this.#supervisor.child?.send({ type: 'close', id }) ?? false);
  }

  /**
   * A stream as FLV, from its newest key frame on. The caller has authorized the viewer.
   * @returns the bytes until the viewer leaves, which destroying it does, or is disconnected.
   * @throws RtmpError
   */
  async flv(name: string, { remoteAddress, user }: FlvViewer): Promise<Readable> {
    if (this.#server === undefined) throw new RtmpError('disabled', 'RTMP and HTTP-FLV are off (rtmp.enabled)');
    const stream = this.#playable(name);
    if (stream === undefined) throw new RtmpError('not_found', this.#whyNot(name));
    if (this.#full) throw new RtmpError('busy', `all ${this.#options.settings.maxViewers} viewers are taken`);
    if (!(await this.#exchange.ready())) throw new RtmpError('unavailable', 'the RTMP worker is starting');
    const viewer = this.#viewer('http-flv', name, remoteAddress, user);
    this.#audience.join(viewer, stream);
    try {
      return await this.#exchange.play(name, viewer.id);
    } catch (error) {
      this.#audience.leave(viewer.id, 'failed');
      throw new RtmpError('unavailable', 'the RTMP worker does not answer', { cause: error });
    }
  }

  get #full(): boolean {
    return this.#audience.size >= this.#options.settings.maxViewers;
  }

  /** The stream in the first of its encodings that FLV carries. */
  #playable(name: string): MediaStream | undefined {
    return this.#active(name).find((stream) =>
      stream.getVideoTracks().every((track) => encodedOf(track).rtp.codec === H264),
    );
  }

  #active(name: string): MediaStream[] {
    const renditions = NAME.test(name) ? this.#options.streams.renditions(name) : [];
    return renditions.filter(({ active }) => active);
  }

  #whyNot(name: string): string {
    const codecs = this.#active(name).flatMap((stream) =>
      stream.getVideoTracks().map((track) => encodedOf(track).rtp.codec),
    );
    if (codecs.length === 0) return `no stream "${name}"`;
    const names = [...new Set(codecs.map(encodingName))].join(' and ');
    return `RTMP and HTTP-FLV carry H.264 only; the picture of "${name}" is encoded as ${names}: an encoding with codec h264 is needed`;
  }

  #viewer(protocol: Viewer['protocol'], stream: string, remoteAddress: string, user: string | undefined): Viewer {
    const since = this.#options.clock.clock.wall();
    return { id: randomBytes(16).toString('hex'), protocol, stream, remoteAddress, user, since };
  }

  #startWorker(): Child<ToWorker, FromWorker> {
    const child = new Child<ToWorker, FromWorker>({
      run: { module: new URL(`./worker${extname(import.meta.url)}`, import.meta.url) },
      name: 'rtmp worker',
      log: this.#log,
    });
    child.onMessage((message) => this.#receive(message));
    const { maxViewers } = this.#options.settings;
    child.send({ type: 'start', secret: this.#exchange.begin(), maxConnections: maxViewers + SPARE_CONNECTIONS });
    return child;
  }

  async #workerGone(reason: string): Promise<void> {
    this.#exchange.end();
    await this.#audience.disperse(reason);
  }

  #receive(message: FromWorker): void {
    this.#supervisor.progress();
    switch (message.type) {
      case 'ready':
        this.#exchange.opened(message.port);
        break;
      case 'alive':
        for (const report of message.viewers) this.#audience.reported(report);
        break;
      case 'play':
        void this.#play(message);
        break;
      case 'left':
        if (message.report !== undefined) this.#audience.reported(message.report);
        this.#audience.leave(message.id, message.reason);
        break;
      default:
        message satisfies never;
    }
  }

  /** Gives a connection to the worker, when it is there in time. */
  async #handOver(socket: Socket): Promise<void> {
    socket.on('error', () => undefined);
    const ready = this.#exchange.waiting < SPARE_CONNECTIONS && (await this.#exchange.ready());
    if (!ready || !this.#supervisor.child?.send({ type: 'connection' }, socket)) socket.destroy();
  }

  async #play({ id, stream: name, remoteAddress, query }: Extract<FromWorker, { type: 'play' }>): Promise<void> {
    const { child } = this.#supervisor;
    const refuse = (reason: string, description: string): void => {
      this.#log.info({ protocol: 'rtmp', stream: name, remoteAddress, reason }, 'viewer refused');
      child?.send({ type: 'refuse', id, description });
    };
    const stream = this.#playable(name);
    let user: string | undefined;
    for (const action of rightsFor(stream)) {
      const credentials = credentialsOf(query);
      const decision = await this.#options.access.authorize({
        protocol: 'rtmp',
        action,
        stream: name,
        remoteAddress,
        ...(credentials && { credentials }),
      });
      if (!decision.allowed) {
        refuse(decision.reason, 'Access denied');
        return;
      }
      user = decision.user;
    }
    // The worker may have died while the password was checked.
    if (child !== this.#supervisor.child) return;
    if (stream === undefined) {
      refuse('not found', this.#whyNot(name));
    } else if (this.#full) {
      refuse('busy', 'Too many viewers');
    } else {
      this.#audience.join({ ...this.#viewer('rtmp', name, remoteAddress, user), id }, stream);
      child?.send({ type: 'admit', id });
    }
  }
}

/** FLV carries picture and sound in one: who may have only one of them cannot have it. */
function rightsFor(stream: MediaStream | undefined): Right[] {
  const rights: Right[] = [];
  if (stream === undefined || stream.getVideoTracks().length > 0) rights.push('view');
  if (stream !== undefined && stream.getAudioTracks().length > 0) rights.push('listen');
  return rights.length > 0 ? rights : ['view'];
}

/** Players can send credentials in the query of the URL alone: `?token=` or `?user=&password=`. */
function credentialsOf({ token, user, password }: Record<string, string>): Credentials | undefined {
  if (token !== undefined) return { scheme: 'bearer', token };
  if (user !== undefined && password !== undefined) return { scheme: 'basic', username: user, password };
  return undefined;
}

function listening(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
