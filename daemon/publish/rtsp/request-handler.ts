import { createHash, randomBytes } from 'node:crypto';
import type { Right } from '../../access/access.ts';
import type { Viewer } from '../viewer.ts';
import { Authorization, type Principal } from './authorization.ts';
import type { RtspContext } from './context.ts';
import { DeliveryNegotiator } from './delivery-negotiator.ts';
import { describeTracks, type IndexedTrack } from './describe.ts';
import { checkRange, formatRtpInfo, formatSession, formatTransport, parseSession } from './headers.ts';
import { header, type RtspRequest } from './request.ts';
import { type RtspResponse, STATUS } from './response.ts';
import { RtspError } from './rtsp-error.ts';
import { type EndReason, Session } from './session.ts';
import { formatSessionDescription } from './session-description.ts';
import { METHODS, type Method, methodOf, nextState } from './session-states.ts';
import { parseStreamUrl, type StreamUrl, trackUrl } from './stream-url.ts';
import type { TcpOutlet } from './tcp-outlet.ts';

export interface RequestHandlerOptions {
  context: RtspContext;
  remoteAddress: string;
  /** Our address as the viewer reaches it. */
  localAddress: string;
  outlet: TcpOutlet;
  /** The connection is gone. */
  closed: AbortSignal;
  /** The session has nothing more to play. */
  ended: (reason: EndReason) => void;
}

/** An answer, and what is to be done once it is on its way. */
export interface Answer {
  response: RtspResponse;
  sent?: () => void;
}

type Handler = (request: RtspRequest) => Answer | Promise<Answer>;

const RIGHT_OF = { video: 'view', audio: 'listen' } as const satisfies Record<'video' | 'audio', Right>;

/**
 * The requests of one connection, one after the other, and the session that belongs to it. A session lives and dies
 * with its connection and is of use to nobody else (RFC 2326 would let others take it over).
 */
export class RequestHandler {
  readonly #options: RequestHandlerOptions;
  readonly #authorization: Authorization;
  readonly #handlers: Readonly<Record<Method, Handler>>;
  readonly #deliveries: DeliveryNegotiator;
  #session: Session | undefined;
  #viewer: Viewer | undefined;

