import type { FastifyRequest } from 'fastify';
import type { Access, AccessRequest, Right } from '../access/access.ts';
import { parseAuthorization } from '../access/authorization-header.ts';
import { basicChallenge } from '../access/digest.ts';
import { HttpError } from './http-error.ts';

export interface Principal {
  /** Undefined where nobody has to sign in. */
  user: string | undefined;
}

/** Takes requests to the one door of access, with Basic and Bearer credentials. */
export class Doorkeeper {
  readonly #access: Access;

  constructor(access: Access) {
    this.#access = access;
  }

  /**
   * The challenges of a 401 (RFC 9110, 11.6.1). Basic makes a browser bring up a dialog of its own, which our page,
   * and whatever else says that it is a program, does not want.
   */
  challenges(request: FastifyRequest): string[] {
    const { realm } = this.#access;
    const bearer = `Bearer realm="${realm}"`;
    return request.headers['x-requested-with'] === undefined ? [basicChallenge(realm), bearer] : [bearer];
  }

  /** @throws HttpError `unauthenticated`, `forbidden` or `throttled`. */
  async require(
    request: FastifyRequest,
    protocol: AccessRequest['protocol'],
    action: Right,
    stream?: string,
  ): Promise<Principal> {
    const credentials = parseAuthorization(request.headers.authorization, { method: request.method });
    const decision = await this.#access.authorize({
      protocol,
      action,
      remoteAddress: request.socket.remoteAddress ?? '',
      ...(stream !== undefined && { stream }),
      ...(credentials !== undefined && { credentials }),
    });
    if (decision.allowed) return { user: decision.user };
    throw new HttpError(decision.reason, REASONS[decision.reason]);
  }

  /** As {@link require}, for one of several rights: which of them the principal has. @throws HttpError also when it is none. */
  async requireAny<R extends Right>(
    request: FastifyRequest,
    protocol: AccessRequest['protocol'],
    actions: readonly R[],
    stream: string,
  ): Promise<Principal & { rights: R[] }> {
    const rights: R[] = [];
    let user: string | undefined;
    for (const action of actions) {
      try {
        ({ user } = await this.require(request, protocol, action, stream));
        rights.push(action);
      } catch (error) {
        if (!(error instanceof HttpError) || error.code !== 'forbidden') throw error;
      }
    }
    if (rights.length === 0) throw new HttpError('forbidden', REASONS.forbidden);
    return { user, rights };
  }
}

const REASONS = {
  unauthenticated: 'sign in with a user name and password, or a token',
  forbidden: 'your user may not do this',
  throttled: 'too many wrong passwords; wait a minute',
} as const;
