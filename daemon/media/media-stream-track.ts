import { randomUUID } from 'node:crypto';
import { systemClock } from '../lib/clock.ts';
import { splitSettings } from './constrainable-properties.ts';
import { applyConstraints, type ConstrainedTrack, inherentOf, selectFor, settingsOf } from './constrained-track.ts';
import type { EventHandler } from './event-handlers.ts';
import { isOverconstrained } from './select-settings.ts';
import { trackCapabilities } from './track-capabilities.ts';
import { configure, insist } from './track-configuration.ts';
import { type MediaTrackConstraints, MediaTrackConstraintsType } from './track-constraints.ts';
import type { MediaTrackCapabilities, MediaTrackSettings } from './track-dictionaries.ts';
import {
  CONTENT_HINTS,
  type ContentHint,
  type EncodedStream,
  type TrackConfiguration,
  type TrackSource,
} from './track-source.ts';
import { createTrackStats, type MediaStreamTrackStats } from './track-stats.ts';
import { fireEvent } from './trusted-events.ts';
import { defineInterface, illegalConstructor, internal } from './web-idl.ts';
import { domString } from './web-idl-types.ts';

/** The states of MediaStreamTrack.readyState. */
export type MediaStreamTrackState = 'live' | 'ended';

/** How a track begins. */
export interface TrackInit {
  readonly source: TrackSource;
  readonly configuration: TrackConfiguration;
  readonly readyState: MediaStreamTrackState;
  readonly constraints: MediaTrackConstraints;
  /** What holds where the constraints leave a choice; none: the defaults of getUserMedia(). */
  readonly defaults: MediaTrackSettings;
  /** Of tracks of getUserMedia(): while they live they are in this set, and the device is open though nobody may read it. */
  readonly captured: Set<MediaStreamTrack> | undefined;
  /** Whether pan, tilt and zoom may be told and set (Image Capture, 9.2). */
  readonly panTiltZoom: boolean;
}

interface TrackSlots extends ConstrainedTrack, Pick<TrackInit, 'captured'> {
  readonly id: string;
  muted: boolean;
  /** What is still told of the device when the track has ended. */
  inherent: MediaTrackSettings;
  /** The end of the applyConstraints() that came last. */
  applied: Promise<unknown>;
  letGo: () => void;
  readonly endWatchers: Set<() => void>;
  /** Made when somebody asks for it. */
  stats: MediaStreamTrackStats | undefined;
}

let slotsOf: (track: MediaStreamTrack) => TrackSlots;
let endByItself: (track: MediaStreamTrack) => void;

/**
 * One medium of one source (W3C Media Capture and Streams, 4.3). Made by getUserMedia() and the gateway, never by `new`.
 * `muted` is the source's doing (unplugged, restarting): viewers stay. `readyState` "ended" is for good.
 */
export class MediaStreamTrack extends EventTarget {
  readonly #slots: TrackSlots;
  declare onmute: EventHandler;
  declare onunmute: EventHandler;
  declare onended: EventHandler;
  /** The source's capabilities or settings have changed by other hands (Media Capture and Streams Extensions). */
  declare onconfigurationchange: EventHandler;

  static {
    slotsOf = (track) => track.#slots;
    endByItself = (track) => track.#endByItself();
    defineInterface(MediaStreamTrack, {
      brand: (value) => #slots in value,
      events: ['mute', 'unmute', 'ended', 'configurationchange'],
    });
  }

  /** @internal @throws TypeError always, for scripts: "Illegal constructor". */
  constructor(...[token, init]: [token?: unknown, init?: TrackInit]) {
    if (token !== internal || init === undefined) throw illegalConstructor();
    super();
    const { source } = init;
    const slots: TrackSlots = {
      ...init,
      id: randomUUID(),
      encoded: source.encode(init.configuration),
      muted: source.muted,
      inherent: {},
      applied: Promise.resolve(),
      letGo: () => undefined,
      endWatchers: new Set(),
      stats: undefined,
    };
    this.#slots = slots;
    if (slots.readyState === 'ended') {
      slots.inherent = inherentOf(slots);
      slots.encoded.close();
      return;
    }
    const release = init.captured === undefined ? undefined : source.hold();
    init.captured?.add(this);
    const stopObserving = source.observe({
      mutedChanged: () => this.#mutedChanged(),
      configurationChanged: () => fireEvent(this, 'configurationchange'),
      ended: () => this.#endByItself(),
    });
    slots.letGo = () => {
      init.captured?.delete(this);
      stopObserving();
      release?.();
    };
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
    const slots = this.#slots;
    const enabled = Boolean(value);
    if (enabled === slots.configuration.enabled) return;
    slots.configuration = { ...slots.configuration, enabled };
    void this.#reconfigure();
  }

  /** The source cannot deliver media for the moment. */
  get muted(): boolean {
    return this.#slots.muted;
  }

  get readyState(): MediaStreamTrackState {
    return this.#slots.readyState;
  }

  /** What the encoder is tuned for (MediaStreamTrack Content Hints, 3); a word for the other kind is ignored. */
  get contentHint(): string {
    return this.#slots.configuration.contentHint;
  }

