/** Why a stream cannot be had as MJPEG. */
export type MjpegErrorCode =
  /** No such stream. */
  | 'not_found'
  /** As many viewers as the configuration allows are here. */
  | 'busy'
  /** It has no picture. */
  | 'unavailable';

export class MjpegError extends Error {
  readonly code: MjpegErrorCode;

  constructor(code: MjpegErrorCode, message: string) {
    super(message);
    this.name = 'MjpegError';
    this.code = code;
  }
}
