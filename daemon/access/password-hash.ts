import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

interface Parameters {
  /** Exponent of scrypt's N. */
  ln: number;
  r: number;
  p: number;
}

/** 32 MiB and about half a second of a small board (RFC 7914, 2). */
const PARAMETERS: Parameters = { ln: 15, r: 8, p: 1 };
const SALT_BYTES = 16;
const HASH_BYTES = 32;

/** The PHC string of scrypt: `$scrypt$ln=15,r=8,p=1$<salt>$<hash>`, base64 without padding. */
const PHC = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;

interface Hash extends Parameters {
  salt: Buffer;
  hash: Buffer;
}

/** Undefined also for parameters that would take more memory than a login is worth. */
function parseHash(text: string): Hash | undefined {
  const match = PHC.exec(text);
  if (match === null) return undefined;
  const [ln, r, p] = match.slice(1, 4).map(Number) as [number, number, number];
  if (ln < 10 || ln > 17 || r < 1 || r > 16 || p < 1 || p > 4) return undefined;
  return { ln, r, p, salt: Buffer.from(match[4] as string, 'base64'), hash: Buffer.from(match[5] as string, 'base64') };
}

export function isPasswordHash(text: string): boolean {
  return parseHash(text) !== undefined;
}

function derive(password: string, salt: Buffer, length: number, { ln, r, p }: Parameters): Promise<Buffer> {
  const N = 2 ** ln;
  return new Promise((resolve, reject) => {
    const options = { N, r, p, maxmem: 128 * N * r * p + 2 ** 21 };
    scrypt(password, salt, length, options, (error, key) => (error === null ? resolve(key) : reject(error)));
  });
}

function base64(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}

/** A salted hash of a password as the users file keeps it. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const hash = await derive(password, salt, HASH_BYTES, PARAMETERS);
  const { ln, r, p } = PARAMETERS;
  return `$scrypt$ln=${ln},r=${r},p=${p}$${base64(salt)}$${base64(hash)}`;
}

/** A hash that no password has, for users that do not exist. */
const NOBODY: Hash = { ...PARAMETERS, salt: Buffer.alloc(SALT_BYTES), hash: Buffer.alloc(HASH_BYTES) };

/** How many passwords may wait for their turn. */
const MAX_WAITING = 16;

/**
 * Checks passwords one after the other, because each costs 32 MiB for its time: a burst of logins must not be able to
 * exhaust a small board.
 */
export class PasswordVerifier {
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /**
   * @param stored the user's hash, undefined for a user that does not exist, which takes as long
   * @returns whether the password is the user's, or `busy` where too many wait already
   */
  async verify(password: string, stored: string | undefined): Promise<boolean | 'busy'> {
    if (this.#waiting >= MAX_WAITING) return 'busy';
    this.#waiting += 1;
    const turn = this.#last.then(() => this.#check(password, stored));
    this.#last = turn.catch(() => undefined);
    try {
      return await turn;
    } finally {
      this.#waiting -= 1;
    }
  }

  async #check(password: string, stored: string | undefined): Promise<boolean> {
    const known = stored === undefined ? undefined : parseHash(stored);
    const { salt, hash, ...parameters } = known ?? NOBODY;
    const key = await derive(password, salt, hash.length, parameters);
    return timingSafeEqual(key, hash) && known !== undefined;
  }
}
