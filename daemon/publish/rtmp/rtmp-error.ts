/** Why a stream cannot be had as HTTP-FLV; each edge maps these to its own status. */
export type RtmpErrorCode =
  /** RTMP and HTTP-FLV are off. */
  | 'disabled'
  /** No such stream, or one whose name or tracks FLV cannot carry. */
  | 'not_found'
  /** As many viewers as the configuration allows are here. */
  | 'busy'
  /** The worker is gone or does not answer; it comes back by itself. */
  | 'unavailable';

export class RtmpError extends Error {
  readonly code: RtmpErrorCode;

  constructor(code: RtmpErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'RtmpError';
    this.code = code;
  }
}
