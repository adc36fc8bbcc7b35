import { randomUUID } from 'node:crypto';
import type { MediaTrackSettings } from './track-dictionaries.ts';
import type { EncodedStream, TrackConfiguration, TrackSource } from './track-source.ts';
import { defineInterface, illegalConstructor, internal } from './web-idl.ts';

/** The states of MediaStreamTrack.readyState. */
export type MediaStreamTrackState = 'live' | 'ended';

interface TrackInit {
  readonly source: TrackSource;
  readonly configuration: TrackConfiguration;
  readonly readyState: MediaStreamTrackState;
}

interface TrackSlots {
  readonly id: string;
  readonly source: TrackSource;
  readonly encoded: EncodedStream;
  configuration: TrackConfiguration;
  muted: boolean;
  readyState: MediaStreamTrackState;
  stopObserving: () => void;
}

let slotsOf: (track: MediaStreamTrack) => TrackSlots;

type Handler = ((this: MediaStreamTrack, event: Event) => unknown) | null;

/**
 * One medium of one source (W3C Media Capture and Streams, 4.3). Made by the gateway, never by `new`.
 * `muted` is the source's doing (unplugged, restarting): viewers stay. `readyState` "ended" is for good.
 */
export class MediaStreamTrack extends EventTarget {
  readonly #slots: TrackSlots;
  /** Event handler attributes for `mute`, `unmute` and `ended`. */
  declare onmute: Handler;
  declare onunmute: Handler;
  declare onended: Handler;

  static {
    slotsOf = (track) => track.#slots;
    defineInterface(MediaStreamTrack, { brand: (value) => #slots in value, events: ['mute', 'unmute', 'ended'] });
  }

  /** @internal @throws TypeError always, for scripts: "Illegal constructor". */
  constructor(...[token, init]: [token?: unknown, init?: TrackInit]) {
    if (token !== internal || init === undefined) throw illegalConstructor();
    super();
    const { source, configuration, readyState } = init;
    this.#slots = {
      id: randomUUID(),
      source,
      encoded: source.encode(configuration),
      configuration,
      muted: source.muted,
      readyState,
      stopObserving: () => undefined,
    };
    if (readyState === 'ended') {
      this.#slots.encoded.close();
      return;
    }
    this.#slots.stopObserving = source.observe({
      mutedChanged: () => this.#mutedChanged(),
      ended: () => this.#sourceEnded(),
    });
  }

  get kind(): 'audio' | 'video' {
    return this.#slots.source.kind;
  }

  /** 36 characters, unique for each track, clones included. */
  get id(): string {
    return this.#slots.id;
  }

  /** The device's name. */
  get label(): string {
    return this.#slots.source.label;
  }

  get enabled(): boolean {
    return this.#slots.configuration.enabled;
  }

  /** False makes the picture black and the sound silent, for every viewer of this track and not of its clones. */
  set enabled(value: boolean) {
    const enabled = Boolean(value);
    if (enabled !== this.#slots.configuration.enabled) void configureTrack(this, { enabled });
  }

  /** The source cannot deliver media for the moment. */
  get muted(): boolean {
    return this.#slots.muted;
  }

  get readyState(): MediaStreamTrackState {
    return this.#slots.readyState;
  }

  /** A track of its own over the same source, with the state of this one (4.3.1, "clone a track"). */
  clone(): MediaStreamTrack {
    const { source, configuration, readyState } = this.#slots;
    return new MediaStreamTrack(internal, { source, configuration, readyState });
  }

  /** Ends the track without an `ended` event; the device closes when its last live track has stopped. */
  stop(): void {
    if (this.#slots.readyState === 'ended') return;
    this.#end();
  }

  getSettings(): MediaTrackSettings {
    return this.#slots.encoded.settings();
  }

  #mutedChanged(): void {
    const { source } = this.#slots;
    if (this.#slots.muted === source.muted) return;
    this.#slots.muted = source.muted;
    this.dispatchEvent(new Event(source.muted ? 'mute' : 'unmute'));
  }

  #sourceEnded(): void {
    if (this.#slots.readyState === 'ended') return;
    this.#end();
    this.dispatchEvent(new Event('ended'));
  }

  #end(): void {
    this.#slots.readyState = 'ended';
    this.#slots.stopObserving();
    notifyEnded(this);
    this.#slots.encoded.close();
  }
}

/** A live track over a source: what getUserMedia() and the gateway make tracks with. */
export function createTrack(source: TrackSource, configuration: Partial<TrackConfiguration> = {}): MediaStreamTrack {
  return new MediaStreamTrack(internal, {
    source,
    configuration: { settings: {}, contentHint: '', enabled: true, ...configuration },
    readyState: 'live',
  });
}

/**
 * Changes how a track wants its source's media; resolves when that is in force.
 * @throws CaptureError (as a rejection) when the source refuses; then nothing has changed.
 */
export async function configureTrack(track: MediaStreamTrack, change: Partial<TrackConfiguration>): Promise<void> {
  const slots = slotsOf(track);
  const before = slots.configuration;
  slots.configuration = { ...before, ...change };
  try {
    await slots.encoded.configure(slots.configuration);
  } catch (error) {
    slots.configuration = before;
    throw error;
  }
}

/** The source behind a track: for the rooms that publish it. */
export function sourceOf(track: MediaStreamTrack): TrackSource {
  return slotsOf(track).source;
}

/** The encoded media of a track. */
export function encodedOf(track: MediaStreamTrack): EncodedStream {
  return slotsOf(track).encoded;
}

/** Whoever must know that a track has ended, by stop() or by its source, without being an event listener of the script's kind. */
const endWatchers = new WeakMap<MediaStreamTrack, Set<() => void>>();

export function watchEnd(track: MediaStreamTrack, watcher: () => void): () => void {
  let watchers = endWatchers.get(track);
  if (watchers === undefined) endWatchers.set(track, (watchers = new Set()));
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

function notifyEnded(track: MediaStreamTrack): void {
  for (const watcher of endWatchers.get(track) ?? []) watcher();
}
