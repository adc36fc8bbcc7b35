/**
 * The child process that speaks RTMP and HTTP-FLV: node-media-server behind doors of ours. RTMP connections come from
 * the daemon one by one, so that the port outlives this process; HTTP is for the daemon alone.
 */
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { type AddressInfo, Socket } from 'node:net';
import NodeMediaServer, { type Broadcast, type Session } from 'node-media-server';
import { childLog } from '../../lib/child.ts';
import { systemClock } from '../../lib/clock.ts';
import { FLV_TAG, MediaGate, makeTimeless, RTMP_MESSAGE } from './media-gate.ts';
import { APPLICATION, type FromWorker, type ToWorker, VIEWER_HEADER, type ViewerReport } from './messages.ts';
import { PlayerSocket } from './player-socket.ts';

const HEARTBEAT_MS = 1000;
const PLAY_DEADLINE_MS = 5000;
/** How long a publisher may be away while somebody watches: the time in which a converter is replaced. */
const PUBLISH_GRACE_MS = 30_000;

interface Player {
  readonly id: string;
  readonly session: Session;
  /** As it was before any play: {@link Session.sendBuffer} of a player who may not watch yet sends nothing. */
  readonly send: (message: Buffer) => void;
  readonly gate: MediaGate;
  /** What the session has subscribed to: one, or more where a peer plays twice on one connection. */
  readonly broadcasts: Set<Broadcast>;
  readonly report: ViewerReport;
  state: 'asking' | 'admitting' | 'playing' | 'closed';
  reason: string;
}

const log = childLog();
const players = new Map<string, Player>();
/** Players by the session of node-media-server. */
const bySession = new Map<Session, Player>();
const sockets = new Set<PlayerSocket>();

function tell(message: FromWorker): void {
  process.send?.(message);
}

function close(player: Player, reason: string): void {
  player.state = 'closed';
  player.reason = reason;
  player.session.res?.destroy();
  if (player.session.socket instanceof PlayerSocket) player.session.socket.end();
}

/** What node-media-server tells before it sends the first byte to a player; it cannot be told to wait, so we let nothing through. */
function onPrePlay(session: Session): void {
  const known = bySession.get(session);
  if (known !== undefined) {
    // Our own second call comes while we admit; any other would subscribe one connection to two streams.
    known.broadcasts.add(session.broadcast);
    if (known.state !== 'admitting') refuse(known, 'One stream for each connection');
    return;
  }
  const flv = session.protocol === 'flv';
  const id = flv ? String(session.req?.headers[VIEWER_HEADER]) : randomBytes(16).toString('hex');
  const player: Player = {
    id,
    session,
    send: session.sendBuffer,
    gate: new MediaGate(flv ? FLV_TAG : RTMP_MESSAGE, systemClock),
    broadcasts: new Set([session.broadcast]),
    report: { id, sentBytes: 0, droppedFrames: 0 },
    state: 'asking',
    reason: 'closed',
  };
  players.set(id, player);
  bySession.set(session, player);
  session.sendBuffer = (message) => deliver(player, message);
  if (flv) {
    player.state = 'playing';
    session.broadcast.publishGraceMs = PUBLISH_GRACE_MS;
    return;
  }
  const { socket } = session;
  if (socket instanceof PlayerSocket) socket.playing();
  if (session.streamApp !== APPLICATION) {
    refuse(player, 'No such stream');
    return;
  }
  const query: Record<string, string> = {};
  for (const [name, value] of Object.entries(session.streamQuery)) if (typeof value === 'string') query[name] = value;
  const remoteAddress = socket instanceof PlayerSocket ? socket.remoteAddress : '';
  tell({ type: 'play', id, stream: session.streamName, remoteAddress, query });
}

function deliver(player: Player, message: Buffer): void {
  if (player.state !== 'playing' && player.state !== 'admitting') return;
  const { session } = player;
  const queued =
    session.res?.writableLength ?? (session.socket instanceof PlayerSocket ? session.socket.writableLength : 0);
  makeTimeless(message, player.session.protocol === 'flv' ? FLV_TAG : RTMP_MESSAGE);
  if (player.gate.admits(message, queued)) {
    player.report.sentBytes += message.length;
    player.send(message);
    return;
  }
  player.report.droppedFrames += 1;
  if (player.gate.stuck) close(player, 'slow');
}

