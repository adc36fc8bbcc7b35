import { parseYaml, YamlError } from '../lib/yaml.ts';
import { RIGHTS, type Right } from './access.ts';
import { AccessError } from './access-error.ts';
import type { StoredDigest } from './digest.ts';
import { isPasswordHash } from './password-hash.ts';

/** The realm of every protocol; stored digests cover it, so that a change makes all of them worthless. */
export const REALM = 'Vedette';

/** Rights on streams, by exact name, or on all and on the gateway itself with `*`. */
export interface Grant {
  rights: Right[];
  streams: string[];
}

export interface User {
  /** PHC string of scrypt. */
  password: string;
  digest: StoredDigest;
  grants: Grant[];
}

export interface Token {
  /** SHA-256 of the token in hexadecimal. */
  sha256: string;
  /** ISO 8601; none: never. */
  expires?: string;
  grants: Grant[];
}

/** Content of the users file. */
export interface Users {
  users: Map<string, User>;
  tokens: Map<string, Token>;
}

/** Before parsing, in bytes. */
export const MAX_FILE_BYTES = 256 * 1024;

const NAME = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/;
const STREAM_NAME = /^[a-z0-9][a-z0-9_-]{0,31}$/;

/** Whether a right on a stream, or on the gateway itself where there is no stream, is among the grants. */
export function grantsAllow(grants: readonly Grant[], right: Right, stream: string | undefined): boolean {
  return grants.some(
    ({ rights, streams }) =>
      rights.includes(right) && (streams.includes('*') || (stream !== undefined && streams.includes(stream))),
  );
}

/** @throws AccessError `invalid_argument` */
export function checkName(name: string): string {
  if (NAME.test(name)) return name;
  throw new AccessError(
    'invalid_argument',
    `${JSON.stringify(name)} is not a name: up to 64 letters, digits and . _ @ -, the first a letter or digit`,
  );
}

/** @throws AccessError `invalid_argument` */
export function checkGrant(rights: readonly string[], streams: readonly string[]): Grant {
  for (const right of rights) {
    if (isRight(right)) continue;
    throw new AccessError('invalid_argument', `${JSON.stringify(right)} is not a right: ${RIGHTS.join(', ')}`);
  }
  for (const stream of streams) {
    if (stream === '*' || STREAM_NAME.test(stream)) continue;
    throw new AccessError('invalid_argument', `${JSON.stringify(stream)} is neither a stream's name nor *`);
  }
  if (rights.length === 0 || streams.length === 0) {
    throw new AccessError('invalid_argument', 'at least one right and one stream (or *) are needed');
  }
  return { rights: [...new Set(rights.filter(isRight))], streams: [...new Set(streams)] };
}

function isRight(text: string): text is Right {
  return (RIGHTS as readonly string[]).includes(text);
}

/**
 * @param text YAML of at most {@link MAX_FILE_BYTES}
 * @throws AccessError `invalid_file`, with the path of what is wrong
 */
export async function parseUsers(text: string): Promise<Users> {
  // An editor's file between truncating and writing, or what a power cut left: nobody meant to remove all users.
  if (text.trim() === '')
    throw new AccessError('invalid_file', 'is empty: write `users: {}`, or remove it, for no users');
  let content: unknown;
  try {
    content = await parseYaml(text, MAX_FILE_BYTES);
  } catch (error) {
    if (!(error instanceof YamlError)) throw error;
    throw new AccessError('invalid_file', `not YAML: ${error.message}`);
  }
  const root = fields(content ?? {}, '', ['realm', 'users', 'tokens']);
  if (root.realm !== undefined && root.realm !== REALM) {
    fail('/realm', `must be ${REALM}, which the stored digests cover`);
  }
  const users = new Map<string, User>();
  for (const [name, value] of entries(root.users, '/users')) users.set(name, parseUser(value, `/users/${name}`));
  const tokens = new Map<string, Token>();
  for (const [name, value] of entries(root.tokens, '/tokens')) tokens.set(name, parseToken(value, `/tokens/${name}`));
  return { users, tokens };
}

function parseUser(value: unknown, path: string): User {
  const user = fields(value, path, ['password', 'digest', 'grants']);
  const password = user.password;
  if (typeof password !== 'string' || !isPasswordHash(password))
    return fail(`${path}/password`, 'is not a scrypt hash');
  const digest = fields(user.digest, `${path}/digest`, ['md5', 'sha256']);
  return {
    password,
    digest: {
      md5: hexadecimal(digest.md5, 32, `${path}/digest/md5`),
      sha256: hexadecimal(digest.sha256, 64, `${path}/digest/sha256`),
    },
    grants: parseGrants(user.grants, `${path}/grants`),
  };
}

function parseToken(value: unknown, path: string): Token {
  const token = fields(value, path, ['sha256', 'expires', 'grants']);
  const { expires } = token;
  if (expires !== undefined && (typeof expires !== 'string' || Number.isNaN(Date.parse(expires)))) {
    return fail(`${path}/expires`, 'is not a date and time in ISO 8601');
  }
  return {
    sha256: hexadecimal(token.sha256, 64, `${path}/sha256`),
    ...(expires === undefined ? {} : { expires }),
    grants: parseGrants(token.grants, `${path}/grants`),
  };
}

function parseGrants(value: unknown, path: string): Grant[] {
  if (!Array.isArray(value)) return fail(path, 'must be a list');
  return value.map((item, index) => {
    const at = `${path}/${index}`;
    const { rights, streams } = fields(item, at, ['rights', 'streams']);
    try {
      return checkGrant(strings(rights, `${at}/rights`), strings(streams, `${at}/streams`));
    } catch (error) {
      if (error instanceof AccessError && error.code === 'invalid_argument') return fail(at, error.message);
      throw error;
    }
  });
}

function fail(path: string, message: string): never {
  throw new AccessError('invalid_file', `${path === '' ? '/' : path}: ${message}`);
}

function fields(value: unknown, path: string, known: readonly string[]): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return fail(path, 'must be a map');
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) fail(`${path}/${key}`, `is unknown here: ${known.join(', ')}`);
  }
  return value as Record<string, unknown>;
}

function entries(value: unknown, path: string): [string, unknown][] {
  if (value === undefined || value === null) return [];
  if (typeof value !== 'object' || Array.isArray(value)) return fail(path, 'must be a map');
  const all = Object.entries(value);
  for (const [name] of all) if (!NAME.test(name)) fail(`${path}/${name}`, 'is not a name');
  return all;
}

function strings(value: unknown, path: string): string[] {
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value as string[];
  return fail(path, 'must be a list of words');
}

function hexadecimal(value: unknown, length: number, path: string): string {
  if (typeof value === 'string' && value.length === length && /^[0-9a-f]+$/.test(value)) return value;
  return fail(path, `must be ${length} hexadecimal digits`);
}

const HEADER = `# Users and tokens of Vedette. Whoever can read this file can sign in to RTSP: keep its mode at 0600.
# Grants may be changed by hand and take effect at once; the rest is written by \`vedette user\` and \`vedette token\`.
`;

export async function formatUsers({ users, tokens }: Users): Promise<string> {
  const { stringify } = await import('yaml');
  const content = { realm: REALM, users: Object.fromEntries(users), tokens: Object.fromEntries(tokens) };
  return HEADER + stringify(content, { lineWidth: 0, aliasDuplicateObjects: false });
}
