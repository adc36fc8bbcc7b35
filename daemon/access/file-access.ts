import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { type StatsListener, unwatchFile, watchFile } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { type Clock, systemClock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Access, AccessDecision, AccessRequest, Credentials } from './access.ts';
import { type DigestCredentials, storedDigest, verifyDigest } from './digest.ts';
import { FailureLimiter } from './failure-limiter.ts';
import { PasswordVerifier } from './password-hash.ts';
import { isLoopback } from './remote-address.ts';
import { type Grant, grantsAllow, REALM, type Users } from './users.ts';
import { type FileContent, readUsersFile, tokenHash } from './users-file.ts';

export interface FileAccessOptions {
  /** The users file; it need not exist. */
  usersFile: string;
  log: Log;
  /** Users, tokens or rights have changed. */
  changed?: () => void;
  /** Milliseconds between looks at the file; default 1000. */
  interval?: number;
  clock?: Clock;
}

/** Who signed in, or why not. */
type Identity = { user: string; grants: readonly Grant[] } | 'unknown' | 'busy';

/** How long a password that was right is not hashed again, in milliseconds. */
const CACHE_LIFETIME = 60_000;
const CACHE_LIMIT = 1024;

const NOBODY: Users = { users: new Map(), tokens: new Map() };
const NOBODYS_DIGEST = storedDigest('', '', randomBytes(16).toString('hex'));

