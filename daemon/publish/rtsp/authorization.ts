import type { Access, Credentials, Right } from '../../access/access.ts';
import { parseAuthorization } from '../../access/authorization-header.ts';
import {
  basicChallenge,
  coversRequest,
  type DigestAlgorithm,
  digestChallenges,
  NonceStore,
} from '../../access/digest.ts';
import type { Clock } from '../../lib/clock.ts';
import { header, type RtspRequest } from './request.ts';
import { RtspError } from './rtsp-error.ts';

/** Seconds after which one who guessed too often may try again. */
const RETRY_AFTER = 60;

export interface AuthorizationOptions {
  access: Access;
  /** Digest algorithms offered, in this order; none: Basic is offered. */
  digest: readonly DigestAlgorithm[];
  remoteAddress: string;
  clock: Clock;
}

/** Who is allowed to do the asked. */
export interface Principal {
  user: string | undefined;
  rights: ReadonlySet<Right>;
}

/** The door of one connection: reads Authorization headers, asks {@link Access}, and makes the challenges. */
export class Authorization {
  readonly #options: AuthorizationOptions;
  readonly #nonces: NonceStore;

  constructor(options: AuthorizationOptions) {
    this.#options = options;
    this.#nonces = new NonceStore({ clock: options.clock });
  }

  /**
   * Which of the rights on a stream the request's credentials give: at least one.
   * @throws RtspError `unauthenticated` with challenges, `forbidden`, or `unavailable` for one who guessed too often.
   */
  async authorize(request: RtspRequest, stream: string, rights: readonly Right[]): Promise<Principal> {
    const { access, remoteAddress } = this.#options;
    const credentials = this.#credentials(request);
    const granted = new Set<Right>();
    let user: string | undefined;
    for (const action of rights) {
      const decision = await access.authorize({
        protocol: 'rtsp',
        action,
        stream,
        remoteAddress,
        ...(credentials === undefined ? {} : { credentials }),
      });
      if (decision.allowed) {
        granted.add(action);
        user = decision.user;
      } else if (decision.reason !== 'forbidden') throw this.#refusal(decision.reason);
    }
    if (granted.size === 0) throw new RtspError('forbidden', 'your account has no right to this stream');
    return { user, rights: granted };
  }

  #credentials(request: RtspRequest): Credentials | undefined {
    const { digest } = this.#options;
    const credentials = parseAuthorization(header(request, 'authorization'), { method: request.method, digest });
    if (credentials?.scheme !== 'digest') return credentials;
    if (!coversRequest(credentials, request.uri)) throw this.#challenge(false);
    if (!this.#nonces.accept(credentials)) throw this.#challenge(true);
    return credentials;
  }

  #refusal(reason: 'unauthenticated' | 'throttled'): RtspError {
    if (reason === 'unauthenticated') return this.#challenge(false);
    // RTSP 1.0 has no status for "too many requests".
    return new RtspError('unavailable', `too many failed attempts; try again in ${RETRY_AFTER} s`, {
      headers: [['Retry-After', String(RETRY_AFTER)]],
    });
  }

  /** Basic is offered only where Digest is not: players that know both would send the password itself. */
  #challenge(stale: boolean): RtspError {
    const { access, digest } = this.#options;
    const nonce = this.#nonces.issue();
    const challenges =
      digest.length === 0
        ? [basicChallenge(access.realm)]
        : digestChallenges({ realm: access.realm, nonce, stale, algorithms: digest });
    return new RtspError('unauthenticated', 'sign in with a user name and password', {
      headers: challenges.map((challenge) => ['WWW-Authenticate', challenge] as const),
    });
  }
}
