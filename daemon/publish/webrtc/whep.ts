import { randomBytes } from 'node:crypto';
import type { Log } from '../../lib/log.ts';
import type { Viewer } from '../viewer.ts';
import { iceServerLinks } from './ice-server-links.ts';
import type { WebRtcAnswer, WebRtcOffer } from './publisher.ts';
import { readSessionDescription } from './session-description.ts';
import { WebRtcError, type WebRtcErrorCode } from './webrtc-error.ts';

/** What the resource needs of the publisher. */
export interface WhepPublisher {
  offer(offer: WebRtcOffer): Promise<WebRtcAnswer>;
  addCandidates(id: string, mid: string, candidates: readonly string[]): void;
  viewer(id: string): Viewer | undefined;
  close(id: string, reason?: string): boolean;
}

/** A request on a stream's WHEP endpoint, or on one of its sessions. The caller has authorized it. */
export interface WhepRequest {
  method: string;
  stream: string;
  /** Which of its encodings; undefined: the first that the viewer can play. */
  rid?: string | undefined;
  /** Id of the session; undefined on the endpoint itself. */
  session: string | undefined;
  /** Path of the endpoint, which session URLs begin with. */
  endpoint: string;
  /** The media type without parameters, in lower case. */
  contentType: string | undefined;
  ifMatch: string | undefined;
  body: string;
  remoteAddress: string;
  user: string | undefined;
  /** Which media the principal may have. */
  kinds: readonly ('video' | 'audio')[];
}

export interface WhepResponse {
  status: number;
  headers: Record<string, string>;
  body: string | undefined;
}

export interface WhepOptions {
  publisher: WhepPublisher;
  /** For `Link` headers, as in the configuration: `stun:host:port`, `turn:user:password@host:port`. */
  iceServers: readonly string[];
  log: Log;
}

/** How an error of the publisher shows on HTTP (draft-ietf-wish-whep-03, 4.2 and 4.6). */
const STATUS: Readonly<Record<WebRtcErrorCode, number>> = {
  not_found: 404,
  not_live: 409,
  invalid: 400,
  unacceptable: 406,
  busy: 503,
  unavailable: 503,
};
/** Seconds after which a viewer may try again. */
const RETRY_AFTER: Readonly<Partial<Record<WebRtcErrorCode, string>>> = { not_live: '2', busy: '5', unavailable: '1' };

const ENDPOINT_METHODS = 'OPTIONS, GET, HEAD, POST';
const SESSION_METHODS = 'OPTIONS, GET, HEAD, PATCH, DELETE';
const SDP = 'application/sdp';
const SDP_FRAGMENT = 'application/trickle-ice-sdpfrag';

/**
 * WHEP (draft-ietf-wish-whep-03) without its HTTP server: an endpoint a stream, a resource a session. Answers are
 * complete, so a viewer never has to trickle; it may, but ICE restarts are not supported: a new session is as quick.
 */
export class Whep {
  readonly #options: WhepOptions;
  /** The ICE servers (RFC 9725, 4.6): in answers to authenticated requests only, since they carry TURN credentials. */
  readonly #linkHeader: Readonly<Record<string, string>>;
  /** Entity tags by session. */
  readonly #tags = new Map<string, string>();

  constructor(options: WhepOptions) {
    this.#options = options;
    const links = iceServerLinks(options.iceServers);
    this.#linkHeader = links.length > 0 ? { Link: links.join(', ') } : {};
  }

  async handle(request: WhepRequest): Promise<WhepResponse> {
    try {
      return request.session === undefined ? await this.#endpoint(request) : this.#session(request, request.session);
    } catch (error) {
      if (!(error instanceof WebRtcError)) throw error;
      this.#options.log.debug({ stream: request.stream, code: error.code, err: error }, 'offer refused');
      const retryAfter = RETRY_AFTER[error.code];
      return problem(STATUS[error.code], error.message, retryAfter === undefined ? {} : { 'Retry-After': retryAfter });
    }
  }

