interface Span {
  /** Capture time at which it begins, and at which it ends. */
  readonly from: number;
  to: number;
  /** Recorded time at `from`. */
  readonly start: number;
}

/** A place in a recording. */
export interface RecordedTime {
  /** Milliseconds since the beginning of the recording, pauses left out. */
  readonly time: number;
  /** Counts the spans between pauses. */
  readonly span: number;
}

/**
 * Which times of capture are in a recording, and where: spans without the pauses between them. Media comes later than
 * it was captured, so a span that has ended still takes what was captured in it. All times in milliseconds.
 */
export class Timeline {
  readonly #spans: Span[] = [];

  /** Whether what is captured now is recorded. */
  get open(): boolean {
    return this.#spans.at(-1)?.to === Infinity;
  }

  /** The recorded time up to a time of capture that no span begins after. */
  durationAt(captureTime: number): number {
    const last = this.#spans.at(-1);
    return last === undefined ? 0 : last.start + Math.max(0, Math.min(captureTime, last.to) - last.from);
  }

  /** A span begins where the last one ended. */
  begin(captureTime: number): void {
    if (this.open) return;
    const from = Math.max(captureTime, this.#spans.at(-1)?.to ?? -Infinity);
    this.#spans.push({ from, to: Infinity, start: this.durationAt(from) });
  }

  end(captureTime: number): void {
    const last = this.#spans.at(-1);
    if (last !== undefined && this.open) last.to = Math.max(captureTime, last.from);
  }

  /** Where something that was captured at this time lies; undefined when it is not recorded. */
  placeOf(captureTime: number): RecordedTime | undefined {
    for (let index = this.#spans.length - 1; index >= 0; index--) {
      const { from, to, start } = this.#spans[index] as Span;
      if (captureTime >= to) return undefined;
      if (captureTime >= from) return { time: start + captureTime - from, span: index };
    }
    return undefined;
  }
}
