import type { Access } from '../../daemon/access/access.ts';
import { HttpError } from '../../daemon/http/http-error.ts';
import type { StreamSummary } from '../../daemon/http/ports.ts';
import { HttpServer, type HttpServerOptions } from '../../daemon/http/server.ts';
import { type Log, silentLog } from '../../daemon/lib/log.ts';
import type { Viewer } from '../../daemon/publish/viewer.ts';
import { WebRtcPublisher } from '../../daemon/publish/webrtc/publisher.ts';
import { Whep } from '../../daemon/publish/webrtc/whep.ts';
import { type GstSourceOptions, type TestStream, testStream } from './gst-source.ts';
import { releaseViewers, WebRtcViewer } from './webrtc-viewer.ts';

export interface WebGatewayOptions extends GstSourceOptions {
  access?: Access;
  maxViewers?: number;
  iceServers?: string[];
  allowedOrigins?: string[];
  http?: Partial<HttpServerOptions>;
  log?: Log;
  /** JPEG of the snapshot route; none: it answers 503. */
  jpeg?: Buffer;
}

/** Nobody has to sign in. */
export const OPEN_ACCESS: Access = {
  realm: 'test',
  open: true,
  authorize: async () => ({ allowed: true, user: undefined }),
};

/** One stream `camera` over real encoders, with WebRTC and HTTP in front of it: what a browser sees of the gateway. */
export class WebGateway {
  readonly source: TestStream;
  readonly publisher: WebRtcPublisher;
  readonly http: HttpServer;
  /** Viewers that are there, and the reasons why others left. */
  readonly viewers = new Map<string, Viewer>();
  readonly left: string[] = [];
  url = '';
  readonly #options: WebGatewayOptions;
  readonly #watching: WebRtcViewer[] = [];

  constructor(options: WebGatewayOptions = {}) {
    this.#options = options;
    this.source = testStream(options);
    const log = options.log ?? silentLog;
    const host = '127.0.0.1';
    this.publisher = new WebRtcPublisher({
      settings: { enabled: true, host, port: 0, maxViewers: options.maxViewers ?? 10, iceServers: [] },
      portConfigured: true,
      streams: {
        find: (name) => (name === 'camera' ? this.source.stream : undefined),
        renditions: (name) => (name === 'camera' ? [this.source.stream] : []),
      },
      viewers: {
        joined: (viewer) => this.viewers.set(viewer.id, viewer),
        left: (viewer, reason) => {
          this.viewers.delete(viewer.id);
          this.left.push(reason);
        },
      },
      clock: this.source.clock,
      log,
    });
    const { allowedOrigins = [], iceServers = [] } = options;
    this.http = new HttpServer({
      settings: { enabled: true, host, port: 0, maxViewers: 20, allowedHosts: ['cam.example'], allowedOrigins },
      portConfigured: true,
      access: options.access ?? OPEN_ACCESS,
      streams: { list: () => [this.summary()] },
      snapshots: { snapshot: async (name) => this.#snapshot(name) },
      metrics: { metrics: async () => 'vedette_build_info 1\n' },
      health: { verdict: () => ({ status: 'ok', components: [{ component: 'capture', ok: true }] }) },
      whep: new Whep({ publisher: this.publisher, iceServers, log }),
      mjpeg: {
        mjpeg: () => {
          throw new HttpError('unavailable', 'the encoders of this test make no JPEG');
        },
      },
      flv: { open: () => Promise.reject(new HttpError('not_found', 'HTTP-FLV is off')) },
      log,
      ...options.http,
    });
  }

  async start(): Promise<void> {
    await this.publisher.start();
    const { port } = await this.http.start();
    this.url = `http://127.0.0.1:${port}/`;
  }

  async stop(): Promise<void> {
    for (const viewer of this.#watching) viewer.close();
    await this.http.stop();
    await this.publisher.stop();
    if (this.#watching.length > 0) releaseViewers();
  }

  /** Connects a viewer of its own kind to the stream, without HTTP. */
  async watch(kinds: readonly ('video' | 'audio')[] = ['video', 'audio']): Promise<WebRtcViewer> {
    const signal = async (sdp: string): Promise<string> => {
      const offer = { stream: 'camera', sdp, remoteAddress: '127.0.0.1', user: undefined, kinds };
      return (await this.publisher.offer(offer)).sdp;
    };
    const viewer = await WebRtcViewer.connect({ kinds, signal });
    this.#watching.push(viewer);
    return viewer;
  }

  summary(): StreamSummary {
    const { video, audio } = this.source;
    return {
      name: 'camera',
      state: video.muted ? 'muted' : video.running ? 'live' : 'idle',
      ...(video.mutedReason !== undefined && { reason: video.mutedReason }),
      tracks: [video, audio].map(({ kind, label, muted }) => ({ kind, label, muted })),
      viewers: { webrtc: this.viewers.size },
      urls: { rtsp: 'rtsp://127.0.0.1:8554/camera' },
    };
  }

  #snapshot(name: string): Buffer {
    if (name !== 'camera') throw new HttpError('not_found', `there is no stream '${name}'`);
    if (this.#options.jpeg === undefined) throw new HttpError('unavailable', 'the camera is away');
    return this.#options.jpeg;
  }
}

/** One that the test stops at its end. */
export async function startWebGateway(
  t: { teardown(fn: () => Promise<void>): void },
  options: WebGatewayOptions = {},
): Promise<WebGateway> {
  const gateway = new WebGateway(options);
  t.teardown(() => gateway.stop());
  await gateway.start();
  return gateway;
}

/** Polls until the condition holds. @throws Error when it does not within the time, in milliseconds. */
export async function eventually(
  what: string,
  condition: () => boolean | Promise<boolean>,
  time = 20_000,
): Promise<void> {
  const end = Date.now() + time;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`not within ${time} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
