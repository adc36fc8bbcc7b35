import type { Writable } from 'node:stream';
import type { Clock, Timer } from '../../lib/clock.ts';
import type { EncodedStream } from '../../media/track-source.ts';
import { type SentRendition, TrackFeed } from './track-feed.ts';
import { WebRtcError } from './webrtc-error.ts';

/** Half a channel byte: a track needs two channels. */
const SLOTS = 128;
const REPORT_INTERVAL_MS = 1000;

export interface TrackFeedsOptions {
  clock: Clock;
  /** Into the worker of now; undefined while there is none. */
  pipe: () => Writable | undefined;
  /** A track is over for good. */
  ended: () => void;
}

/** The tracks that go to the worker: each once, in a slot of its own, while it has viewers. */
export class TrackFeeds {
  readonly #options: TrackFeedsOptions;
  readonly #feeds = new Map<EncodedStream, TrackFeed>();
  readonly #slots: (TrackFeed | undefined)[] = new Array(SLOTS).fill(undefined);
  #nextSlot = 0;
  #reportTimer: Timer | undefined;

  constructor(options: TrackFeedsOptions) {
    this.#options = options;
  }

  /** One viewer more for a track. @throws WebRtcError `busy`. */
  retain(sent: SentRendition, stream: string): TrackFeed {
    let feed = this.#feeds.get(sent.encoded);
    if (feed === undefined) {
      const { pipe, ended } = this.#options;
      const slot = this.#freeSlot();
      feed = new TrackFeed({ sent, stream, slot, pipe, ended });
      this.#feeds.set(sent.encoded, feed);
      this.#slots[slot] = feed;
      if (this.#feeds.size === 1) this.#report();
    }
    feed.viewers += 1;
    return feed;
  }

  /** One viewer less. */
  release({ encoded }: SentRendition): void {
    const feed = this.#feeds.get(encoded);
    if (feed === undefined || --feed.viewers > 0) return;
    feed.close();
    this.#feeds.delete(encoded);
    this.#slots[feed.slot] = undefined;
  }

  inSlot(slot: number): TrackFeed | undefined {
    return this.#slots[slot];
  }

  /** Sender reports (RFC 3550, 6.4.1) of some tracks, now. */
  sendReports(sent: readonly SentRendition[]): void {
    for (const { encoded } of sent) this.#feeds.get(encoded)?.sendReport();
  }

  /** Frames of some tracks that nobody got, since each has a feed. */
  droppedFrames(sent: readonly SentRendition[]): number {
    return sent.reduce((sum, { encoded }) => sum + (this.#feeds.get(encoded)?.droppedFrames ?? 0), 0);
  }

  /** Slots go round, so that what is left of an old track in the pipe meets none of the same number. */
  #freeSlot(): number {
    for (let i = 0; i < SLOTS; i++) {
      const slot = (this.#nextSlot + i) % SLOTS;
      if (this.#slots[slot] !== undefined) continue;
      this.#nextSlot = (slot + 1) % SLOTS;
      return slot;
    }
    throw new WebRtcError('busy', `${SLOTS} tracks are being watched already`);
  }

  /** Of all tracks, each second while there are any. */
  #report(): void {
    const { clock } = this.#options;
    clock.clearTimeout(this.#reportTimer);
    if (this.#feeds.size === 0) return;
    for (const feed of this.#feeds.values()) feed.sendReport();
    this.#reportTimer = clock.setTimeout(() => this.#report(), REPORT_INTERVAL_MS);
    this.#reportTimer.unref?.();
  }
}
