export type AccessErrorCode =
  /** The users file cannot be read or written. */
  | 'unreadable_file'
  /** The users file does not say what it should; its message names the path in it. */
  | 'invalid_file'
  /** A name, password, right, stream or date that is not one. */
  | 'invalid_argument'
  | 'exists'
  | 'not_found';

export class AccessError extends Error {
  readonly code: AccessErrorCode;

  constructor(code: AccessErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'AccessError';
    this.code = code;
  }
}
