import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { HttpSettings } from '../../config/settings.ts';
import type { Access } from '../access/access.ts';
import { listenOn } from '../lib/listen.ts';
import type { Log } from '../lib/log.ts';
import { BrowserGuard } from './browser-guard.ts';
import { ConnectionLimiter } from './connection-limiter.ts';
import { Doorkeeper } from './doorkeeper.ts';
import { HttpError, STATUS } from './http-error.ts';
import { readPage } from './page.ts';
import { addRoutes, type RoutePorts } from './routes.ts';

export interface HttpServerOptions extends RoutePorts {
  settings: HttpSettings;
  /** The configuration names the port: then no other is taken in its place. */
  portConfigured: boolean;
  access: Access;
  log: Log;
}

/** Bytes of a request body: an offer of a browser has some 6 to 12 KiB. */
const BODY_LIMIT = 64 * 1024;
const HEADER_LIMIT = 8 * 1024;
const HEADERS_TIMEOUT_MS = 5000;
const REQUEST_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_TIMEOUT_MS = 15_000;
const CONNECTIONS = { total: 512, perAddress: 64 };

const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; connect-src 'self'; " +
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
};

/** What pages of other origins, where the configuration allows them, may send and read (Fetch, 3.2). */
const CORS_HEADERS: Readonly<Record<string, string>> = {
  'Access-Control-Expose-Headers': 'Location, ETag, Link, Accept-Patch, Retry-After',
  'Access-Control-Allow-Methods': 'OPTIONS, GET, HEAD, POST, PATCH, DELETE',
  'Access-Control-Allow-Headers': 'Authorization, Content-Type, If-Match',
  'Access-Control-Max-Age': '600',
};

/** The HTTP listener: viewer page, WHEP, snapshots, HTTP-FLV, health and metrics behind one set of limits and one door. */
export class HttpServer {
  readonly #options: HttpServerOptions;
  readonly #door: Doorkeeper;
  readonly #guard: BrowserGuard;
  readonly #connections = new ConnectionLimiter(CONNECTIONS);
  #app: FastifyInstance | undefined;

  constructor(options: HttpServerOptions) {
    this.#options = options;
    this.#door = new Doorkeeper(options.access);
    const { allowedHosts, allowedOrigins } = options.settings;
    this.#guard = new BrowserGuard({ hostname: hostname(), allowedHosts, allowedOrigins });
  }

  /** @throws PortTakenError. */
  async start(): Promise<{ host: string; port: number }> {
    const { settings, portConfigured } = this.#options;
    const { host } = settings;
    const page = await readPage();
    let port = 0;
    await listenOn('HTTP', settings.port, portConfigured, async (candidate) => {
      const app = this.#createApp();
      addRoutes(app, page, this.#options, this.#door);
      await app.listen({ host, port: candidate });
      this.#app = app;
      port = (app.server.address() as AddressInfo).port;
    });
    return { host, port };
  }

  /** Stops listening and closes every connection at once. */
  async stop(): Promise<void> {
    const app = this.#app;
    this.#app = undefined;
    const closed = app?.close();
    this.#connections.closeAll();
    await closed;
  }

  #createApp(): FastifyInstance {
    const app = fastify({
      bodyLimit: BODY_LIMIT,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
      http: {
        maxHeaderSize: HEADER_LIMIT,
        headersTimeout: HEADERS_TIMEOUT_MS,
        connectionsCheckingInterval: 1000,
        insecureHTTPParser: false,
      },
      // Whoever stands before us may write any address into a header.
      trustProxy: false,
      forceCloseConnections: true,
      routerOptions: { maxParamLength: 100 },
    });
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body));
    app.addHook('onRequest', async (request, reply) => this.#admit(request, reply));
    app.setErrorHandler((error: FastifyError | HttpError, request, reply) => this.#sendError(error, request, reply));
    app.setNotFoundHandler(async (request, reply) =>
      this.#sendError(new HttpError('not_found', 'there is nothing here'), request, reply),
    );
    this.#connections.guard(app.server);
    return app;
  }

  #admit(request: FastifyRequest, reply: FastifyReply): void {
    reply.headers(SECURITY_HEADERS).header('Cache-Control', 'no-store');
    const { host, origin } = request.headers;
    if (!this.#guard.acceptsHost(host))
      throw new HttpError(
        'forbidden',
        'Host is not a name of this gateway; http.allowedHosts in the configuration adds one',
      );
    const verdict = this.#guard.origin(origin, host);
    if (verdict === 'foreign')
      throw new HttpError('forbidden', 'pages of this origin may not use the gateway; http.allowedOrigins adds one');
    reply.header('Vary', 'Origin');
    if (verdict === 'allowed') reply.header('Access-Control-Allow-Origin', origin).headers(CORS_HEADERS);
  }

  /** Problem details (RFC 9457) for every failure. */
  #sendError(error: FastifyError | HttpError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const status = error instanceof HttpError ? STATUS[error.code] : (error.statusCode ?? 500);
    const unexpected = !(error instanceof HttpError) && status >= 500;
    if (unexpected) this.#options.log.error({ err: error, method: request.method, url: request.url }, 'request failed');
    if (status === 401) reply.header('WWW-Authenticate', this.#door.challenges(request));
    if (status === 429) reply.header('Retry-After', '60');
    if (status === 503) reply.header('Retry-After', '2');
    return reply
      .code(status)
      .type('application/problem+json')
      .send(JSON.stringify({ status, detail: unexpected ? 'internal error' : error.message }));
  }
}
