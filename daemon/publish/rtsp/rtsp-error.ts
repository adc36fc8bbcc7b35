/** Why a request is refused; the numbers are in `STATUS` of response.ts. */
export type RtspErrorCode =
  | 'bad_request'
  | 'unauthenticated'
  | 'forbidden'
  | 'not_found'
  | 'method_not_allowed'
  | 'not_acceptable'
  | 'body_too_large'
  | 'head_too_large'
  | 'parameter_not_understood'
  | 'too_many_viewers'
  | 'session_not_found'
  | 'wrong_state'
  | 'invalid_range'
  | 'aggregate_not_allowed'
  | 'aggregate_only'
  | 'unsupported_transport'
  | 'not_implemented'
  | 'unavailable'
  | 'unsupported_version'
  | 'unsupported_option';

export interface RtspErrorOptions {
  /** Headers that the answer needs: a challenge, the methods that are allowed. */
  headers?: readonly (readonly [string, string])[];
  /** The request's CSeq, where the request could not be read to its end. */
  cseq?: string | undefined;
}

/** A request that cannot be granted. The message goes to the viewer as text: it tells what is wrong and what is allowed. */
export class RtspError extends Error {
  readonly code: RtspErrorCode;
  readonly headers: readonly (readonly [string, string])[];
  readonly cseq: string | undefined;

  constructor(code: RtspErrorCode, message: string, options: RtspErrorOptions = {}) {
    super(message);
    this.name = 'RtspError';
    this.code = code;
    this.headers = options.headers ?? [];
    this.cseq = options.cseq;
  }
}
