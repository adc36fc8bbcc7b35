import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeFileAtomic } from '../lib/atomic-file.ts';
import { AccessError } from './access-error.ts';
import { storedDigest } from './digest.ts';
import { hashPassword } from './password-hash.ts';
import { checkGrant, checkName, formatUsers, MAX_FILE_BYTES, parseUsers, REALM, type Users } from './users.ts';

const MIN_PASSWORD = 8;
const MAX_PASSWORD = 1024;
const TOKEN_BYTES = 32;

/** What a new user or token may do. */
export interface GrantInput {
  rights: readonly string[];
  streams: readonly string[];
}

export interface FileContent {
  users: Users;
  /** Permission bits. */
  mode: number;
}

/**
 * @returns undefined where there is no such file
 * @throws AccessError `unreadable_file`, `invalid_file`
 */
export async function readUsersFile(path: string): Promise<FileContent | undefined> {
  let text: string;
  let mode: number;
  try {
    const file = await open(path, 'r');
    try {
      const stats = await file.stat();
      if (!stats.isFile()) throw new AccessError('unreadable_file', `${path} is not a file`);
      if (stats.size > MAX_FILE_BYTES) {
        throw new AccessError('invalid_file', `${path} is larger than ${MAX_FILE_BYTES} bytes`);
      }
      mode = stats.mode & 0o777;
      text = await file.readFile('utf8');
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof AccessError) throw error;
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new AccessError('unreadable_file', `cannot read ${path}: ${(error as Error).message}`, { cause: error });
  }
  try {
    return { users: await parseUsers(text), mode };
  } catch (error) {
    if (error instanceof AccessError) throw new AccessError(error.code, `${path}: ${error.message}`);
    throw error;
  }
}

/** The SHA-256 by which a token is kept and found, in hexadecimal. */
export function tokenHash(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

function checkPassword(password: string): void {
  if (password.length < MIN_PASSWORD || password.length > MAX_PASSWORD) {
    throw new AccessError('invalid_argument', `a password has ${MIN_PASSWORD} to ${MAX_PASSWORD} characters`);
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: RFC 7617, 2 forbids them, so that nobody could sign in
  if (/[\0-\x1f\x7f]/.test(password)) throw new AccessError('invalid_argument', 'a password has no control characters');
}

/**
 * The users file as the command line changes it: each method reads it, changes one thing and replaces it whole. A
 * running gateway sees the change. All throw an AccessError and then have changed nothing.
 */
export class UsersFile {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  async read(): Promise<Users> {
    return (await readUsersFile(this.#path))?.users ?? { users: new Map(), tokens: new Map() };
  }

  async addUser(name: string, password: string, grant: GrantInput): Promise<void> {
    checkName(name);
    checkPassword(password);
    const grants = [checkGrant(grant.rights, grant.streams)];
    const content = await this.read();
    if (content.users.has(name)) throw new AccessError('exists', `there is a user ${name} already`);
    content.users.set(name, { ...(await credentials(name, password)), grants });
    await this.#write(content);
  }

  async setPassword(name: string, password: string): Promise<void> {
    checkPassword(password);
    const content = await this.read();
    const user = content.users.get(name);
    if (user === undefined) throw new AccessError('not_found', `there is no user ${name}`);
    content.users.set(name, { ...user, ...(await credentials(name, password)) });
    await this.#write(content);
  }

  async removeUser(name: string): Promise<void> {
    const content = await this.read();
    if (!content.users.delete(name)) throw new AccessError('not_found', `there is no user ${name}`);
    await this.#write(content);
  }

  /**
   * @param expires ISO 8601, a moment to come; undefined: never
   * @returns the token, of which only the hash is kept
   */
  async addToken(name: string, grant: GrantInput, expires: string | undefined): Promise<string> {
    checkName(name);
    const grants = [checkGrant(grant.rights, grant.streams)];
    const moment = expires === undefined ? undefined : Date.parse(expires);
    if (moment !== undefined && !(moment > Date.now())) {
      throw new AccessError('invalid_argument', `${JSON.stringify(expires)} is not a moment to come in ISO 8601`);
    }
    const content = await this.read();
    if (content.tokens.has(name)) throw new AccessError('exists', `there is a token ${name} already`);
    // A fixed start lets secret scanners find a token where it should not be.
    const token = `vedette_${randomBytes(TOKEN_BYTES).toString('base64url')}`;
    content.tokens.set(name, {
      sha256: tokenHash(token),
      ...(moment === undefined ? {} : { expires: new Date(moment).toISOString() }),
      grants,
    });
    await this.#write(content);
    return token;
  }

  async removeToken(name: string): Promise<void> {
    const content = await this.read();
    if (!content.tokens.delete(name)) throw new AccessError('not_found', `there is no token ${name}`);
    await this.#write(content);
  }

  async #write(content: Users): Promise<void> {
    try {
      await mkdir(dirname(this.#path), { recursive: true, mode: 0o750 });
      await writeFileAtomic(this.#path, await formatUsers(content));
    } catch (error) {
      throw new AccessError('unreadable_file', `cannot write ${this.#path}: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }
}

async function credentials(name: string, password: string) {
  return { password: await hashPassword(password), digest: storedDigest(name, REALM, password) };
}
