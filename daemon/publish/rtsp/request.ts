import { RtspError } from './rtsp-error.ts';

/** Limits that hold before anything is parsed, and so before authentication. */
export const MAX_HEAD_BYTES = 8192;
export const MAX_LINES = 64;
export const MAX_BODY_BYTES = 65_536;

/** An RTSP request (RFC 2326, 6). */
export interface RtspRequest {
  /** As written: methods are case-sensitive. */
  readonly method: string;
  /** An absolute URL, or `*`. */
  readonly uri: string;
  /** For example `1.0`. */
  readonly version: string;
  /** Decimal digits, to be repeated in the answer (RFC 2326, 12.17). */
  readonly cseq: string;
  /** Values by lower-case name, in order; some players send a header twice. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  readonly body: Buffer;
}

/** A request's line and headers, before its body. */
export interface RtspRequestHead extends Omit<RtspRequest, 'body'> {
  readonly contentLength: number;
}

/** The first value of a header. */
export function header(request: Pick<RtspRequest, 'headers'>, name: string): string | undefined {
  return request.headers.get(name)?.[0];
}

/**
 * Parses a request up to its empty line. Line ends are CRLF or a bare LF (RFC 2326, 4).
 * @throws RtspError `bad_request`, `head_too_large` or `body_too_large`; where the next request begins is then unknown.
 */
export function parseRequestHead(head: string): RtspRequestHead {
  const lines = head.split('\n').map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
  while (lines.at(-1) === '') lines.pop();
  const cseq = /^cseq[ \t]*:[ \t]*(\d{1,10})[ \t]*\r?$/im.exec(head)?.[1];
  const fail = (message: string): never => {
    throw new RtspError('bad_request', message, { cseq });
  };
  if (lines.length > MAX_LINES) {
    throw new RtspError('head_too_large', `more than ${MAX_LINES} lines before the body`, { cseq });
  }
  const line = /^([A-Za-z][A-Za-z_-]{0,31}) ([\x21-\x7e]+) RTSP\/(\d\.\d)$/.exec(lines[0] ?? '');
  if (line === null) return fail('the request line is not "METHOD URL RTSP/1.0"');
  const headers = parseHeaders(lines.slice(1), fail);
  if (cseq === undefined || headers.get('cseq')?.length !== 1) return fail('CSeq: one decimal number is required');
  const contentLength = parseContentLength(headers.get('content-length') ?? [], fail);
  if (contentLength > MAX_BODY_BYTES) {
    throw new RtspError('body_too_large', `Content-Length: at most ${MAX_BODY_BYTES} bytes are allowed`, { cseq });
  }
  const [, method, uri, version] = line as unknown as [string, string, string, string];
  return { method, uri, version, cseq, headers, contentLength };
}

function parseHeaders(lines: readonly string[], fail: (message: string) => never): Map<string, string[]> {
  const headers = new Map<string, string[]>();
  for (const line of lines) {
    const match = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64})[ \t]*:[ \t]*(.*)$/.exec(line);
    if (match === null) return fail('a header line is not "Name: value"');
    const value = (match[2] as string).trimEnd();
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
    if (/[\0-\x08\x0a-\x1f\x7f]/.test(value)) return fail(`${match[1]}: control characters are not allowed`);
    const name = (match[1] as string).toLowerCase();
    const values = headers.get(name);
    if (values === undefined) headers.set(name, [value]);
    else values.push(value);
  }
  return headers;
}

function parseContentLength(values: readonly string[], fail: (message: string) => never): number {
  const [value, ...more] = values;
  if (value === undefined) return 0;
  if (!/^\d{1,10}$/.test(value) || more.some((other) => other !== value))
    return fail('Content-Length: one decimal number is required');
  return Number(value);
}
