/** Where a capture source stands. */
export type CaptureStateName =
  /** Nobody wants the device; it is closed. */
  | 'idle'
  /** The device or its settings are being opened. */
  | 'starting'
  /** Packets flow. */
  | 'live'
  /** Wanted, but the device delivers nothing for the moment; it is tried again. */
  | 'muted'
  /** Wanted, but cannot work as it is configured or installed; tried again, seldom. */
  | 'error';

export interface CaptureState {
  readonly name: CaptureStateName;
  /** For a person; undefined in `idle`, `starting` and `live`. */
  readonly reason: string | undefined;
}

/**
 * `wanted`, `unwanted`: by the owner. `packet`: the first of a life. `replaced`: a new life that we began ourselves.
 * `lost`: a life has ended or hangs. `refused`: the pipeline cannot be built.
 */
export type CaptureStateEvent = 'wanted' | 'unwanted' | 'packet' | 'replaced' | 'lost' | 'refused';

export const CAPTURE_STATES = {
  idle: { wanted: 'starting' },
  starting: { packet: 'live', replaced: 'starting', lost: 'muted', refused: 'error', unwanted: 'idle' },
  live: { replaced: 'starting', lost: 'muted', refused: 'error', unwanted: 'idle' },
  muted: { packet: 'live', replaced: 'starting', lost: 'muted', refused: 'error', unwanted: 'idle' },
  error: { packet: 'live', replaced: 'starting', lost: 'muted', refused: 'error', unwanted: 'idle' },
} as const satisfies Record<CaptureStateName, Partial<Record<CaptureStateEvent, CaptureStateName>>>;

/** The state after an event; the same where the event means nothing. */
export function nextCaptureState(state: CaptureStateName, event: CaptureStateEvent): CaptureStateName {
  return (CAPTURE_STATES[state] as Partial<Record<CaptureStateEvent, CaptureStateName>>)[event] ?? state;
}
