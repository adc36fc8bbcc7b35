import { extname } from 'node:path';
import type { Writable } from 'node:stream';
import type { WebRtcSettings } from '../../../config/settings.ts';
import { Child } from '../../lib/child.ts';
import type { MediaClock, Timer } from '../../lib/clock.ts';
import { listenOn, probeUdp } from '../../lib/listen.ts';
import type { Log } from '../../lib/log.ts';
import { Supervisor } from '../../lib/supervisor.ts';
import type { StreamDirectory, Viewer, ViewerObserver } from '../viewer.ts';
import type { FromWorker, ToWorker, WorkerStatistics } from './messages.ts';
import { negotiateOffer, usableCandidates } from './offer.ts';
import { type SendableTrack, sendableTracks, type WantedTracks } from './sendable-tracks.ts';
import { Session } from './session.ts';
import { TrackFeeds } from './track-feeds.ts';
import { WebRtcError } from './webrtc-error.ts';

export interface WebRtcPublisherOptions {
  settings: WebRtcSettings;
  /** The configuration names the port: then no other is taken in its place. */
  portConfigured: boolean;
  streams: StreamDirectory;
  viewers: ViewerObserver;
  clock: MediaClock;
  log: Log;
}

/** A viewer's offer, and what it wishes to receive. */
export interface WebRtcOffer extends WantedTracks {
  /** RFC 8829. */
  sdp: string;
  remoteAddress: string;
  user: string | undefined;
}

export interface WebRtcAnswer {
  /** 128 bits of randomness: whoever knows it may close the session. */
  id: string;
  /** The answer with all candidates: there is nothing to trickle. */
  sdp: string;
}

/** How long an offer waits for a worker that is just starting again, in milliseconds. */
const READY_DEADLINE_MS = 4000;
const ANSWER_DEADLINE_MS = 5000;
/** Offers that may be under way at once. */
const MAX_UNCONNECTED = 32;

/** Serves streams over WebRTC. What is native and faces the network lives in a child; this is its daemon side. */
export class WebRtcPublisher {
  readonly #options: WebRtcPublisherOptions;
  readonly #log: Log;
  readonly #supervisor: Supervisor<ToWorker, FromWorker>;
  readonly #sessions = new Map<string, Session>();
  readonly #feeds: TrackFeeds;
  #port = 0;
  #pipe: Writable | undefined;
  /** Resolves when the current worker takes offers; a new promise for each life. */
  #ready = deferred();
  #running = false;
  /** Counters of the current worker. */
  statistics: WorkerStatistics = { packetsSent: 0, packetsRetransmitted: 0, nacks: 0, keyFrameRequests: 0 };

