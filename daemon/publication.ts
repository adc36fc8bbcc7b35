import { isIPv6 } from 'node:net';
import { hostname } from 'node:os';
import { formatProblem } from '../config/config-error.ts';
import { Layers } from '../config/layers.ts';
import type { HttpSettings, RtspSettings, Settings, WebRtcSettings } from '../config/settings.ts';
import { FileAccess } from './access/file-access.ts';
import { CaptureError } from './capture/capture-error.ts';
import { HttpError } from './http/http-error.ts';
import type { StreamSummary } from './http/ports.ts';
import type { HttpServer } from './http/server.ts';
import { MediaClock } from './lib/clock.ts';
import { listenOn } from './lib/listen.ts';
import { type Log, silentLog } from './lib/log.ts';
import { MediaStream } from './media/media-stream.ts';
import { encodedOf } from './media/media-stream-track.ts';
import { isInstance } from './media/web-idl.ts';
import type { MjpegPublisher } from './publish/mjpeg/publisher.ts';
import type { RtspServer } from './publish/rtsp/server.ts';
import type { Viewer } from './publish/viewer.ts';
import type { WebRtcPublisher } from './publish/webrtc/publisher.ts';
import type { Whep } from './publish/webrtc/whep.ts';
import { Health } from './telemetry/health.ts';
import { ViewerRegistry } from './viewer-registry.ts';

/** As the sections of the same names in the configuration; what is not given has its default. */
export interface PublishOptions {
  rtsp?: Partial<RtspSettings>;
  /** The viewer page, snapshots and WebRTC signalling. */
  http?: Partial<HttpSettings>;
  webrtc?: Partial<WebRtcSettings>;
  /** Users (`vedette user add`). Without any, everything stays on this machine. */
  access?: { usersFile: string };
  /** Where log lines go; a pino logger is one. Default: nowhere. */
  log?: Log;
}

/** Where viewers find a stream. */
export interface PublishedUrls {
  /** For players. */
  rtsp?: string;
  /** For browsers. */
  page?: string;
  /** For programs: WebRTC by WHEP. */
  whep?: string;
  snapshot?: string;
}

const NAME = /^[a-z0-9][a-z0-9_-]{0,31}$/;

/** Streams that are served to viewers: RTSP, and over HTTP the viewer page, WebRTC and snapshots. Made by {@link publish}. */
export class Publication {
  readonly #streams: ReadonlyMap<string, MediaStream>;
  readonly #settings: Settings;
  /** Whether the program has set a path itself: then no other port is taken in the place of its own. */
  readonly #chosen: (path: string) => boolean;
  readonly #log: Log;
  readonly #clock = new MediaClock();
  readonly #access: FileAccess;
  readonly #viewers: ViewerRegistry;
  #rtsp: RtspServer | undefined;
  #webrtc: WebRtcPublisher | undefined;
  #whep: Whep | undefined;
  #http: HttpServer | undefined;
  #mjpeg: MjpegPublisher | undefined;
  #rtspOrigin: string | undefined;
  #httpOrigin: string | undefined;

  /** @internal */
  constructor(streams: ReadonlyMap<string, MediaStream>, layers: Layers, log: Log) {
    const settings = layers.finish();
    this.#streams = streams;
    this.#settings = settings;
    this.#chosen = (path) => layers.originOf(path) !== 'default';
    this.#log = log;
    this.#access = new FileAccess({ usersFile: settings.access.usersFile, log });
    this.#viewers = new ViewerRegistry({ clock: this.#clock.clock, log, changed: () => undefined });
  }

