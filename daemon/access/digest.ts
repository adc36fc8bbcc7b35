import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { type Clock, systemClock } from '../lib/clock.ts';
import type { Credentials } from './access.ts';

export type DigestAlgorithm = 'SHA-256' | 'MD5';
export type DigestCredentials = Extract<Credentials, { scheme: 'digest' }>;

/** H(username:realm:password) of RFC 7616, 3.4.2, in lower-case hexadecimal; as good as the password inside its realm. */
export interface StoredDigest {
  md5: string;
  sha256: string;
}

const NODE_NAME: Readonly<Record<DigestAlgorithm, string>> = { 'SHA-256': 'sha256', MD5: 'md5' };

function hash(algorithm: DigestAlgorithm, text: string): string {
  return createHash(NODE_NAME[algorithm]).update(text).digest('hex');
}

export function storedDigest(username: string, realm: string, password: string): StoredDigest {
  const a1 = `${username}:${realm}:${password}`;
  return { md5: hash('MD5', a1), sha256: hash('SHA-256', a1) };
}

/**
 * The algorithm that a response was made with, by its length: GStreamer answers MD5 to any challenge and names no
 * algorithm, so the name that came with it proves nothing.
 */
function algorithmOf(response: string): DigestAlgorithm | undefined {
  if (!/^[0-9a-f]+$/.test(response)) return undefined;
  if (response.length === 64) return 'SHA-256';
  return response.length === 32 ? 'MD5' : undefined;
}

/** The response that the holder of the password sends: RFC 7616, 3.4.1, or RFC 2069 where no `qop` came. */
export function digestResponse(credentials: DigestCredentials, algorithm: DigestAlgorithm, ha1: string): string {
  const { qop, nonce } = credentials;
  const ha2 = hash(algorithm, `${credentials.method}:${credentials.uri}`);
  const middle = qop === undefined ? nonce : `${nonce}:${qop.nc}:${qop.cnonce}:auth`;
  return hash(algorithm, `${ha1}:${middle}:${ha2}`);
}

/** Whether the response was made with the stored password. Takes the same time for any response of a given length. */
export function verifyDigest(credentials: DigestCredentials, stored: StoredDigest): boolean {
  const algorithm = algorithmOf(credentials.response);
  if (algorithm === undefined) return false;
  const expected = digestResponse(credentials, algorithm, algorithm === 'MD5' ? stored.md5 : stored.sha256);
  return timingSafeEqual(Buffer.from(expected), Buffer.from(credentials.response));
}

/**
 * Whether a digest's `uri` is that of its request (RFC 7616, 3.4.6). Scheme and authority are not compared, because
 * a gateway has many names; live555 signs the presentation's URL for the SETUP of each of its tracks.
 */
export function coversRequest(credentials: DigestCredentials, requestUri: string): boolean {
  const signed = pathOf(credentials.uri);
  const requested = pathOf(requestUri);
  return signed === requested || (signed.length > 1 && requested.startsWith(`${signed}/`));
}

function pathOf(uri: string): string {
  const path = uri.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?]*/i, '');
  return path.replace(/\/+$/, '') || '/';
}

export interface DigestChallenge {
  realm: string;
  nonce: string;
  /** The request's nonce was not (or no longer) one of ours: the client may answer again without asking its user. */
  stale?: boolean;
  /** Offered in this order. FFmpeg takes the last one and knows MD5 alone, so MD5 stands at the end. */
  algorithms: readonly DigestAlgorithm[];
}

/**
 * Values of the WWW-Authenticate headers, one header each. Realm and nonce are equal, because some clients mix the
 * challenges up; `qop` is not offered, because RTSP 1.0 players of the RFC 2069 kind fail on it.
 */
export function digestChallenges({ realm, nonce, stale = false, algorithms }: DigestChallenge): string[] {
  return algorithms.map(
    (algorithm) => `Digest realm="${realm}", nonce="${nonce}", algorithm=${algorithm}${stale ? ', stale=true' : ''}`,
  );
}

/** RFC 7617, 2. */
export function basicChallenge(realm: string): string {
  return `Basic realm="${realm}", charset="UTF-8"`;
}

export interface NonceStoreOptions {
  /** Milliseconds from a nonce's making to its first use; default 60 000. */
  lifetime?: number;
  clock?: Clock;
}

/** How many nonces one connection may have open. */
const MAX_NONCES = 4;

interface Nonce {
  expires: number;
  used: boolean;
  /** The last nonce count that came with it. */
  count: number;
}

/**
 * The nonces of one connection; make one store for each, and a nonce is worth nothing on any other. A nonce must be
 * used within its lifetime; from then on it is good until the connection closes, because players send their
 * keepalives with the first one and do not read the answers.
 */
export class NonceStore {
  readonly #lifetime: number;
  readonly #clock: Clock;
  readonly #nonces = new Map<string, Nonce>();

  constructor(options: NonceStoreOptions = {}) {
    this.#lifetime = options.lifetime ?? 60_000;
    this.#clock = options.clock ?? systemClock;
  }

  /** A new nonce of 128 random bits; the oldest is forgotten where there are too many. */
  issue(): string {
    const nonce = randomBytes(16).toString('hex');
    this.#nonces.set(nonce, { expires: this.#clock.now() + this.#lifetime, used: false, count: 0 });
    for (const oldest of this.#nonces.keys()) {
      if (this.#nonces.size <= MAX_NONCES) break;
      this.#nonces.delete(oldest);
    }
    return nonce;
  }

  /**
   * Whether the credentials carry a nonce of ours that is still good, and where they carry a nonce count, one that was not used before
   * (RFC 7616, 3.4). Otherwise the answer is a challenge with `stale`, without looking at the response.
   */
  accept(credentials: DigestCredentials): boolean {
    const nonce = this.#nonces.get(credentials.nonce);
    if (nonce === undefined) return false;
    if (!nonce.used && this.#clock.now() > nonce.expires) {
      this.#nonces.delete(credentials.nonce);
      return false;
    }
    if (credentials.qop !== undefined) {
      const count = Number.parseInt(credentials.qop.nc, 16);
      if (count <= nonce.count) return false;
      nonce.count = count;
    }
    nonce.used = true;
    return true;
  }
}
