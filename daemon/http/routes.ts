import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Doorkeeper } from './doorkeeper.ts';
import { HttpError } from './http-error.ts';
import type { PageAsset } from './page.ts';
import type {
  FlvSource,
  HealthSource,
  MetricsSource,
  MjpegSource,
  SnapshotSource,
  StreamCatalog,
  StreamSummary,
  WhepSource,
} from './ports.ts';

export interface RoutePorts {
  streams: StreamCatalog;
  snapshots: SnapshotSource;
  metrics: MetricsSource;
  health: HealthSource;
  whep: WhepSource;
  flv: FlvSource;
  mjpeg: MjpegSource;
}

interface StreamParams {
  name: string;
}
interface SessionParams extends StreamParams {
  session: string;
}

/** Puts the route table into a server: one line a resource, authentication before the body is read. */
export function addRoutes(app: FastifyInstance, page: readonly PageAsset[], ports: RoutePorts, door: Doorkeeper): void {
  for (const asset of page) app.get(asset.path, (request, reply) => sendAsset(asset, request, reply));
  app.get('/healthz', async (_request, reply) => sendHealth(ports.health, reply));
  app.get('/metrics', async (request, reply) => {
    await door.require(request, 'http', 'metrics');
    return reply.type('text/plain; version=0.0.4; charset=utf-8').send(await ports.metrics.metrics());
  });
  app.get('/streams', async (request) => ({ streams: await visibleStreams(ports.streams, door, request) }));
  app.get<{ Params: StreamParams }>('/streams/:name/snapshot.jpg', async (request, reply) => {
    await door.require(request, 'http', 'snapshot', request.params.name);
    return reply.type('image/jpeg').send(await ports.snapshots.snapshot(request.params.name));
  });
  app.get<{ Params: StreamParams }>('/streams/:name/mjpeg', async (request, reply) => {
    const { name } = request.params;
    const { user } = await door.require(request, 'http', 'view', name);
    const { contentType, body } = ports.mjpeg.mjpeg(name, { remoteAddress: request.socket.remoteAddress ?? '', user });
    return reply.type(contentType).send(body);
  });
  // The preflight of an allowed origin; what it may do is in the headers of every answer.
  app.options('/*', async (_request, reply) => reply.code(204).send());
  addFlvRoute(app, ports.flv, door);
  addWhepRoutes(app, ports.whep, door);
}

function sendAsset({ contentType, etag, body }: PageAsset, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  reply.header('ETag', etag).header('Cache-Control', 'no-cache');
  if (request.headers['if-none-match'] === etag) return reply.code(304).send();
  return reply.type(contentType).send(body);
}

/** For whoever watches over the gateway: no names, no reasons, since it asks for no password. */
function sendHealth(health: HealthSource, reply: FastifyReply): FastifyReply {
  const { status, components } = health.verdict();
  const named = components.map(({ component, ok }) => ({ component, ok }));
  return reply.code(status === 'failing' ? 503 : 200).send({ status, components: named });
}

/** Those that the principal may see or hear. @throws HttpError for wrong credentials. */
async function visibleStreams(
  catalog: StreamCatalog,
  door: Doorkeeper,
  request: FastifyRequest,
): Promise<StreamSummary[]> {
  const visible: StreamSummary[] = [];
  for (const stream of catalog.list()) {
    try {
      await door.requireAny(request, 'http', ['view', 'listen'], stream.name);
      visible.push(stream);
    } catch (error) {
      if (!(error instanceof HttpError) || error.code !== 'forbidden') throw error;
    }
  }
  return visible;
}

function addFlvRoute(app: FastifyInstance, flv: FlvSource, door: Doorkeeper): void {
  app.get<{ Params: StreamParams }>('/streams/:name/live.flv', async (request, reply) => {
    const { name } = request.params;
    const { user } = await door.require(request, 'http-flv', 'view', name);
    const media = await flv.open(name, { remoteAddress: request.socket.remoteAddress ?? '', user });
    return reply.type('video/x-flv').send(media);
  });
}

const KINDS = { view: 'video', listen: 'audio' } as const;

interface Viewing {
  user: string | undefined;
  kinds: ('video' | 'audio')[];
}

function addWhepRoutes(app: FastifyInstance, whep: WhepSource, door: Doorkeeper): void {
  const viewings = new WeakMap<FastifyRequest, Viewing>();
  const authorize = async (request: FastifyRequest<{ Params: StreamParams }>): Promise<void> => {
    // A browser asks what it may do without credentials (Fetch, 4.8).
    if (request.method === 'OPTIONS') return;
    const { user, rights } = await door.requireAny(request, 'webrtc', ['view', 'listen'], request.params.name);
    viewings.set(request, { user, kinds: rights.map((right) => KINDS[right]) });
  };
  const handle = async (
    request: FastifyRequest<{ Params: StreamParams }>,
    reply: FastifyReply,
  ): Promise<FastifyReply> => {
    const { name, session } = request.params as Partial<SessionParams>;
    const { rid } = request.query as { rid?: unknown };
    const response = await whep.handle({
      method: request.method,
      stream: name ?? '',
      rid: typeof rid === 'string' ? rid : undefined,
      session,
      endpoint: `/streams/${encodeURIComponent(name ?? '')}/whep`,
      contentType: request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase(),
      ifMatch: request.headers['if-match'],
      body: typeof request.body === 'string' ? request.body : '',
      remoteAddress: request.socket.remoteAddress ?? '',
      user: viewings.get(request)?.user,
      kinds: viewings.get(request)?.kinds ?? [],
    });
    return reply.code(response.status).headers(response.headers).send(response.body);
  };
  const method = ['OPTIONS', 'GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];
  app.route<{ Params: StreamParams }>({ method, url: '/streams/:name/whep', onRequest: authorize, handler: handle });
  app.route<{ Params: StreamParams }>({
    method,
    url: '/streams/:name/whep/:session',
    onRequest: authorize,
    handler: handle,
  });
}
