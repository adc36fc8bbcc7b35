import { randomUUID } from 'node:crypto';
import { defineEventHandlers } from './event-handlers.ts';
import { isMediaStreamTrack, type MediaStreamTrack } from './media-stream-track.ts';
import { defineInterface } from './web-idl.ts';

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

  static {
    defineInterface(MediaStreamTrackEvent.prototype, 'MediaStreamTrackEvent');
  }

  /** @throws TypeError without a `track` in the init dictionary. */
  constructor(type: string, init: MediaStreamTrackEventInit) {
    if (!isMediaStreamTrack(init?.track))
      throw new TypeError("Failed to construct 'MediaStreamTrackEvent': member 'track' is not a MediaStreamTrack");
    super(type, init);
    this.#track = init.track;
  }

  get track(): MediaStreamTrack {
    return this.#track;
  }
}

type TrackHandler = ((this: MediaStream, event: MediaStreamTrackEvent) => unknown) | null;

let setOf: (stream: MediaStream) => Set<MediaStreamTrack>;

/**
 * Tracks that belong together (W3C Media Capture and Streams, 4.2). A stream of the configuration is one of these;
 * scripts may make more from its tracks.
 */
export class MediaStream extends EventTarget {
  readonly #id = randomUUID();
  readonly #tracks = new Set<MediaStreamTrack>();
  /** Event handler attributes; they fire for changes that the gateway makes, never for addTrack() and removeTrack(). */
  declare onaddtrack: TrackHandler;
  declare onremovetrack: TrackHandler;

  static {
    setOf = (stream) => stream.#tracks;
    defineInterface(MediaStream.prototype, 'MediaStream');
    defineEventHandlers(MediaStream.prototype, ['addtrack', 'removetrack']);
  }

  /**
   * `new MediaStream()`, `new MediaStream(stream)` (its tracks are shared, not cloned), `new MediaStream(tracks)`.
   * @throws TypeError for any other argument, undefined included.
   */
  constructor(...init: [] | [from: MediaStream | Iterable<MediaStreamTrack>]) {
    super();
    if (init.length === 0) return;
    const from: unknown = init[0];
    if (typeof from !== 'object' || from === null) throw notTracks();
    for (const track of #tracks in from ? from.#tracks : tracksOf(from)) this.#tracks.add(track);
  }

  /** 36 characters. */
  get id(): string {
    return this.#id;
  }

  /** At least one track is live. */
  get active(): boolean {
    for (const track of this.#tracks) if (track.readyState === 'live') return true;
    return false;
  }

  /**
   * Whether the stream has been read to its end: it has tracks, and all of them have ended.
   * @deprecated Removed from the standard in favour of {@link active}; kept for programs of that time.
   */
  get ended(): boolean {
    return this.#tracks.size > 0 && !this.active;
  }

  getTracks(): MediaStreamTrack[] {
    return [...this.#tracks];
  }

  getAudioTracks(): MediaStreamTrack[] {
    return this.getTracks().filter((track) => track.kind === 'audio');
  }

  getVideoTracks(): MediaStreamTrack[] {
    return this.getTracks().filter((track) => track.kind === 'video');
  }

  /** The track with this id; null when there is none, or no argument. */
  getTrackById(id?: string): MediaStreamTrack | null {
    for (const track of this.#tracks) if (track.id === String(id)) return track;
    return null;
  }

  /** Adds a track; one that is already in stays once. @throws TypeError for what is not a track. */
  addTrack(track: MediaStreamTrack): void {
    expectTrack(track, 'addTrack');
    this.#tracks.add(track);
  }

  /** Takes a track out, without stopping it. @throws TypeError for what is not a track. */
  removeTrack(track: MediaStreamTrack): void {
    expectTrack(track, 'removeTrack');
    this.#tracks.delete(track);
  }

  /** A stream with a clone of every track. */
  clone(): MediaStream {
    return new MediaStream(this.getTracks().map((track) => track.clone()));
  }
}

/** The gateway's own addition, which scripts see as an `addtrack` event. */
export function addTrackByGateway(stream: MediaStream, track: MediaStreamTrack): void {
  if (setOf(stream).has(track)) return;
  setOf(stream).add(track);
  stream.dispatchEvent(new MediaStreamTrackEvent('addtrack', { track }));
}

/** The gateway's own removal, which scripts see as a `removetrack` event. */
export function removeTrackByGateway(stream: MediaStream, track: MediaStreamTrack): void {
  if (setOf(stream).delete(track)) stream.dispatchEvent(new MediaStreamTrackEvent('removetrack', { track }));
}

function tracksOf(value: object): MediaStreamTrack[] {
  if (!(Symbol.iterator in value) || typeof value[Symbol.iterator] !== 'function') throw notTracks();
  const tracks = [...(value as Iterable<unknown>)] as MediaStreamTrack[];
  for (const track of tracks) expectTrack(track, 'constructor');
  return tracks;
}

function notTracks(): TypeError {
  return new TypeError(
    "Failed to construct 'MediaStream': the argument is neither a MediaStream nor a sequence of MediaStreamTracks",
  );
}

function expectTrack(value: unknown, where: string): asserts value is MediaStreamTrack {
  if (!isMediaStreamTrack(value)) throw new TypeError(`MediaStream ${where}: the argument is not a MediaStreamTrack`);
}
