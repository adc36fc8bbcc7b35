import type { Credentials } from './access.ts';
import type { DigestAlgorithm, DigestCredentials } from './digest.ts';

/** Longer headers are not looked at, in characters. */
const MAX_LENGTH = 4096;
const MAX_PARAMETERS = 24;
const MAX_USERNAME = 128;
const MAX_PASSWORD = 1024;
const MAX_TOKEN = 1024;

export interface AuthorizationOptions {
  /** The request's method, which a digest covers. */
  method: string;
  /** The digest algorithms that were offered, or none where Digest was not. */
  digest?: readonly DigestAlgorithm[];
}

/**
 * Credentials of an Authorization header (RFC 9110, 11.6.2): Basic (RFC 7617), Bearer (RFC 6750), Digest (RFC 7616,
 * and RFC 2069 as RTSP players speak it). Undefined for no header, for a scheme or algorithm that was not offered, and
 * for a malformed one: the answer to all of them is the challenge.
 */
export function parseAuthorization(header: string | undefined, options: AuthorizationOptions): Credentials | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (header === undefined || header.length > MAX_LENGTH || /[\0-\x08\x0a-\x1f\x7f]/.test(header)) return undefined;
  const match = /^[ \t]*([A-Za-z]+)[ \t]+(.*)$/.exec(header);
  const rest = match?.[2]?.trim() ?? '';
  switch (match?.[1]?.toLowerCase()) {
    case 'basic':
      return parseBasic(rest);
    case 'bearer':
      return parseBearer(rest);
    case 'digest':
      return parseDigest(rest, options);
    default:
      return undefined;
  }
}

function parseBasic(text: string): Credentials | undefined {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined;
  const decoded = Buffer.from(text, 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: RFC 7617, 2 forbids them
  if (colon < 1 || /[\0-\x1f\x7f]/.test(decoded)) return undefined;
  const username = decoded.slice(0, colon);
  const password = decoded.slice(colon + 1);
  if (username.length > MAX_USERNAME || password.length > MAX_PASSWORD) return undefined;
  return { scheme: 'basic', username, password };
}

function parseBearer(text: string): Credentials | undefined {
  if (text.length > MAX_TOKEN || !/^[A-Za-z0-9\-._~+/]+=*$/.test(text)) return undefined;
  return { scheme: 'bearer', token: text };
}

function parseDigest(text: string, { method, digest = [] }: AuthorizationOptions): DigestCredentials | undefined {
  const parameters = parseParameters(text);
  if (parameters === undefined) return undefined;
  const [username, realm, nonce, uri] = ['username', 'realm', 'nonce', 'uri'].map((name) => parameters.get(name));
  const response = parameters.get('response')?.toLowerCase();
  if (!username || realm === undefined || !nonce || !uri || !response) return undefined;
  if (username.length > MAX_USERNAME || parameters.get('userhash') === 'true') return undefined;
  const made = /^[0-9a-f]{64}$/.test(response) ? 'SHA-256' : /^[0-9a-f]{32}$/.test(response) ? 'MD5' : undefined;
  if (made === undefined || !digest.includes(made)) return undefined;
  const name = parameters.get('algorithm');
  const algorithm = NAMED.get(name?.toUpperCase() ?? '');
  if (name !== undefined && algorithm === undefined) return undefined;
  const credentials: DigestCredentials = { scheme: 'digest', username, realm, nonce, uri, response, algorithm, method };
  const qop = parameters.get('qop');
  if (qop === undefined) return credentials;
  const cnonce = parameters.get('cnonce');
  const nc = parameters.get('nc');
  if (qop !== 'auth' || !cnonce || nc === undefined || !/^[0-9a-f]{8}$/i.test(nc)) return undefined;
  return { ...credentials, qop: { cnonce, nc } };
}

const NAMED: ReadonlyMap<string, DigestAlgorithm> = new Map([
  ['MD5', 'MD5'],
  ['SHA-256', 'SHA-256'],
]);

/** `auth-param`s (RFC 9110, 11.2) by lower-case name; undefined where they do not parse, or one stands twice. */
function parseParameters(text: string): Map<string, string> | undefined {
  const parameters = new Map<string, string>();
  const pattern = /[ \t]*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s",;]+))[ \t]*(,|$)/y;
  while (pattern.lastIndex < text.length) {
    const match = pattern.exec(text);
    if (match === null || parameters.size === MAX_PARAMETERS) return undefined;
    const name = (match[1] as string).toLowerCase();
    if (parameters.has(name)) return undefined;
    parameters.set(name, match[2]?.replace(/\\(.)/g, '$1') ?? match[3] ?? '');
  }
  return parameters;
}