  constructor(options: RequestHandlerOptions) {
    this.#options = options;
    const { access, settings, clock } = options.context;
    const { remoteAddress } = options;
    this.#authorization = new Authorization({ access, digest: settings.digest, remoteAddress, clock: clock.clock });
    this.#deliveries = new DeliveryNegotiator({ udp: options.context.udp, outlet: options.outlet, remoteAddress });
    this.#handlers = {
      OPTIONS: () => this.#answer([['Public', METHODS.join(', ')]]),
      DESCRIBE: (request) => this.#describe(request),
      SETUP: (request) => this.#setUp(request),
      PLAY: (request) => this.#play(request),
      PAUSE: (request) => this.#pause(request),
      GET_PARAMETER: (request) => this.#parameter(request),
      SET_PARAMETER: (request) => this.#parameter(request),
      TEARDOWN: (request) => this.#teardown(request),
    };
  }

  get session(): Session | undefined {
    return this.#session;
  }

  /** The viewer, from its first PLAY on. */
  get viewer(): Viewer | undefined {
    return this.#viewer;
  }

  /** Answers a request. Never rejects for what a request can contain. */
  async handle(request: RtspRequest): Promise<Answer> {
    try {
      this.#session?.alive();
      const method = this.#check(request);
      return await this.#handlers[method](request);
    } catch (error) {
      if (error instanceof RtspError) return { response: errorResponse(error) };
      this.#options.context.log.error({ err: error, method: request.method }, 'request failed');
      return { response: { status: 500 } };
    }
  }

  /** A packet on an interleaved channel: only RTCP of a track means anything. */
  receive(channel: number, packet: Buffer): void {
    this.#deliveries.receive(channel, packet);
  }

  /** Ends the session, if there is one. */
  endSession(reason: EndReason): void {
    const viewer = this.#viewer;
    this.#session?.close(reason === 'closed' || reason === 'shutdown');
    this.#session = undefined;
    this.#viewer = undefined;
    this.#deliveries.release();
    if (viewer !== undefined) this.#options.context.viewers.left(viewer, reason);
  }

  /** What must be right before a method does anything. */
  #check(request: RtspRequest): Method {
    if (request.version !== '1.0') throw new RtspError('unsupported_version', 'this server speaks RTSP 1.0');
    const method = methodOf(request.method);
    const required = [...(request.headers.get('require') ?? []), ...(request.headers.get('proxy-require') ?? [])];
    if (required.length > 0) {
      throw new RtspError('unsupported_option', 'no options are supported', {
        headers: [['Unsupported', required.join(', ').slice(0, 256)]],
      });
    }
    const session = header(request, 'session');
    if (session !== undefined && parseSession(session) !== this.#session?.id)
      throw new RtspError('session_not_found', 'there is no such session on this connection');
    nextState(this.#session?.state ?? 'init', method);
    return method;
  }

  async #describe(request: RtspRequest): Promise<Answer> {
    const accept = header(request, 'accept');
    if (accept !== undefined && !/application\/(?:sdp|\*)|\*\/\*/i.test(accept))
      throw new RtspError('not_acceptable', 'Accept: descriptions are application/sdp');
    const { context, localAddress, closed } = this.#options;
    const url = parseStreamUrl(request.uri);
    const { rights } = await this.#authorization.authorize(request, url.stream, ['view', 'listen']);
    const allowed = this.#tracksOf(url).filter(({ track }) => rights.has(RIGHT_OF[track.kind]));
    if (allowed.length === 0) throw new RtspError('forbidden', 'your account has no right to any track of this stream');
    const tracks = await describeTracks(allowed, context.formatTimeout, closed);
    const text = formatSessionDescription({
      name: url.stream,
      address: localAddress,
      id: descriptionId(tracks.map(({ formatParameters }) => formatParameters)),
      tracks,
    });
    return {
      response: { status: 200, headers: [['Content-Base', url.base]], body: { type: 'application/sdp', text } },
    };
  }

  async #setUp(request: RtspRequest): Promise<Answer> {
    const url = parseStreamUrl(request.uri);
    const { user, rights } = await this.#authorization.authorize(request, url.stream, ['view', 'listen']);
    const tracks = this.#tracksOf(url);
    const [only] = tracks;
    const chosen =
      url.track === undefined && tracks.length === 1 ? only : tracks.find(({ index }) => index === url.track);
    if (chosen === undefined) {
      if (url.track !== undefined) throw new RtspError('not_found', 'there is no such track');
      throw new RtspError('aggregate_not_allowed', 'SETUP is for one track: use its control URL');
    }
    const { index, track } = chosen;
    if (!rights.has(RIGHT_OF[track.kind]))
      throw new RtspError('forbidden', `your account has no right to ${track.kind}`);
    this.#checkSameSession(url, user);
    if (this.#session?.has(index)) throw new RtspError('wrong_state', 'this track is set up already');
    const offer = this.#deliveries.choose(header(request, 'transport'), this.#session?.lower);
    const session = this.#session ?? this.#open(url, user, offer.lower);
    const { delivery, agreed } = this.#deliveries.agree(offer, (packet) => session.receiveRtcp(index, packet));
    const ssrc = session.setUp(index, track, delivery);
    return this.#answer([['Transport', formatTransport(agreed, ssrc)]]);
  }

  async #play(request: RtspRequest): Promise<Answer> {
    const url = parseStreamUrl(request.uri);
    const range = header(request, 'range');
    if (range !== undefined) checkRange(range);
    const session = await this.#ownSession(request, url);
    const info = session.play().map(({ index, ...rest }) => ({ url: trackUrl(url.base, index), ...rest }));
    const answer = this.#answer([
      ['Range', 'npt=now-'],
      ['RTP-Info', formatRtpInfo(info)],
    ]);
    return { ...answer, sent: () => this.#begin(session) };
  }

  async #pause(request: RtspRequest): Promise<Answer> {
    const session = await this.#ownSession(request, parseStreamUrl(request.uri));
    session.pause();
    return this.#answer();
  }

  /** Both parameter methods are there to keep a session alive; there are no parameters. */
  async #parameter(request: RtspRequest): Promise<Answer> {
    if (this.#session !== undefined) await this.#ownSession(request);
    if (request.body.length > 0) throw new RtspError('parameter_not_understood', 'there are no parameters');
    return this.#answer();
  }

  async #teardown(request: RtspRequest): Promise<Answer> {
    await this.#ownSession(request, parseStreamUrl(request.uri));
    return { ...this.#answer(), sent: () => this.endSession('teardown') };
  }

  #begin(session: Session): void {
    if (this.#session !== session) return;
    if (this.#viewer === undefined) {
      const { context, remoteAddress } = this.#options;
      this.#viewer = {
        id: randomBytes(16).toString('hex'),
        protocol: 'rtsp',
        stream: session.stream,
        remoteAddress: remoteAddress.replace(/^::ffff:(?=\d+\.)/, ''),
        user: session.user,
        since: context.clock.clock.wall(),
        traffic: () => session.traffic,
      };
      context.viewers.joined(this.#viewer);
    }
    session.begin();
  }

  /** A successful answer, with the session where there is one. */
  #answer(headers: (readonly [string, string])[] = []): Answer {
    const { id, timeout } = this.#session ?? {};
    const session = id === undefined || timeout === undefined ? [] : [['Session', formatSession(id, timeout)] as const];
    return { response: { status: 200, headers: [...session, ...headers] } };
  }

  /** The stream's live tracks with their places. @throws RtspError `not_found`. */
  #tracksOf(url: StreamUrl): IndexedTrack[] {
    const stream = this.#options.context.streams.find(url.stream, url.rid);
    const tracks = (stream?.getTracks() ?? []).map((track, index) => ({ index, track }));
    const live = tracks.filter(({ track }) => track.readyState === 'live');
    if (live.length === 0) throw new RtspError('not_found', 'there is no such stream');
    return live;
  }

  /**
   * The connection's session, if the request may use it: its own stream, by the one who set it up, who still has the
   * rights to every track of it.
   */
  async #ownSession(request: RtspRequest, url?: StreamUrl): Promise<Session> {
    const session = this.#session as Session;
    const kinds = new Set(session.tracks.map(({ kind }) => kind));
    const rights = [...kinds].map((kind) => RIGHT_OF[kind]);
    const principal: Principal = await this.#authorization.authorize(request, session.stream, rights);
    if (this.#session !== session) throw new RtspError('session_not_found', 'the session has ended');
    if (rights.some((right) => !principal.rights.has(right)))
      throw new RtspError('forbidden', 'your account has lost its right to this stream');
    this.#checkSameSession(url ?? session, principal.user);
    if (url?.track !== undefined && !(session.tracks.length === 1 && session.has(url.track)))
      throw new RtspError('aggregate_only', 'use the URL of the presentation, not that of a track');
    return session;
  }

  #checkSameSession(url: { stream: string; rid: string | undefined }, user: string | undefined): void {
    const session = this.#session;
    if (session === undefined) return;
    if (session.user !== user) throw new RtspError('session_not_found', 'the session belongs to another user');
    if (session.stream !== url.stream || session.rid !== url.rid)
      throw new RtspError('aggregate_not_allowed', 'the session is for another stream');
  }

  #open(url: StreamUrl, user: string | undefined, lower: 'udp' | 'tcp'): Session {
    const { context, ended } = this.#options;
    if (context.sessionCount() >= context.settings.maxViewers)
      throw new RtspError('too_many_viewers', `the limit of ${context.settings.maxViewers} viewers is reached`);
    const { stream, rid } = url;
    const now = (): number => context.clock.now();
    const timeout = context.settings.sessionTimeout;
    this.#session = new Session({ stream, rid, user, lower, timeout, now, ended: () => ended('ended') });
    return this.#session;
  }
}

/** How an error is answered: the status of its code, and what is wrong in words. */
export function errorResponse(error: RtspError): RtspResponse {
  const body = { type: 'text/plain', text: `${error.message}\r\n` };
  return { status: STATUS[error.code], headers: error.headers, body };
}

/** Same description, same id: players compare it to see whether a description has changed (RFC 8866, 5.2). */
function descriptionId(formats: readonly string[]): string {
  return createHash('sha256').update(formats.join('\n')).digest().readUIntBE(0, 6).toString();
}
