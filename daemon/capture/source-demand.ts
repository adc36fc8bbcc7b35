import type { EncodedTrack } from './encoded-track.ts';

/** Tracks that one worker encodes for; those that nobody consumes are left out first. */
const MAXIMUM_TRACKS = 8;

/** The tracks of these that a life encodes for. What cannot be encoded here fails it only where there is nothing else. */
export function encodable(tracks: Iterable<EncodedTrack>): EncodedTrack[] {
  const all = [...tracks].filter((track) => !track.private);
  const able = all.filter(({ problem }) => problem === undefined);
  const chosen = able.length > 0 ? able : all;
  return [...chosen.filter(({ wanted }) => wanted), ...chosen.filter(({ wanted }) => !wanted)].slice(0, MAXIMUM_TRACKS);
}

export interface SourceDemandOptions {
  /** Milliseconds from the last that wanted it to `idle`. */
  idleTimeout: number;
  /** Whether somebody wants it who is neither a track nor a hold. */
  others: () => boolean;
  /** It may be wanted now, or no longer. */
  changed: () => void;
  /** Nobody has wanted it for a while. */
  idle: () => void;
}

/** Who wants a source: the tracks over it that are consumed, and whatever holds it open besides. */
export class SourceDemand {
  readonly tracks = new Set<EncodedTrack>();
  /** Milliseconds, from the next last release on. */
  idleTimeout: number;
  readonly #options: SourceDemandOptions;
  #holds = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: SourceDemandOptions) {
    this.#options = options;
    this.idleTimeout = options.idleTimeout;
  }

  get wanted(): boolean {
    if (this.#holds > 0 || this.#options.others()) return true;
    for (const track of this.tracks) if (track.wanted && !track.private) return true;
    return false;
  }

  /** Wants it until the returned function is called. */
  hold(): () => void {
    this.#holds += 1;
    this.#options.changed();
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#holds -= 1;
      this.#options.changed();
    };
  }

  /** Nobody wants it: it is to be idle after a while, unless it is wanted again. */
  expire(): void {
    this.settle();
    this.#timer = setTimeout(this.#options.idle, this.idleTimeout);
    this.#timer.unref();
  }

  /** It is decided whether it runs. */
  settle(): void {
    clearTimeout(this.#timer);
  }
}
