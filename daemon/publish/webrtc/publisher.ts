import { randomBytes } from 'node:crypto';
import { extname } from 'node:path';
import type { Writable } from 'node:stream';
import type { WebRtcSettings } from '../../../config/settings.ts';
import { Child } from '../../lib/child.ts';
import type { MediaClock, Timer } from '../../lib/clock.ts';
import { listenOn, probeUdp } from '../../lib/listen.ts';
import type { Log } from '../../lib/log.ts';
import { Supervisor } from '../../lib/supervisor.ts';
import type { MediaStream } from '../../media/media-stream.ts';
import { encodedOf, type MediaStreamTrack } from '../../media/media-stream-track.ts';
import type { EncodedStream } from '../../media/track-source.ts';
import { OPUS } from '../../rtp/codec.ts';
import { OPUS_PARAMETERS } from '../../rtp/stream-format.ts';
import type { StreamDirectory, Viewer, ViewerObserver, ViewerTraffic } from '../viewer.ts';
import type { OfferedTrack } from './codec-choice.ts';
import type { FromWorker, PeerMedia, PeerReport, ToWorker, WorkerStatistics } from './messages.ts';
import { negotiateOffer, usableCandidates } from './offer.ts';
import type { SentRendition } from './track-feed.ts';
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

export interface WebRtcOffer {
  /** Name of the stream. */
  stream: string;
  /** Which of its encodings; undefined: the first that the viewer can play. */
  rid?: string | undefined;
  /** The viewer's offer (RFC 8829). */
  sdp: string;
  remoteAddress: string;
  user: string | undefined;
  /** Which media the viewer may have. */
  kinds: readonly ('video' | 'audio')[];
}

export interface WebRtcAnswer {
  /** 128 bits of randomness: whoever knows it may close the session. */
  id: string;
  /** The answer with all candidates: there is nothing to trickle. */
  sdp: string;
}

