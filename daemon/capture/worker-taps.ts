import type { WorkerReport } from './worker-messages.ts';

/** How long a reading of the loudness takes. */
const LISTENING_SECONDS = 0.2;

/** What a tap needs of the pipeline. */
export interface TapPipeline {
  /** An element by its name; undefined where this pipeline has none, or is of no use any more. */
  element(name: string): Record<string, unknown> | undefined;
  report(message: WorkerReport): void;
  /** It is read from now on, or no longer. */
  changed(): void;
}

/** As an appsink of gstreamer-superficial has it: the next buffer, or null at the end. */
type Received = (data: Buffer | null, caps: Record<string, unknown>) => void;
type Answer = (id: number) => WorkerReport;

interface TapOptions {
  /** Names of elements: what lets frames through, and the appsink where they arrive. */
  valve: string;
  sink: string;
  /** What there is none of: a picture, a sound. */
  what: string;
  /** For each reading what takes one buffer after the other until that makes an answer. */
  reader: () => (data: Buffer, caps: Record<string, unknown>) => Answer | undefined;
}

/** Looks at what runs through the pipeline, for a moment, when it is asked to: all who ask meanwhile get the same answer. */
export class WorkerTap {
  readonly #pipeline: TapPipeline;
  readonly #options: TapOptions;
  readonly #ids: number[] = [];

  constructor(pipeline: TapPipeline, options: TapOptions) {
    this.#pipeline = pipeline;
    this.#options = options;
  }

  /** Somebody waits for an answer. */
  get open(): boolean {
    return this.#ids.length > 0;
  }

  ask(id: number): void {
    const { what, reader } = this.#options;
    const valve = this.#pipeline.element(this.#options.valve);
    const sink = this.#pipeline.element(this.#options.sink) as { pull(received: Received): void } | undefined;
    if (valve === undefined || sink === undefined) {
      this.#pipeline.report({ type: 'unanswered', id, message: `there is no ${what}` });
      return;
    }
    if (this.#ids.push(id) > 1) return;
    valve.drop = false;
    this.#pipeline.changed();
    const read = reader();
    const received: Received = (data, caps) => {
      const answer = data === null ? unanswered(`the ${what} has ended`) : read(data, caps);
      if (answer === undefined) {
        sink.pull(received);
        return;
      }
      valve.drop = true;
      for (const waiting of this.#ids.splice(0)) this.#pipeline.report(answer(waiting));
      this.#pipeline.changed();
    };
    sink.pull(received);
  }
}

const unanswered =
  (message: string): Answer =>
  (id) => ({ type: 'unanswered', id, message });

/** One frame as a picture. */
export function pictureReader(): TapOptions['reader'] {
  // The appsink keeps the last picture from before the valve closed.
  let stale = false;
  return () => {
    let skips = stale;
    stale = true;
    return (data, { width, height }) => {
      if (!skips) return (id) => ({ type: 'picture', id, data, width: Number(width), height: Number(height) });
      skips = false;
      return undefined;
    };
  };
}

/** How loud 16-bit samples are: a meter that runs all the time would leak a message for each reading. */
export function levelReader(): ReturnType<TapOptions['reader']> {
  let [peak, squares, count] = [0, 0, 0];
  return (data, caps) => {
    for (let at = 0; at + 1 < data.length; at += 2) {
      const sample = data.readInt16LE(at) / 32_768;
      peak = Math.max(peak, Math.abs(sample));
      squares += sample * sample;
      count += 1;
    }
    const wanted = (Number(caps.rate) || 48_000) * (Number(caps.channels) || 1) * LISTENING_SECONDS;
    if (count === 0 || count < wanted) return undefined;
    return (id) => ({ type: 'level', id, peak, rms: Math.sqrt(squares / count) });
  };
}
