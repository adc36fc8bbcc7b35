import { createHash, randomBytes } from 'node:crypto';
import { connect as connectTcp, type Socket } from 'node:net';
import { CaptureError } from './capture-error.ts';
import { connectTls, type TlsPeer } from './tls-peer.ts';

/** What an answer may be long, in bytes. */
const MAXIMUM_BYTES = 64 * 1024;

export interface RtspAddress {
  /** `rtsp://` or `rtsps://`, without credentials. */
  readonly url: string;
  readonly username: string;
  readonly password: string;
  /** For the whole conversation, in milliseconds. */
  readonly timeout: number;
  /** Undefined: without TLS. */
  readonly tls: TlsPeer | undefined;
}

interface Answer {
  readonly status: number;
  readonly reason: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

/** The source does not believe who we say we are: to ask again with the same words is of no use. */
export class CredentialsRefused extends CaptureError {
  constructor(message: string) {
    super('not-live', message);
    this.name = 'CredentialsRefused';
  }
}

/**
 * Asks a network source what it has (RFC 2326, 10.2): its session description (SDP).
 * @throws CredentialsRefused, CaptureError `not-live` with what a person can do about it; never with the password.
 */
export async function describeRtsp(address: RtspAddress): Promise<string> {
  const { host } = new URL(address.url);
  const fail = (message: string): CaptureError => new CaptureError('not-live', `${host} ${message}`);
  const connection = openConnection(address);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(fail(`does not answer within ${address.timeout / 1000} s`)), address.timeout);
  });
  try {
    const socket = await Promise.race([connection, late]);
    const answer = await Promise.race([converse(socket, address, fail), late]);
    if (answer.status === 200) return answer.body;
    if (answer.status === 401 && address.username === '') throw fail('wants a user name and a password');
    if (answer.status === 401) throw new CredentialsRefused(`${host} does not accept the user name and password`);
    throw fail(`answers ${answer.status} ${answer.reason}`);
  } catch (error) {
    if (error instanceof CaptureError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    throw fail(code === undefined ? message : `cannot be reached: ${code}`);
  } finally {
    clearTimeout(timer);
    // Also one that is there only now.
    connection.then((socket) => socket.destroy()).catch(() => undefined);
  }
}

/** Where an address leads, with the port of its scheme where it names none (RFC 7826, 4.2: 554, 322). */
export function hostAndPort(url: string): { host: string; port: number } {
  const { hostname, port, protocol } = new URL(url);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || (protocol === 'rtsps:' ? 322 : 554) };
}

/** TCP's errors come with the first reading. */
async function openConnection({ url, tls }: RtspAddress): Promise<Socket> {
  return tls === undefined ? connectTcp({ ...hostAndPort(url), noDelay: true }) : connectTls(tls);
}

/** The same question again with credentials, where those are asked for. */
async function converse(socket: Socket, address: RtspAddress, fail: (message: string) => Error): Promise<Answer> {
  const answers = readAnswers(socket, fail);
  const ask = async (sequence: number, authorization?: string): Promise<Answer> => {
    const lines = [
      `DESCRIBE ${address.url} RTSP/1.0`,
      `CSeq: ${sequence}`,
      'User-Agent: vedette',
      'Accept: application/sdp',
      ...(authorization === undefined ? [] : [`Authorization: ${authorization}`]),
    ];
    socket.write(`${lines.join('\r\n')}\r\n\r\n`);
    const { value, done } = await answers.next();
    if (done) throw fail('closes the connection');
    return value;
  };
  const first = await ask(1);
  if (first.status !== 401 || address.username === '') return first;
  const challenges = first.headers.filter(([name]) => name === 'www-authenticate').map(([, value]) => value);
  const authorization = authorize(challenges, address);
  return authorization === undefined ? first : ask(2, authorization);
}

/** Credentials for the strongest challenge that we know (RFC 7616, RFC 7617). */
function authorize(challenges: readonly string[], { url, username, password }: RtspAddress): string | undefined {
  for (const [algorithm, hash] of [
    ['SHA-256', 'sha256'],
    ['MD5', 'md5'],
  ] as const) {
    const challenge = challenges.find(
      (value) => /^digest /i.test(value) && (parameter(value, 'algorithm') ?? 'MD5').toUpperCase() === algorithm,
    );
    if (challenge === undefined) continue;
    const digest = (text: string): string => createHash(hash).update(text).digest('hex');
    const [realm, nonce] = [parameter(challenge, 'realm') ?? '', parameter(challenge, 'nonce') ?? ''];
    const qop = parameter(challenge, 'qop')
      ?.split(/\s*,\s*/)
      .includes('auth');
    const [once, count] = [randomBytes(8).toString('hex'), '00000001'];
    const secret = digest(`${username}:${realm}:${password}`);
    const request = digest(`DESCRIBE:${url}`);
    const response = digest(
      qop ? `${secret}:${nonce}:${count}:${once}:auth:${request}` : `${secret}:${nonce}:${request}`,
    );
    const opaque = parameter(challenge, 'opaque');
    return [
      `Digest username="${quoted(username)}", realm="${quoted(realm)}", nonce="${quoted(nonce)}", uri="${url}", response="${response}"`,
      ...(parameter(challenge, 'algorithm') === undefined ? [] : [`algorithm=${algorithm}`]),
      ...(opaque === undefined ? [] : [`opaque="${quoted(opaque)}"`]),
      ...(qop ? [`qop=auth, nc=${count}, cnonce="${once}"`] : []),
    ].join(', ');
  }
  if (!challenges.some((value) => /^basic/i.test(value))) return undefined;
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

function parameter(challenge: string, name: string): string | undefined {
  const [, quotedValue, bare] =
    new RegExp(`[\\s,]${name}\\s*=\\s*(?:"([^"]*)"|([^\\s,"]+))`, 'i').exec(challenge) ?? [];
  return quotedValue ?? bare;
}

const quoted = (text: string): string => text.replaceAll(/["\\\r\n]/g, '');

async function* readAnswers(socket: Socket, fail: (message: string) => Error): AsyncGenerator<Answer, undefined> {
  let bytes = Buffer.alloc(0);
  for await (const chunk of socket) {
    bytes = Buffer.concat([bytes, chunk as Buffer]);
    if (bytes.length > MAXIMUM_BYTES) throw fail('answers more than a description can be');
    const end = bytes.indexOf('\r\n\r\n');
    if (end < 0) continue;
    const [status = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
    const [, code, reason = ''] = /^RTSP\/\d\.\d (\d{3}) ?(.{0,100})/.exec(status) ?? [];
    if (code === undefined) throw fail('does not speak RTSP');
    const headers = lines.map((line): [string, string] => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()];
    });
    const length = Number(headers.find(([name]) => name === 'content-length')?.[1] ?? 0);
    if (!(length >= 0 && length <= MAXIMUM_BYTES)) throw fail('answers more than a description can be');
    if (bytes.length < end + 4 + length) continue;
    const body = bytes.toString('utf8', end + 4, end + 4 + length);
    bytes = bytes.subarray(end + 4 + length);
    yield { status: Number(code), reason, headers, body };
  }
  return undefined;
}