/** A viewer from its offer to its end. */
interface Session {
  readonly viewer: Viewer;
  /** Those whose feeds it holds. */
  readonly sent: SentRendition[];
  connected: boolean;
  /** Frames of its tracks that nobody got, before it came. */
  droppedBefore: number;
  /** The worker's newest. */
  report: PeerReport | undefined;
  /** Awaits the answer; undefined once it is there. */
  pending: { resolve(sdp: string): void; reject(error: WebRtcError): void } | undefined;
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
      ended: (sent) => this.#trackEnded(sent),
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
    const choices = this.#choicesFor(offer);
    const negotiated = negotiateOffer(offer.sdp, choices);
    const id = randomBytes(16).toString('base64url');
    const { stream, remoteAddress, user } = offer;
    const viewer: Viewer = {
      id,
      protocol: 'webrtc',
      stream,
      remoteAddress,
      user,
      since: Date.now(),
      traffic: () => this.#trafficOf(session),
    };
    const session: Session = {
      viewer,
      sent: [],
      connected: false,
      droppedBefore: 0,
      report: undefined,
      pending: undefined,
    };
    this.#sessions.set(id, session);
    try {
      const media = negotiated.media.map((medium): PeerMedia => {
        const { track, rendition } = choices[medium.kind][medium.track] as Choice;
        const sent = { track, encoded: rendition() };
        const { slot, tap } = this.#feeds.retain(sent, stream);
        session.sent.push(sent);
        const { ssrc, cname, keepsGroup } = tap.rtp;
        const msid = { stream, track: track.id };
        return { ...medium, slot, ssrc, cname, keepsGroup, msid };
      });
      await this.#within(READY_DEADLINE_MS, this.#ready.promise);
      // It may have been closed, or its worker may have died, meanwhile.
      if (this.#sessions.get(id) !== session || !this.#send({ type: 'offer', peer: id, sdp: negotiated.sdp, media }))
        throw workerGone();
      const answer = new Promise<string>((resolve, reject) => {
        session.pending = { resolve, reject };
      });
      const sdp = await this.#within(ANSWER_DEADLINE_MS, answer);
      session.pending = undefined;
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
    let unconnected = 0;
    for (const { connected } of this.#sessions.values()) if (!connected) unconnected += 1;
    if (this.#sessions.size >= maxViewers)
      throw new WebRtcError('busy', `there are ${maxViewers} viewers already, as many as webrtc.maxViewers allows`);
    if (unconnected >= MAX_UNCONNECTED) throw new WebRtcError('busy', 'too many viewers are connecting at once');
  }

  /** Of each kind the live tracks of which one may be sent, as WHEP has it: the encodings of a picture, the codecs of a sound. */
  #choicesFor({ stream, rid, kinds }: WebRtcOffer): Record<'video' | 'audio', Choice[]> {
    const { streams } = this.#options;
    const media = rid === undefined ? streams.renditions(stream) : [streams.find(stream, rid) ?? []].flat();
    if (media.length === 0) {
      const encoding = rid === undefined ? '' : ` with an encoding '${rid}'`;
      throw new WebRtcError('not_found', `there is no stream '${stream}'${encoding}`);
    }
    const problems = media.flatMap((rendition) => problemOf(rendition) ?? []);
    if (problems.length === media.length) throw new WebRtcError('not_live', problems[0] as string);
    const possible = media.filter((rendition) => problemOf(rendition) === undefined);
    const first = (kind: 'video' | 'audio', rendition: MediaStream): MediaStreamTrack[] =>
      rendition
        .getTracks()
        .filter((track) => kinds.includes(kind) && track.kind === kind && track.readyState === 'live')
        .slice(0, 1);
    const choices = {
      video: possible.flatMap((rendition) => first('video', rendition)).map(asItIs),
      // Every encoding has the one sound.
      audio: possible
        .slice(0, 1)
        .flatMap((rendition) => first('audio', rendition))
        .flatMap(soundChoices),
    };
    if (choices.video.length + choices.audio.length === 0)
      throw new WebRtcError('not_live', `stream '${stream}' has no live track now`);
    return choices;
  }

  /** Viewers stay as long as they have another track. */
  #trackEnded({ track: ended }: SentRendition): void {
    for (const [id, { sent }] of [...this.#sessions])
      if (sent.some(({ track }) => track === ended) && sent.every(({ track }) => track.readyState === 'ended'))
        this.close(id, 'stream ended');
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
        this.#beat(message.statistics, message.peers);
        break;
      case 'answer':
        this.#sessions.get(message.peer)?.pending?.resolve(message.sdp);
        break;
      case 'refused':
        this.#sessions
          .get(message.peer)
          ?.pending?.reject(new WebRtcError('invalid', `the offer was not taken: ${message.message}`));
        break;
      case 'connected':
        this.#connected(message.peer);
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

  #beat(statistics: WorkerStatistics, peers: readonly PeerReport[]): void {
    this.statistics = statistics;
    for (const report of peers) {
      const session = this.#sessions.get(report.peer);
      if (session !== undefined) session.report = report;
    }
  }

  #trafficOf({ report, sent, droppedBefore }: Session): ViewerTraffic {
    return {
      sentBytes: report?.sentBytes ?? 0,
      droppedFrames: this.#feeds.droppedFrames(sent) - droppedBefore,
      fractionLost: report?.fractionLost,
    };
  }

  #connected(id: string): void {
    const session = this.#sessions.get(id);
    if (session === undefined || session.connected) return;
    session.connected = true;
    session.droppedBefore = this.#feeds.droppedFrames(session.sent);
    this.#options.viewers.joined(session.viewer);
    // Without a first report the viewer cannot put sound and picture together.
    this.#feeds.sendReports(session.sent);
  }

  #forget(id: string, reason: string): void {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    this.#sessions.delete(id);
    session.pending?.reject(new WebRtcError('unavailable', `the connection was not made: ${reason}`));
    if (session.connected) this.#options.viewers.left(session.viewer, reason);
    else
      this.#log.info(
        { stream: session.viewer.stream, remoteAddress: session.viewer.remoteAddress, reason },
        'WebRTC viewer did not connect',
      );
    for (const sent of session.sent) this.#feeds.release(sent);
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

/** Why the picture of a rendition cannot be encoded here. */
function problemOf(rendition: MediaStream): string | undefined {
  return rendition.getVideoTracks().flatMap((track) => encodedOf(track).problem ?? [])[0];
}

/** A track that may be sent, in one codec. */
interface Choice extends OfferedTrack {
  readonly track: MediaStreamTrack;
  /** Its media in this codec. */
  readonly rendition: () => EncodedStream;
}

function asItIs(track: MediaStreamTrack): Choice {
  const encoded = encodedOf(track);
  const { profile, rtp } = encoded;
  const { codec, formatParameters } = rtp;
  const offered = profile === 'baseline' ? 'constrained-baseline' : profile;
  return { track, rendition: () => encoded, codec, formatParameters, profile: offered };
}

/** A sound as it is, where that is known, and as Opus. */
function soundChoices(track: MediaStreamTrack): Choice[] {
  const own = asItIs(track);
  const encoded = encodedOf(track);
  const opus = {
    ...own,
    codec: OPUS,
    formatParameters: OPUS_PARAMETERS,
    rendition: () => encoded.inOpus?.() ?? encoded,
  };
  return own.codec === OPUS ? [opus] : [own, opus];
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
