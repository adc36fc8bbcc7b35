import { randomUUID } from 'node:crypto';
import type { EventHandler } from './event-handlers.ts';
import { MediaStreamTrack } from './media-stream-track.ts';
import { trusted } from './trusted-events.ts';
import { defineInterface, isInstance, requireArguments } from './web-idl.ts';
import { dictionary, domString, EventInit, instance, required, sequence } from './web-idl-types.ts';

/** The init dictionary of MediaStreamTrackEvent. */
export interface MediaStreamTrackEventInit extends EventInit {
  track: MediaStreamTrack;
}

const trackType = instance(MediaStreamTrack);
const trackSequence = sequence(trackType);

const TrackEventInitType = dictionary<MediaStreamTrackEventInit>(
  'MediaStreamTrackEventInit',
  { track: required(trackType) },
  EventInit,
);

/** `addtrack` and `removetrack` (W3C Media Capture and Streams, 4.4). */
export class MediaStreamTrackEvent extends Event {
  readonly #track: MediaStreamTrack;

  static {
    defineInterface(MediaStreamTrackEvent, { brand: (value) => #track in value });
  }

  /** @throws TypeError without a `track` in the init dictionary. */
  constructor(type: string, eventInitDict: MediaStreamTrackEventInit) {
    requireArguments(arguments, 2, 'MediaStreamTrackEvent constructor');
    const init = TrackEventInitType.convert(eventInitDict, 'MediaStreamTrackEventInit');
    super(type, init);
    this.#track = init.track;
  }

  get track(): MediaStreamTrack {
    return this.#track;
  }
}

let setOf: (stream: MediaStream) => Set<MediaStreamTrack>;

/**
 * Tracks that belong together (W3C Media Capture and Streams, 4.2). A stream of the configuration is one of these;
 * scripts may make more from its tracks.
 */
export class MediaStream extends EventTarget {
  readonly #id = randomUUID();
  readonly #tracks = new Set<MediaStreamTrack>();
  /** Event handler attributes; they fire for changes that the gateway makes, never for addTrack() and removeTrack(). */
  declare onaddtrack: EventHandler;
  declare onremovetrack: EventHandler;

  static {
    setOf = (stream) => stream.#tracks;
    defineInterface(MediaStream, { brand: (value) => #tracks in value, events: ['addtrack', 'removetrack'] });
  }

  /**
   * `new MediaStream()`, `new MediaStream(stream)` (its tracks are shared, not cloned), `new MediaStream(tracks)`.
   * @throws TypeError for any other argument, undefined included.
   */
  constructor();
  constructor(stream: MediaStream);
  constructor(tracks: Iterable<MediaStreamTrack>);
  constructor(...init: [from?: MediaStream | Iterable<MediaStreamTrack>]) {
    super();
    if (init.length === 0) return;
    const from: unknown = init[0];
    const tracks = isInstance(MediaStream, from)
      ? from.#tracks
      : trackSequence.convert(from, 'MediaStream constructor');
    for (const track of tracks) this.#tracks.add(track);
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

  getTracks(): MediaStreamTrack[] {
    return [...this.#tracks];
  }

  getAudioTracks(): MediaStreamTrack[] {
    return this.getTracks().filter((track) => track.kind === 'audio');
  }

  getVideoTracks(): MediaStreamTrack[] {
    return this.getTracks().filter((track) => track.kind === 'video');
  }

  /** The track with this id, or null. @throws TypeError without an argument. */
  getTrackById(trackId: string): MediaStreamTrack | null {
    requireArguments(arguments, 1, 'MediaStream.getTrackById');
    const id = domString.convert(trackId, 'trackId');
    for (const track of this.#tracks) if (track.id === id) return track;
    return null;
  }

  /** Adds a track; one that is already in stays once. @throws TypeError for what is not a track. */
  addTrack(track: MediaStreamTrack): void {
    addTo(this, trackType.convert(track, 'MediaStream.addTrack'));
  }

  /** Takes a track out, without stopping it. @throws TypeError for what is not a track. */
  removeTrack(track: MediaStreamTrack): void {
    removeFrom(this, trackType.convert(track, 'MediaStream.removeTrack'));
  }

  /** A stream with a clone of every track. */
  clone(): MediaStream {
    return new MediaStream(this.getTracks().map((track) => track.clone()));
  }
}

/** Whoever must know that the track set has changed, by a script or by the gateway. */
const trackSetWatchers = new WeakMap<MediaStream, Set<() => void>>();

export function watchTrackSet(stream: MediaStream, watcher: () => void): () => void {
  let watchers = trackSetWatchers.get(stream);
  if (watchers === undefined) trackSetWatchers.set(stream, (watchers = new Set()));
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

const notifyTrackSet = (stream: MediaStream): void => {
  for (const watcher of [...(trackSetWatchers.get(stream) ?? [])]) watcher();
};

/** False when the track was in. */
function addTo(stream: MediaStream, track: MediaStreamTrack): boolean {
  const tracks = setOf(stream);
  if (tracks.has(track)) return false;
  tracks.add(track);
  notifyTrackSet(stream);
  return true;
}

/** False when the track was not in. */
function removeFrom(stream: MediaStream, track: MediaStreamTrack): boolean {
  if (!setOf(stream).delete(track)) return false;
  notifyTrackSet(stream);
  return true;
}

/** The gateway's own addition, which scripts see as an `addtrack` event. */
export function addTrackByGateway(stream: MediaStream, track: MediaStreamTrack): void {
  if (addTo(stream, track)) stream.dispatchEvent(new MediaStreamTrackEvent('addtrack', trusted({ track })));
}

/** The gateway's own removal, which scripts see as a `removetrack` event. */
export function removeTrackByGateway(stream: MediaStream, track: MediaStreamTrack): void {
  if (removeFrom(stream, track)) stream.dispatchEvent(new MediaStreamTrackEvent('removetrack', trusted({ track })));
}
