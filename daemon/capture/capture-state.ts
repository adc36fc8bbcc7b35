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

/**
 * `wanted`, `unwanted`: by the owner. `packet`: the first of a life. `replaced`: a new life that we began ourselves.
 * `lost`: a life has ended or hangs. `refused`: the pipeline cannot be built.
 */
export type CaptureStateEvent = 'wanted' | 'unwanted' | 'packet' | 'replaced' | 'lost' | 'refused';

export const CAPTURE_STATES = {
  idle: { wanted: 'starting' },
  starting: { packet: 'live', replaced: 'starting', lost: 'muted', refused: 'error', unwanted: 'idle' },
  live: { replaced: 'starting', lost: 'muted', refused: 'error', unwanted: 'idle' },
  // Only a packet ends a silence.
  muted: { packet: 'live', replaced: 'muted', lost: 'muted', refused: 'error', unwanted: 'idle' },
  error: { packet: 'live', replaced: 'error', lost: 'muted', refused: 'error', unwanted: 'idle' },
} as const satisfies Record<CaptureStateName, Partial<Record<CaptureStateEvent, CaptureStateName>>>;

/** The state after an event; the same where the event means nothing. */
export function nextCaptureState(state: CaptureStateName, event: CaptureStateEvent): CaptureStateName {
  return (CAPTURE_STATES[state] as Partial<Record<CaptureStateEvent, CaptureStateName>>)[event] ?? state;
}

/** The state of one source, with its reason and those who want to know. */
export class CaptureStatus {
  readonly #listeners = new Set<(was: { muted: boolean }) => void>();
  #name: CaptureStateName = 'idle';
  #reason: string | undefined;

  get name(): CaptureStateName {
    return this.#name;
  }

  /** For a person; undefined in `idle`, `starting` and `live`. */
  get reason(): string | undefined {
    return this.#reason;
  }

  get muted(): boolean {
    return this.#name === 'muted' || this.#name === 'error';
  }

  /** Adds a listener for every change of state or reason; returns what removes it. */
  onChange(listener: (was: { muted: boolean }) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** An event has happened; `reason` counts where it leads to silence. */
  on(event: CaptureStateEvent, reason?: string): void {
    const before = this.#name;
    const was = { muted: this.muted };
    this.#name = nextCaptureState(before, event);
    const because = this.muted ? (reason ?? this.#reason) : undefined;
    if (this.#name === before && because === this.#reason) return;
    this.#reason = because;
    for (const listener of [...this.#listeners]) listener(was);
  }

  /** Resolves when media flows; rejects with the signal's reason. */
  async live(signal?: AbortSignal): Promise<void> {
    if (this.#name === 'live') return;
    signal?.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const end = (settle: () => void): void => {
        remove();
        signal?.removeEventListener('abort', abort);
        settle();
      };
      const abort = (): void => end(() => reject(signal?.reason));
      const remove = this.onChange(() => {
        if (this.#name === 'live') end(resolve);
      });
      signal?.addEventListener('abort', abort, { once: true });
    });
  }
}