function admit(player: Player): void {
  if (player.state !== 'asking') return;
  const { broadcast } = player.session;
  broadcast.publishGraceMs = PUBLISH_GRACE_MS;
  player.state = 'admitting';
  // Once more from the start: headers and the group of pictures that were held back.
  broadcast.postPlay(player.session);
  // Unless that was already too much for him.
  if (player.state === 'admitting') player.state = 'playing';
}

function refuse(player: Player, description: string): void {
  const { rtmp } = player.session;
  rtmp?.sendStatusMessage(rtmp.streamId, 'error', 'NetStream.Play.Failed', description);
  close(player, 'refused');
}

function onDonePlay(session: Session): void {
  const player = bySession.get(session);
  // Connections that never played end here, too.
  if (player === undefined) return;
  bySession.delete(session);
  players.delete(player.id);
  tell({ type: 'left', id: player.id, reason: player.reason, report: player.report });
  for (const broadcast of player.broadcasts) if (broadcast !== session.broadcast) broadcast.donePlay(session);
  // The last viewer is gone: what is cached grows stale, and the next one begins anew.
  const others = [...session.broadcast.subscribers.keys()].some((id) => id !== session.id);
  if (!others) session.broadcast.publishGraceMs = 0;
}

function start({ secret, maxConnections }: Extract<ToWorker, { type: 'start' }>): void {
  const server = new NodeMediaServer({
    // It makes its HTTP server only for a port; we do the listening, behind a door.
    bind: '127.0.0.1',
    http: { port: 1 },
    auth: { publish: true, secret },
    webadmin: { enable: false },
  });
  server.on('prePlay', onPrePlay);
  server.on('donePlay', onDonePlay);
  const http = createServer((request, response) => {
    if (request.headers.authorization === `Bearer ${secret}`) {
      server.httpServer.httpServer.emit('request', request, response);
    } else {
      response.writeHead(403, { connection: 'close' }).end();
    }
  });
  http.requestTimeout = 0;
  http.listen(0, '127.0.0.1', () => tell({ type: 'ready', port: (http.address() as AddressInfo).port }));
  setInterval(() => tell({ type: 'alive', viewers: [...players.values()].map(({ report }) => report) }), HEARTBEAT_MS);

  process.on('message', (message: ToWorker, handle: unknown) => {
    if (message.type === 'connection' && handle instanceof Socket) accept(handle);
  });

  function accept(socket: Socket): void {
    if (sockets.size >= maxConnections) {
      log.warn({ remoteAddress: socket.remoteAddress, maxConnections }, 'RTMP connection refused: too many');
      socket.destroy();
      return;
    }
    const { remoteAddress } = socket;
    const player = new PlayerSocket({
      socket,
      playDeadline: PLAY_DEADLINE_MS,
      refused: (reason) => log.warn({ remoteAddress, reason }, 'RTMP connection refused'),
    });
    sockets.add(player);
    player.once('close', () => sockets.delete(player));
    server.rtmpServer.handleRequest(player);
  }
}

process.on('message', (message: ToWorker) => {
  switch (message.type) {
    case 'start':
      start(message);
      break;
    case 'connection':
      break;
    case 'admit': {
      const player = players.get(message.id);
      if (player !== undefined) admit(player);
      // He left while he was being let in.
      else tell({ type: 'left', id: message.id, reason: 'closed' });
      break;
    }
    case 'refuse': {
      const player = players.get(message.id);
      if (player !== undefined) refuse(player, message.description);
      break;
    }
    case 'close': {
      const player = players.get(message.id);
      if (player !== undefined) close(player, 'closed by the gateway');
      break;
    }
    default:
      message satisfies never;
  }
});
process.on('disconnect', () => process.exit(0));
process.on('SIGTERM', () => process.exit(0));