  async #endpoint(request: WhepRequest): Promise<WhepResponse> {
    switch (request.method) {
      case 'OPTIONS':
        return empty(200, { Allow: ENDPOINT_METHODS, 'Accept-Post': SDP });
      case 'GET':
        return empty(204, { 'Accept-Post': SDP, ...this.#linkHeader });
      case 'HEAD':
        return empty(200, { 'Content-Type': SDP, 'Accept-Post': SDP });
      case 'POST':
        return this.#offer(request);
      default:
        return notAllowed(request.method, ENDPOINT_METHODS);
    }
  }

  async #offer(request: WhepRequest): Promise<WhepResponse> {
    const { stream, rid, body, remoteAddress, user, kinds, endpoint, contentType } = request;
    if (contentType !== SDP) return problem(415, `Content-Type must be ${SDP}`, { 'Accept-Post': SDP });
    const { id, sdp } = await this.#options.publisher.offer({ stream, rid, sdp: body, remoteAddress, user, kinds });
    this.#dropStaleTags();
    const tag = `"${randomBytes(8).toString('hex')}"`;
    this.#tags.set(id, tag);
    return {
      status: 201,
      headers: {
        'Content-Type': SDP,
        Location: `${endpoint}/${id}`,
        ETag: tag,
        'Accept-Patch': SDP_FRAGMENT,
        ...this.#linkHeader,
      },
      body: sdp,
    };
  }

  #session(request: WhepRequest, id: string): WhepResponse {
    if (request.method === 'OPTIONS') return empty(200, { Allow: SESSION_METHODS, 'Accept-Patch': SDP_FRAGMENT });
    const { publisher } = this.#options;
    const viewer = publisher.viewer(id);
    if (viewer === undefined || viewer.stream !== request.stream || viewer.user !== request.user) {
      this.#tags.delete(id);
      throw new WebRtcError('not_found', 'there is no such session; it may have ended');
    }
    switch (request.method) {
      case 'GET':
      case 'HEAD':
        return empty(204, { ETag: this.#tags.get(id) ?? '""' });
      case 'PATCH':
        return this.#trickle(request, id);
      case 'DELETE':
        this.#tags.delete(id);
        publisher.close(id);
        return empty(200, {});
      default:
        return notAllowed(request.method, SESSION_METHODS);
    }
  }

  /** Candidates that the viewer found after its offer (RFC 9725, 4.3.2). */
  #trickle({ contentType, ifMatch, body }: WhepRequest, id: string): WhepResponse {
    if (contentType !== SDP_FRAGMENT)
      return problem(415, `Content-Type must be ${SDP_FRAGMENT}`, { 'Accept-Patch': SDP_FRAGMENT });
    if (ifMatch === undefined) return problem(428, 'If-Match with the ETag of the session is missing');
    if (ifMatch === '*') return problem(422, 'ICE restarts are not supported; make a new session');
    if (ifMatch !== this.#tags.get(id)) return problem(412, 'If-Match is not the ETag of the session');
    const fragment = readSessionDescription(`v=0\n${body}`);
    const sections = fragment === undefined ? [] : [fragment.session, ...fragment.media];
    for (const section of sections) {
      const mid = section.attribute('mid');
      if (mid !== undefined) this.#options.publisher.addCandidates(id, mid, section.attributes('candidate'));
    }
    return empty(204, {});
  }

  /** Sessions end in many ways; their tags go when new ones come. */
  #dropStaleTags(): void {
    for (const id of this.#tags.keys()) if (this.#options.publisher.viewer(id) === undefined) this.#tags.delete(id);
  }
}

function empty(status: number, headers: Record<string, string>): WhepResponse {
  return { status, headers, body: undefined };
}

function notAllowed(method: string, allowed: string): WhepResponse {
  return problem(405, `${method} is not allowed here; allowed: ${allowed}`, { Allow: allowed });
}

/** Problem details (RFC 9457). */
function problem(status: number, detail: string, headers: Record<string, string> = {}): WhepResponse {
  return {
    status,
    headers: { 'Content-Type': 'application/problem+json', ...headers },
    body: JSON.stringify({ status, detail }),
  };
}