  constructor(options: WebRtcPublisherOptions) {
    this.#options = options;
    this.#log = options.log;
    this.#feeds = new TrackFeeds({
      clock: options.clock.clock,
      pipe: () => this.#pipe,
      ended: () => this.#closeWhatIsOver(),
    });
    this.#supervisor = new Supervisor<ToWorker, FromWorker>({
      name: 'WebRTC worker',
      log: this.#log,
      start: () => this.#startWorker(),
      died: () => this.#workerDied(),
      progressTimeout: 6000,
      startTimeout: 20_000,
      clock: options.clock.clock,
    });
  }

  /** The UDP port; 0 before start(). */
  get port(): number {
    return this.#port;
  }

  /** The worker's process id; undefined while there is none. */
  get workerPid(): number | undefined {
    return this.#supervisor.child?.pid;
  }

  /** Times the worker died. */
  get workerDeaths(): number {
    return this.#supervisor.deaths;
  }

  /** Finds the port and starts the worker. @throws PortTakenError. */
  async start(): Promise<{ port: number }> {
    if (this.#running) return { port: this.#port };
    const { host, port } = this.#options.settings;
    await listenOn('WebRTC (UDP)', port, this.#options.portConfigured, async (candidate) => {
      this.#port = await probeUdp(bindAddress(host), candidate);
    });
    this.#running = true;
    this.#supervisor.start();
    return { port: this.#port };
  }

  /** The limit for viewers who come from now on. */
  configure({ maxViewers }: Pick<WebRtcSettings, 'maxViewers'>): void {
    this.#options.settings.maxViewers = maxViewers;
  }

  /** Closes every viewer and ends the worker. */
  async stop(): Promise<void> {
    this.#running = false;
    for (const id of [...this.#sessions.keys()]) this.close(id, 'shutdown');
    await this.#supervisor.stop({ type: 'stop' });
    this.#pipe = undefined;
  }

  /**
   * Takes a viewer's offer; the viewer counts from the moment its connection stands.
   * @throws WebRtcError for every offer that is not answered.
   */
  async offer(offer: WebRtcOffer): Promise<WebRtcAnswer> {
    this.#refuseWhenFull();
    const { streams, viewers } = this.#options;
    const tracks = sendableTracks(streams, offer);
    const negotiated = negotiateOffer(offer.sdp, tracks);
    const { stream, remoteAddress, user } = offer;
    const session = new Session({ stream, remoteAddress, user, feeds: this.#feeds, viewers, log: this.#log });
    const { id } = session.viewer;
    this.#sessions.set(id, session);
    try {
      const media = negotiated.media.map((medium) => {
        const { sent } = tracks[medium.kind][medium.track] as SendableTrack;
        return session.hold(sent(), medium);
      });
      await this.#within(READY_DEADLINE_MS, this.#ready.promise);
      // It may have been closed, or its worker may have died, meanwhile.
      if (this.#sessions.get(id) !== session || !this.#send({ type: 'offer', peer: id, sdp: negotiated.sdp, media }))
        throw workerGone();
      const sdp = await this.#within(ANSWER_DEADLINE_MS, session.answer());
      return { id, sdp };
    } catch (error) {
      this.close(id, 'no answer');
      throw error;
    }
  }

  /** Gives a session more candidates of the viewer (RFC 8840); those we cannot use are ignored. @throws WebRtcError `not_found`. */
  addCandidates(id: string, mid: string, candidates: readonly string[]): void {
    if (!this.#sessions.has(id)) throw new WebRtcError('not_found', 'there is no such session');
    const usable = usableCandidates(candidates);
    if (usable.length > 0) this.#send({ type: 'candidates', peer: id, mid, candidates: usable });
  }

  /** The viewer of a session, connected or about to be. */
  viewer(id: string): Viewer | undefined {
    return this.#sessions.get(id)?.viewer;
  }

  /** Ends a session; false when there is none of this id. */
  close(id: string, reason = 'teardown'): boolean {
    if (!this.#sessions.has(id)) return false;
    this.#send({ type: 'close', peer: id });
    this.#forget(id, reason);
    return true;
  }

  #refuseWhenFull(): void {
    if (!this.#running) throw new WebRtcError('unavailable', 'WebRTC is not running');
    const { maxViewers } = this.#options.settings;
    if (this.#sessions.size >= maxViewers)
      throw new WebRtcError('busy', `there are ${maxViewers} viewers already, as many as webrtc.maxViewers allows`);
    const unconnected = [...this.#sessions.values()].filter(({ connected }) => !connected);
    if (unconnected.length >= MAX_UNCONNECTED) throw new WebRtcError('busy', 'too many viewers are connecting at once');
  }

  #closeWhatIsOver(): void {
    for (const [id, { over }] of [...this.#sessions]) if (over) this.close(id, 'stream ended');
  }

  #startWorker(): Child<ToWorker, FromWorker> {
    const child = new Child<ToWorker, FromWorker>({
      run: { module: new URL(`./worker${extname(import.meta.url)}`, import.meta.url) },
      name: 'WebRTC worker',
      log: this.#log,
      pipes: 1,
    });
    child.onMessage((message) => {
      if (this.#supervisor.child === child) this.#heard(child, message);
    });
    return child;
  }

  #heard(child: Child<ToWorker, FromWorker>, message: FromWorker): void {
    this.#supervisor.progress();
    switch (message.type) {
      case 'ready':
        this.#workerReady(child);
        break;
      case 'heartbeat':
        this.statistics = message.statistics;
        for (const report of message.peers) this.#sessions.get(report.peer)?.reported(report);
        break;
      case 'answer':
        this.#sessions.get(message.peer)?.answered(message.sdp);
        break;
      case 'refused':
        this.#sessions.get(message.peer)?.refused(message.message);
        break;
      case 'connected':
        this.#sessions.get(message.peer)?.connect();
        break;
      case 'closed':
        this.#forget(message.peer, message.reason);
        break;
      case 'key-frame':
        this.#feeds.inSlot(message.slot)?.tap.requestKeyFrame();
        break;
      case 'spinning':
        this.#supervisor.restart(`a thread has been spinning for ${message.seconds} s`);
        break;
    }
  }

  #workerReady(child: Child<ToWorker, FromWorker>): void {
    const { host, iceServers } = this.#options.settings;
    const address = bindAddress(host);
    const everywhere = address === '0.0.0.0' || address === '::';
    child.send({
      type: 'configure',
      configuration: { port: this.#port, bindAddress: everywhere ? undefined : address, iceServers },
    });
    this.#pipe = child.pipes[0];
    this.#ready.resolve();
    this.#log.debug({ pid: child.pid }, 'WebRTC worker ready');
  }

  #forget(id: string, reason: string): void {
    const session = this.#sessions.get(id);
    this.#sessions.delete(id);
    session?.end(reason);
  }

  #workerDied(): void {
    this.#pipe = undefined;
    this.#ready = deferred();
    for (const id of [...this.#sessions.keys()]) this.#forget(id, 'worker died');
  }

  #send(message: ToWorker): boolean {
    return this.#supervisor.child?.send(message) ?? false;
  }

  async #within<T>(milliseconds: number, promise: Promise<T>): Promise<T> {
    const { clock } = this.#options.clock;
    let timer: Timer | undefined;
    const deadline = new Promise<never>((_, reject) => {
      timer = clock.setTimeout(() => reject(workerGone()), milliseconds);
    });
    try {
      return await Promise.race([promise, deadline]);
    } finally {
      clock.clearTimeout(timer);
    }
  }
}

function workerGone(): WebRtcError {
  return new WebRtcError('unavailable', 'WebRTC is just starting again; try once more in a second');
}

function bindAddress(host: string): string {
  return host === '' ? '0.0.0.0' : host === 'localhost' ? '127.0.0.1' : host;
}

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