  set contentHint(value: string) {
    const slots = this.#slots;
    const hint = domString.convert(value, 'contentHint') as ContentHint;
    if (!(CONTENT_HINTS[slots.source.kind] as readonly string[]).includes(hint)) return;
    if (hint === slots.configuration.contentHint) return;
    slots.configuration = { ...slots.configuration, contentHint: hint };
    if (slots.source.kind === 'audio') {
      const selected = selectFor(slots, slots.constraints);
      if (!isOverconstrained(selected))
        slots.configuration = { ...slots.configuration, settings: splitSettings(selected.settings).own };
    }
    void this.#reconfigure();
  }

  /** How its frames fare; null for tracks that did not come of getUserMedia() (Media Capture and Streams Extensions, 7). */
  get stats(): MediaStreamTrackStats | null {
    const slots = this.#slots;
    if (slots.captured === undefined) return null;
    return (slots.stats ??= createTrackStats(slots.source.kind, slots.encoded, systemClock.now));
  }

  /** A track of its own over the same source, with the state of this one (4.3.1, "clone a track"). */
  clone(): MediaStreamTrack {
    return new MediaStreamTrack(internal, initOf(this));
  }

  /** Ends the track without an `ended` event; the device closes when its last live track has stopped. */
  stop(): void {
    if (this.#slots.readyState === 'ended') return;
    this.#end();
  }

  getCapabilities(): MediaTrackCapabilities {
    return structuredClone(trackCapabilities(this.#slots.source, this.#slots.panTiltZoom));
  }

  /** The constraints that were applied last, as they were written. */
  getConstraints(): MediaTrackConstraints {
    return structuredClone(this.#slots.constraints);
  }

  getSettings(): MediaTrackSettings {
    const slots = this.#slots;
    return structuredClone(slots.readyState === 'ended' ? slots.inherent : settingsOf(slots));
  }

  /**
   * Replaces the constraints of this track; all or nothing. Calls are carried out one after the other.
   * @throws TypeError for what is no MediaTrackConstraints; OverconstrainedError for what the source cannot do;
   *   NotReadableError when the source fails to do it. As rejections; then nothing has changed.
   */
  async applyConstraints(constraints: MediaTrackConstraints = {}): Promise<void> {
    const slots = this.#slots;
    const wanted = MediaTrackConstraintsType.convert(constraints, 'MediaStreamTrack.applyConstraints');
    const applied = slots.applied.then(() => applyConstraints(slots, wanted));
    slots.applied = applied.catch(() => undefined);
    await applied;
  }

  /** Tells the source what a setter has changed; one that delivers and cannot obey is of no use: the track ends. */
  async #reconfigure(): Promise<void> {
    try {
      await insist(this.#slots);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      process.emitWarning(`the track '${this.label}' ends: its source cannot do what was set: ${reason}`);
      this.#endByItself();
    }
  }

  #mutedChanged(): void {
    const { source } = this.#slots;
    if (this.#slots.muted === source.muted) return;
    this.#slots.muted = source.muted;
    fireEvent(this, source.muted ? 'mute' : 'unmute');
  }

  #endByItself(): void {
    if (this.#slots.readyState === 'ended') return;
    this.#end();
    fireEvent(this, 'ended');
  }

  #end(): void {
    const slots = this.#slots;
    slots.inherent = inherentOf(slots);
    slots.readyState = 'ended';
    slots.letGo();
    for (const watcher of slots.endWatchers) watcher();
    slots.encoded.close();
  }
}

/** How a live track over a source begins. */
export function trackInit(
  source: TrackSource,
  configuration: Partial<TrackConfiguration> = {},
  options: Partial<Pick<TrackInit, 'constraints' | 'defaults' | 'captured' | 'panTiltZoom'>> = {},
): TrackInit {
  return {
    source,
    configuration: { settings: {}, contentHint: '', enabled: true, ...configuration },
    readyState: 'live',
    constraints: {},
    defaults: {},
    captured: undefined,
    panTiltZoom: true,
    ...options,
  };
}

/** A live track over a source: what getUserMedia() and the gateway make tracks with. */
export const createTrack = (...init: Parameters<typeof trackInit>): MediaStreamTrack =>
  new MediaStreamTrack(internal, trackInit(...init));

/**
 * Changes how a track wants its source's media; resolves when that is in force.
 * @throws CaptureError (as a rejection) when the source refuses; then nothing has changed.
 */
export async function configureTrack(track: MediaStreamTrack, change: Partial<TrackConfiguration>): Promise<void> {
  await configure(slotsOf(track), change);
}

/** What a clone of a track begins with. */
export function initOf(track: MediaStreamTrack): TrackInit {
  return { ...slotsOf(track) };
}

/** Ends a track against the script's will, which hears of it by `ended`. */
export function endTrack(track: MediaStreamTrack): void {
  endByItself(track);
}

/** The source behind a track: for the rooms that publish it. */
export function sourceOf(track: MediaStreamTrack): TrackSource {
  return slotsOf(track).source;
}

/** The encoded media of a track. */
export function encodedOf(track: MediaStreamTrack): EncodedStream {
  return slotsOf(track).encoded;
}

/**
 * Tells that a track has ended, by stop() or by its source, without being an event listener of the script's kind.
 * @returns what stops it.
 */
export function watchEnd(track: MediaStreamTrack, watcher: () => void): () => void {
  const { endWatchers } = slotsOf(track);
  endWatchers.add(watcher);
  return () => endWatchers.delete(watcher);
}