  /** The addresses of each stream, by its name. */
  get urls(): Record<string, PublishedUrls> {
    return Object.fromEntries([...this.#streams.keys()].map((name) => [name, this.#urlsOf(name)]));
  }

  /** Who watches now. */
  get viewers(): readonly Viewer[] {
    return this.#viewers.list();
  }

  /** @internal */
  async start(): Promise<this> {
    try {
      await this.#access.start();
      await this.#startRtsp();
      await this.#startHttp();
      return this;
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** Disconnects the viewers and frees the ports; the tracks live on. Idempotent. */
  async close(): Promise<void> {
    this.#mjpeg?.stop();
    await this.#http?.stop();
    await Promise.all([this.#rtsp?.stop(), this.#webrtc?.stop()]);
    await this.#access.stop();
  }

  async #startRtsp(): Promise<void> {
    const { rtsp } = this.#settings;
    if (!rtsp.enabled) return;
    const { RtspServer } = await import('./publish/rtsp/server.ts');
    const host = this.#host(rtsp.host);
    await listenOn('RTSP', rtsp.port, this.#chosen('rtsp.port'), async (port) => {
      const server = new RtspServer({ ...this.#common, settings: { ...rtsp, host, port }, access: this.#access });
      this.#rtspOrigin = origin('rtsp', host, (await server.start()).port);
      this.#rtsp = server;
    });
  }

  async #startHttp(): Promise<void> {
    const { http, webrtc } = this.#settings;
    if (!http.enabled) return;
    const [{ HttpServer }, { MjpegPublisher }, { mjpegSource }, { WebRtcPublisher }, { Whep }] = await Promise.all([
      import('./http/server.ts'),
      import('./publish/mjpeg/publisher.ts'),
      import('./mjpeg-source.ts'),
      import('./publish/webrtc/publisher.ts'),
      import('./publish/webrtc/whep.ts'),
    ]);
    if (webrtc.enabled) {
      const settings = { ...webrtc, host: this.#host(webrtc.host) };
      this.#webrtc = new WebRtcPublisher({ ...this.#common, settings, portConfigured: this.#chosen('webrtc.port') });
      this.#whep = new Whep({ publisher: this.#webrtc, iceServers: webrtc.iceServers, log: this.#log });
      await this.#webrtc.start();
    }
    this.#mjpeg = new MjpegPublisher({ ...this.#common, maxViewers: http.maxViewers });
    this.#http = new HttpServer({
      settings: { ...http, host: this.#host(http.host) },
      portConfigured: this.#chosen('http.port'),
      access: this.#access,
      log: this.#log,
      streams: { list: () => [...this.#streams.keys()].map((name) => this.#summary(name)) },
      snapshots: { snapshot: (name) => this.#snapshot(name) },
      metrics: { metrics: () => nothing('metrics') },
      health: new Health(),
      whep: { handle: async (request) => (await (this.#whep ?? nothing('WebRTC'))).handle(request) },
      flv: { open: () => nothing('HTTP-FLV') },
      mjpeg: mjpegSource(this.#mjpeg),
    });
    const { host, port } = await this.#http.start();
    this.#httpOrigin = origin('http', host, port);
  }

  get #common() {
    return {
      streams: {
        find: (name: string, rid?: string) => (rid === undefined ? this.#streams.get(name) : undefined),
        renditions: (name: string) => [this.#streams.get(name) ?? []].flat(),
      },
      viewers: this.#viewers,
      clock: this.#clock,
      log: this.#log,
    };
  }

  /** Until a user exists nothing listens beyond this machine. */
  #host(configured: string): string {
    return this.#access.open ? '127.0.0.1' : configured;
  }

  #urlsOf(name: string): PublishedUrls {
    const urls: PublishedUrls = {};
    if (this.#rtspOrigin !== undefined) urls.rtsp = `${this.#rtspOrigin}/${name}`;
    if (this.#httpOrigin === undefined) return urls;
    urls.page = `${this.#httpOrigin}/#${name}`;
    if (this.#whep !== undefined) urls.whep = `${this.#httpOrigin}/streams/${name}/whep`;
    urls.snapshot = `${this.#httpOrigin}/streams/${name}/snapshot.jpg`;
    return urls;
  }

  #summary(name: string): StreamSummary {
    const tracks = this.#streams.get(name)?.getTracks() ?? [];
    const silent = tracks.some(({ muted }) => muted);
    return {
      name,
      state: silent ? 'muted' : tracks.some(({ readyState }) => readyState === 'live') ? 'live' : 'idle',
      tracks: tracks.map(({ kind, label, muted }) => ({ kind: kind === 'audio' ? 'audio' : 'video', label, muted })),
      viewers: this.#viewers.counts(name),
      urls: { ...this.#urlsOf(name) },
    };
  }

  async #snapshot(name: string): Promise<Buffer> {
    const stream = this.#streams.get(name);
    if (stream === undefined) throw new HttpError('not_found', `there is no stream '${name}'`);
    const track = stream.getVideoTracks().find(({ readyState }) => readyState === 'live');
    if (track === undefined) throw new HttpError('unavailable', `stream '${name}' has no picture`);
    try {
      return (await encodedOf(track).photo()).jpeg;
    } catch (error) {
      if (!(error instanceof CaptureError)) throw error;
      throw new HttpError('unavailable', error.message);
    }
  }
}

/**
 * Serves streams to viewers until the publication is closed.
 * @param streams by name, which is their path in every address: small letters, digits, `-` and `_`.
 * @throws TypeError for a name, a stream or an option that is none. PortTakenError when a port is in use.
 */
export async function publish(
  streams: Readonly<Record<string, MediaStream>>,
  options: PublishOptions = {},
): Promise<Publication> {
  const { log = silentLog, ...sections } = options;
  const found = new Map(Object.entries(streams));
  for (const [name, stream] of found) {
    if (!NAME.test(name))
      throw new TypeError(`publish: '${name}' is no name of a stream; allowed are small letters, digits, - and _`);
    if (!isInstance(MediaStream, stream)) throw new TypeError(`publish: '${name}' is not a MediaStream`);
  }
  const layers = new Layers({});
  layers.file(undefined, sections);
  const publication = new Publication(found, layers, log.child({ room: 'publication' }));
  const [problem] = layers.problems;
  if (problem !== undefined) throw new TypeError(`publish: ${formatProblem(problem)}`);
  return publication.start();
}

function origin(scheme: string, host: string, port: number): string {
  const name = host === '0.0.0.0' || host === '::' ? hostname() : host;
  return `${scheme}://${isIPv6(name) ? `[${name}]` : name}:${port}`;
}

async function nothing(what: string): Promise<never> {
  throw new HttpError('not_found', `there is no ${what} here`);
}
