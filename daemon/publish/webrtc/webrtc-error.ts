/** Why an offer or a session request could not be served; each edge maps these to its own status. */
export type WebRtcErrorCode =
  /** No such stream or session. */
  | 'not_found'
  /** The stream has no live track that this viewer may have. */
  | 'not_live'
  /** The offer cannot be read. */
  | 'invalid'
  /** The offer can be read, but has nothing that we send. */
  | 'unacceptable'
  /** As many viewers as the configuration allows are here. */
  | 'busy'
  /** The worker is gone or does not answer; it comes back by itself. */
  | 'unavailable';

export class WebRtcError extends Error {
  readonly code: WebRtcErrorCode;

  constructor(code: WebRtcErrorCode, message: string) {
    super(message);
    this.name = 'WebRtcError';
    this.code = code;
  }
}
