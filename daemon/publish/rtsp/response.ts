import type { RtspErrorCode } from './rtsp-error.ts';

/** An answer without what every answer has (version, CSeq, Server). Header values are made by us: no line ends in them. */
export interface RtspResponse {
  status: RtspStatus;
  headers?: readonly (readonly [string, string])[];
  body?: { type: string; text: string };
}

/** Reason phrases of RFC 2326, 7.1.1. */
const REASONS = {
  200: 'OK',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  413: 'Request Entity Too Large',
  451: 'Parameter Not Understood',
  453: 'Not Enough Bandwidth',
  454: 'Session Not Found',
  455: 'Method Not Valid in This State',
  457: 'Invalid Range',
  459: 'Aggregate operation not allowed',
  460: 'Only aggregate operation allowed',
  461: 'Unsupported transport',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
  505: 'RTSP Version not supported',
  551: 'Option not supported',
} as const;
export type RtspStatus = keyof typeof REASONS;

/** The status that an error is answered with. */
export const STATUS: Readonly<Record<RtspErrorCode, RtspStatus>> = {
  bad_request: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  not_acceptable: 406,
  body_too_large: 413,
  head_too_large: 400,
  parameter_not_understood: 451,
  too_many_viewers: 453,
  session_not_found: 454,
  wrong_state: 455,
  invalid_range: 457,
  aggregate_not_allowed: 459,
  aggregate_only: 460,
  unsupported_transport: 461,
  not_implemented: 501,
  unavailable: 503,
  unsupported_version: 505,
  unsupported_option: 551,
};

/** The bytes of an answer (RFC 2326, 7). `cseq` is missing only where the request had none that could be read. */
export function formatResponse({ status, headers = [], body }: RtspResponse, cseq: string | undefined): Buffer {
  let head = `RTSP/1.0 ${status} ${REASONS[status]}\r\n`;
  if (cseq !== undefined) head += `CSeq: ${cseq}\r\n`;
  head += 'Server: Vedette\r\n';
  for (const [name, value] of headers) head += `${name}: ${value}\r\n`;
  if (body === undefined) return Buffer.from(`${head}\r\n`);
  head += `Content-Type: ${body.type}\r\nContent-Length: ${Buffer.byteLength(body.text)}\r\n`;
  return Buffer.from(`${head}\r\n${body.text}`);
}
