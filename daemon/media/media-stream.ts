import { randomUUID } from 'node:crypto';
import { defineEventHandlers } from './event-handlers.ts';
import { MediaStreamTrack } from './media-stream-track.ts';

/** The init dictionary of MediaStreamTrackEvent. */
export interface MediaStreamTrackEventInit {
  bubbles?: boolean;
  cancelable?: boolean;
  composed?: boolean;
  track: MediaStreamTrack;
}

/** `addtrack` and `removetrack` (W3C Media Capture and Streams, 4.4). */
export class MediaStreamTrackEvent extends Event {
  readonly #track: MediaStreamTrack;

  /** @throws TypeError without a `track` in the init dictionary. */
  constructor(type: string, init: MediaStreamTrackEventInit) {
    if (!(init?.track instanceof MediaStreamTrack))
      throw new TypeError("Failed to construct 'MediaStreamTrackEvent': member 'track' is not a MediaStreamTrack");
    super(type, init);
    this.#track = init.track;
  }

  get track(): MediaStreamTrack {
    return this.#track;
  }

  get [Symbol.toStringTag](): string {
    return 'MediaStreamTrackEvent';
  }
}

type TrackHandler = ((this: MediaStream, event: MediaStreamTrackEvent) => unknown) | null;

let setOf: (stream: MediaStream) => Map<string, MediaStreamTrack>;

/**
 * Tracks that belong together (W3C Media Capture and Streams, 4.2). A stream of the configuration is one of these;
 * scripts may make more from its tracks.
 */
export class MediaStream extends EventTarget {
  readonly #id = randomUUID();
  readonly #tracks = new Map<string, MediaStreamTrack>();
  #bornEnded = false;
  /** Event handler attributes; they fire for changes that the gateway makes, never for addTrack() and removeTrack(). */
  declare onaddtrack: TrackHandler;
  declare onremovetrack: TrackHandler;

  static {
    setOf = (stream) => stream.#tracks;
    defineEventHandlers(MediaStream.prototype, ['addtrack', 'removetrack']);
  }

  /**
   * From nothing, from another stream's tracks (shared, not cloned), or from tracks.
   * @throws TypeError for anything else.
   */
  constructor(from?: MediaStream | Iterable<MediaStreamTrack>) {
    super();
    if (from === undefined) return;
    const tracks = from instanceof MediaStream ? from.getTracks() : tracksOf(from);
    for (const track of tracks) this.#tracks.set(track.id, track);
    this.#bornEnded = tracks.length > 0 && tracks.every((track) => track.readyState === 'ended');
  }

  /** 36 characters. */
  get id(): string {
    return this.#id;
  }

  /** At least one track is live. */
  get active(): boolean {
    for (const track of this.#tracks.values()) if (track.readyState === 'live') return true;
    return false;
  }

  /**
   * Whether the stream has been read to its end: it has tracks, and all of them have ended.
   * @deprecated Removed from the standard in favour of {@link active}; kept for programs of that time.
   */
  get ended(): boolean {
    return this.#tracks.size === 0 ? this.#bornEnded : !this.active;
  }

  getTracks(): MediaStreamTrack[] {
    return [...this.#tracks.values()];
  }

  getAudioTracks(): MediaStreamTrack[] {
    return this.getTracks().filter((track) => track.kind === 'audio');
  }

  getVideoTracks(): MediaStreamTrack[] {
    return this.getTracks().filter((track) => track.kind === 'video');
  }

  /** The track with this id, or null. */
  getTrackById(id?: string): MediaStreamTrack | null {
    return this.#tracks.get(String(id)) ?? null;
  }

  /** Adds a track; one that is already in stays once. @throws TypeError for what is not a track. */
  addTrack(track: MediaStreamTrack): void {
    expectTrack(track, 'addTrack');
    if (!this.#tracks.has(track.id)) this.#tracks.set(track.id, track);
  }

  /** Takes a track out, without stopping it. @throws TypeError for what is not a track. */
  removeTrack(track: MediaStreamTrack): void {
    expectTrack(track, 'removeTrack');
    this.#tracks.delete(track.id);
  }

  /** A stream with a clone of every track. */
  clone(): MediaStream {
    return new MediaStream(this.getTracks().map((track) => track.clone()));
  }

  get [Symbol.toStringTag](): string {
    return 'MediaStream';
  }
}

/** The gateway's own addition, which scripts see as an `addtrack` event. */
export function addTrackByGateway(stream: MediaStream, track: MediaStreamTrack): void {
  if (setOf(stream).has(track.id)) return;
  setOf(stream).set(track.id, track);
  stream.dispatchEvent(new MediaStreamTrackEvent('addtrack', { track }));
}

/** The gateway's own removal, which scripts see as a `removetrack` event. */
export function removeTrackByGateway(stream: MediaStream, track: MediaStreamTrack): void {
  if (setOf(stream).delete(track.id)) stream.dispatchEvent(new MediaStreamTrackEvent('removetrack', { track }));
}

function tracksOf(value: Iterable<MediaStreamTrack>): MediaStreamTrack[] {
  if (typeof (value as { [Symbol.iterator]?: unknown } | null)?.[Symbol.iterator] !== 'function')
    throw new TypeError(
      "Failed to construct 'MediaStream': the argument is neither a MediaStream nor a sequence of tracks",
    );
  const tracks = [...value];
  for (const track of tracks) expectTrack(track, 'constructor');
  return tracks;
}

function expectTrack(value: unknown, where: string): asserts value is MediaStreamTrack {
  if (!(value instanceof MediaStreamTrack))
    throw new TypeError(`MediaStream ${where}: the argument is not a MediaStreamTrack`);
}