/** Access by a file of users and tokens. Changes of the file count at once; whether access is open at all is settled at the start. */
export class FileAccess implements Access {
  readonly realm = REALM;
  readonly #options: FileAccessOptions;
  readonly #clock: Clock;
  readonly #passwords = new PasswordVerifier();
  readonly #limiter: FailureLimiter;
  /** Right passwords, as HMAC under a key of this process, with the time until which they are remembered. */
  readonly #remembered = new Map<string, number>();
  readonly #cacheKey = randomBytes(32);
  readonly #fileChanged: StatsListener = (current, previous) => {
    // A file that is missing from the start is reported once, as both.
    if (current.nlink === 0 && previous.nlink === 0) return;
    // One after the other, so that what was read last counts.
    this.#reloading = this.#reloading.then(() => this.#reload());
  };
  readonly #failures: Partial<Record<AccessRequest['protocol'], number>> = {};
  #users: Users = NOBODY;
  #startedOpen = true;
  #reloading = Promise.resolve();

  constructor(options: FileAccessOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#limiter = new FailureLimiter(this.#clock);
  }

  /** Credentials that were refused since the start, by protocol. */
  get failures(): Readonly<Record<string, number>> {
    return this.#failures;
  }

  /** Where users were added since the start, listeners are still on loopback but ask for credentials. */
  get open(): boolean {
    return this.#startedOpen && isEmpty(this.#users);
  }

  /**
   * Reads the file and watches it.
   * @throws AccessError `unreadable_file`, `invalid_file`: a gateway must not start without the users it should have
   */
  async start(): Promise<void> {
    const { usersFile, interval = 1000, log } = this.#options;
    const content = await readUsersFile(usersFile);
    this.#adopt(content);
    this.#startedOpen = isEmpty(this.#users);
    if (this.#startedOpen) {
      log.warn({ usersFile }, 'no user yet: listening on loopback only; `vedette user add NAME`, then restart');
    }
    // Polled: the file is replaced as a whole, its directory may not exist yet, and credentials are no place for inotify.
    watchFile(usersFile, { interval, persistent: false }, this.#fileChanged);
  }

  async stop(): Promise<void> {
    unwatchFile(this.#options.usersFile, this.#fileChanged);
    await this.#reloading;
  }

  async authorize(request: AccessRequest): Promise<AccessDecision> {
    if (this.open) {
      return isLoopback(request.remoteAddress)
        ? { allowed: true, user: undefined }
        : { allowed: false, reason: 'forbidden' };
    }
    const { credentials, remoteAddress } = request;
    if (credentials === undefined) return { allowed: false, reason: 'unauthenticated' };
    const claimed = credentials.scheme === 'bearer' ? undefined : credentials.username;
    if (!this.#limiter.permits(remoteAddress, claimed)) return this.#refuse(request, claimed, 'throttled');
    const identity = await this.#identify(credentials);
    if (identity === 'busy') return this.#refuse(request, claimed, 'throttled');
    if (identity === 'unknown') {
      this.#limiter.failed(remoteAddress, claimed);
      return this.#refuse(request, claimed, 'unauthenticated');
    }
    if (claimed !== undefined) this.#limiter.succeeded(remoteAddress, claimed);
    if (!grantsAllow(identity.grants, request.action, request.stream)) {
      return this.#refuse(request, identity.user, 'forbidden');
    }
    return { allowed: true, user: identity.user };
  }

  #refuse(
    { protocol, action, stream, remoteAddress }: AccessRequest,
    user: string | undefined,
    reason: 'unauthenticated' | 'forbidden' | 'throttled',
  ): AccessDecision {
    if (reason !== 'forbidden') this.#failures[protocol] = (this.#failures[protocol] ?? 0) + 1;
    // Wrong credentials are limited in number, the rest is not.
    const level = reason === 'unauthenticated' ? 'info' : 'debug';
    this.#options.log[level]({ protocol, action, stream, remoteAddress, user, reason }, 'access refused');
    return { allowed: false, reason };
  }

  async #identify(credentials: Credentials): Promise<Identity> {
    switch (credentials.scheme) {
      case 'basic':
        return this.#identifyByPassword(credentials.username, credentials.password);
      case 'digest':
        return this.#identifyByDigest(credentials);
      case 'bearer':
        return this.#identifyByToken(credentials.token);
    }
  }

  async #identifyByPassword(name: string, password: string): Promise<Identity> {
    const key = createHmac('sha256', this.#cacheKey).update(`${name}\0${password}`).digest('base64');
    const until = this.#remembered.get(key) ?? 0;
    const stored = this.#users.users.get(name);
    if (stored !== undefined && this.#clock.now() < until) return { user: name, grants: stored.grants };
    const right = await this.#passwords.verify(password, stored?.password);
    if (right === 'busy') return 'busy';
    // The file may have changed meanwhile; what was checked must still be what counts.
    const current = this.#users.users.get(name);
    if (!right || current === undefined || current.password !== stored?.password) return 'unknown';
    this.#remember(key);
    return { user: name, grants: current.grants };
  }

  #remember(key: string): void {
    this.#remembered.delete(key);
    this.#remembered.set(key, this.#clock.now() + CACHE_LIFETIME);
    for (const oldest of this.#remembered.keys()) {
      if (this.#remembered.size <= CACHE_LIMIT) break;
      this.#remembered.delete(oldest);
    }
  }

  #identifyByDigest(credentials: DigestCredentials): Identity {
    const user = this.#users.users.get(credentials.username);
    const right = verifyDigest(credentials, user?.digest ?? NOBODYS_DIGEST);
    if (!right || user === undefined || credentials.realm !== this.realm) return 'unknown';
    return { user: credentials.username, grants: user.grants };
  }

  #identifyByToken(token: string): Identity {
    const hash = Buffer.from(tokenHash(token));
    let found: Identity = 'unknown';
    for (const [name, { sha256, expires, grants }] of this.#users.tokens) {
      const matches = timingSafeEqual(hash, Buffer.from(sha256));
      const valid = expires === undefined || this.#clock.wall() < Date.parse(expires);
      if (matches && valid) found = { user: `token:${name}`, grants };
    }
    return found;
  }

  #adopt(content: FileContent | undefined): void {
    this.#users = content?.users ?? NOBODY;
    this.#remembered.clear();
    if (content !== undefined && (content.mode & 0o007) !== 0) {
      const { usersFile } = this.#options;
      this.#options.log.warn(
        { usersFile, mode: content.mode.toString(8) },
        'anybody can read the users file: chmod 600',
      );
    }
  }

  async #reload(): Promise<void> {
    const { usersFile, log, changed } = this.#options;
    const before = this.#users;
    try {
      this.#adopt(await readUsersFile(usersFile));
    } catch (error) {
      log.error({ err: error, usersFile }, 'the users file is wrong: users and rights stay as they were');
      return;
    }
    if (isDeepStrictEqual(this.#users, before)) return;
    const { users, tokens } = this.#users;
    log.info({ users: users.size, tokens: tokens.size }, 'users have changed');
    if (isEmpty(this.#users) && !this.#startedOpen) log.warn({ usersFile }, 'no user left: nobody can sign in');
    if (!isEmpty(this.#users) && this.#startedOpen) log.info({}, 'listeners leave loopback with the next restart');
    changed?.();
  }
}

function isEmpty({ users, tokens }: Users): boolean {
  return users.size === 0 && tokens.size === 0;
}
