/** Why a capture operation failed; edges map the code, the message is for a person. */
export type CaptureErrorCode =
  /** Nothing flows: not started, or the device is away. */
  | 'not-live'
  /** The answer did not come in time. */
  | 'timeout'
  /** A value is outside what the device or the encoder can do. */
  | 'invalid-value'
  /** No device answers to that name. */
  | 'device-not-found'
  /** A tool or an element that is needed is not installed. */
  | 'not-installed'
  /** The worker could not carry it out. */
  | 'failed';

export class CaptureError extends Error {
  readonly code: CaptureErrorCode;
  /** What the value was for, where one of several is wrong: the name of a control. */
  readonly member: string | undefined;

  constructor(code: CaptureErrorCode, message: string, member?: string) {
    super(message);
    this.name = 'CaptureError';
    this.code = code;
    this.member = member;
  }
}
