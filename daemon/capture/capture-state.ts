import { CaptureError } from './capture-error.ts';

/** Where a capture source stands. */
export type CaptureStateName =
  /** Nobody wants the device; it is closed. */
  | 'idle'
  /** Wanted, but the device is not there. */
  | 'absent'
  /** A worker opens the device, or opens it with other settings. */
  | 'opening'
  /** Media flows. */
  | 'live'
  /** Media has ceased to flow; the worker is being ended. */
  | 'stalled'
  /** The last life has failed; the next one begins after a pause. */
  | 'backoff'
  /** The pipeline cannot be built as it is configured or installed; tried again, seldom. */
  | 'error';

/**
 * `wanted`, `unwanted`: by the owner. `lost`, `found`: the device went, or came. `begun`: a life of the worker begins.
 * `packet`: its first sign of life. `replaced`: we end it for another one. `stalled`, `died`: by itself. `refused`: the
 * pipeline cannot be built.
 */
export type CaptureStateEvent =
  | 'wanted'
  | 'unwanted'
  | 'lost'
  | 'found'
  | 'begun'
  | 'packet'
  | 'replaced'
  | 'stalled'
  | 'died'
  | 'refused';

const ANYWHERE = { unwanted: 'idle', lost: 'absent' } as const;

export const CAPTURE_STATES = {
  idle: { wanted: 'opening' },
  absent: { found: 'opening', unwanted: 'idle' },
  opening: { ...ANYWHERE, packet: 'live', stalled: 'stalled', died: 'backoff', refused: 'error' },
  live: { ...ANYWHERE, replaced: 'opening', stalled: 'stalled', died: 'backoff', refused: 'error' },
  stalled: { ...ANYWHERE, replaced: 'opening', died: 'backoff' },
  backoff: { ...ANYWHERE, replaced: 'opening', begun: 'opening', refused: 'error' },
  // The reason stays in sight until it is gone.
  error: { ...ANYWHERE, packet: 'live', died: 'backoff' },
} as const satisfies Record<CaptureStateName, Partial<Record<CaptureStateEvent, CaptureStateName>>>;

/** The state after an event; the same where the event means nothing. */
export function nextCaptureState(state: CaptureStateName, event: CaptureStateEvent): CaptureStateName {
  return (CAPTURE_STATES[state] as Partial<Record<CaptureStateEvent, CaptureStateName>>)[event] ?? state;
}

/** States in which a silence begins. Only media ends it, or that nobody wants any. */
const SILENT: ReadonlySet<CaptureStateName> = new Set(['absent', 'stalled', 'backoff', 'error']);

/** How often an event has led to a state. */
export interface CaptureTransition {
  readonly event: CaptureStateEvent;
  readonly to: CaptureStateName;
  count: number;
}

/** The state of one source, with its reason and those who want to know. */
export class CaptureStatus {
  readonly #listeners = new Set<(was: { name: CaptureStateName; muted: boolean }) => void>();
  #name: CaptureStateName = 'idle';
  #reason: string | undefined;
  #muted = false;
  readonly #transitions = new Map<string, CaptureTransition>();

  get name(): CaptureStateName {
    return this.#name;
  }

  /** For a person; undefined while nothing is wrong. */
  get reason(): string | undefined {
    return this.#reason;
  }

  /** Wanted, but silent: since it was lost, until media flows again. */
  get muted(): boolean {
    return this.#muted;
  }

  /** Since the source was made; not more than the table has. */
  get transitions(): Iterable<Readonly<CaptureTransition>> {
    return this.#transitions.values();
  }

  /** Adds a listener for every change of state or reason; returns what removes it. */
  onChange(listener: (was: { name: CaptureStateName; muted: boolean }) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** An event has happened; `reason` counts where it leads to silence. */
  on(event: CaptureStateEvent, reason?: string): void {
    const was = { name: this.#name, muted: this.#muted };
    this.#name = nextCaptureState(was.name, event);
    if (SILENT.has(this.#name)) this.#muted = true;
    else if (this.#name !== 'opening') this.#muted = false;
    const because = this.#muted ? (reason ?? this.#reason) : undefined;
    if (this.#name !== was.name) this.#count(event, this.#name);
    else if (because === this.#reason) return;
    this.#reason = because;
    for (const listener of [...this.#listeners]) listener(was);
  }

  /** More is known of why it is silent. */
  explain(reason: string): void {
    if (!this.#muted || reason === this.#reason) return;
    this.#reason = reason;
    for (const listener of [...this.#listeners]) listener({ name: this.#name, muted: this.#muted });
  }

  #count(event: CaptureStateEvent, to: CaptureStateName): void {
    const key = `${event} ${to}`;
    const counted = this.#transitions.get(key) ?? { event, to, count: 0 };
    counted.count += 1;
    this.#transitions.set(key, counted);
  }

  /** Resolves when media flows; rejects with the signal's reason. */
  live(signal?: AbortSignal): Promise<void> {
    return this.#until(() => this.#name === 'live', signal);
  }

  /** Resolves when media flows or it is known that none will for now; rejects with the signal's reason. */
  settled(signal?: AbortSignal): Promise<void> {
    return this.#until(() => this.#name === 'live' || this.#muted, signal);
  }

  /** For who has waited for a picture in vain. */
  notLive(): CaptureError {
    return new CaptureError('not-live', `no picture: ${this.#reason ?? 'the device is still starting'}`);
  }

  async #until(condition: () => boolean, signal: AbortSignal | undefined): Promise<void> {
    if (condition()) return;
    signal?.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const end = (settle: () => void): void => {
        remove();
        signal?.removeEventListener('abort', abort);
        settle();
      };
      const abort = (): void => end(() => reject(signal?.reason));
      const remove = this.onChange(() => {
        if (condition()) end(resolve);
      });
      signal?.addEventListener('abort', abort, { once: true });
    });
  }
}
