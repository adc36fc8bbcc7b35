import { isDeepStrictEqual } from 'node:util';
import type { EncodingSettings, StreamSettings } from '../config/settings.ts';
import type { CaptureSource } from './capture/capture-source.ts';
import type { CaptureStateName } from './capture/capture-state.ts';
import { ControlError, type EncodingChange, type StreamReport, type StreamStateName } from './control/gateway-port.ts';
import type { Clock } from './lib/clock.ts';
import type { Log } from './lib/log.ts';
import type { MediaStream } from './media/media-stream.ts';
import { configureTrack, encodedOf, type MediaStreamTrack } from './media/media-stream-track.ts';
import type { EncodingReduction, SoundLevel, StillPicture } from './media/track-source.ts';
import { StreamRenditions } from './stream-renditions.ts';
import { isConstrained, type ReportedStream, StreamReporter, type StreamTraffic } from './stream-reporter.ts';

/** What a source's state means to whoever looks at the stream. */
const STREAM_STATES: Readonly<Record<CaptureStateName, StreamStateName>> = {
  idle: 'idle',
  absent: 'muted',
  opening: 'starting',
  live: 'live',
  stalled: 'muted',
  backoff: 'muted',
  error: 'error',
};

/** How long startCapture() and restart() wait for the first picture, in milliseconds. */
const START_TIMEOUT_MS = 10_000;

export interface ConfiguredStreamOptions {
  /** Makes the source of a stream's track; it keeps to the device that the settings wish for, through replug. */
  openSource: (stream: string, kind: 'video' | 'audio', settings: StreamSettings) => CaptureSource;
  clock: Clock;
  log: Log;
  /** Whether a stream is private from the start. */
  privacy: (name: string) => boolean;
  /** What is made of the encodings for now. */
  reduction: () => EncodingReduction | undefined;
  /** Something of a stream's report has changed. */
  changed: (name: string) => void;
  event: (type: 'stream_state', stream: string, data: Record<string, unknown>) => void;
}

/** One stream of the configuration: a MediaStream for each of its encodings, over the same sources. */
export class ConfiguredStream implements ReportedStream {
  readonly name: string;
  settings: StreamSettings;
  readonly #renditions: StreamRenditions;
  readonly sources: readonly CaptureSource[];
  readonly #options: ConfiguredStreamOptions;
  readonly #reporter: StreamReporter;
  readonly #unobserve: (() => void)[];
  #state: StreamStateName = 'idle';
  #since: number;
  opened = false;
  #closedFor: string | undefined;
  #privacy: boolean;

  constructor(name: string, settings: StreamSettings, options: ConfiguredStreamOptions) {
    this.name = name;
    this.#privacy = options.privacy(name);
    this.settings = settings;
    this.#options = options;
    this.#reporter = new StreamReporter(this, options.clock);
    this.#renditions = new StreamRenditions(settings.encodings);
    this.#since = options.clock.wall();
    const kinds = (['video', 'audio'] as const).filter((kind) => settings[kind] !== false);
    this.sources = kinds.map((kind) => options.openSource(name, kind, settings));
    this.#unobserve = this.sources.map((source) => source.onStateChange(() => this.#sourceChanged()));
  }

  /** The stream in its first encoding. */
  get media(): MediaStream {
    return this.#renditions.first;
  }

  /** The stream in one of its encodings; undefined where it has none of that name. */
  rendition(rid?: string): MediaStream | undefined {
    return rid === undefined ? this.media : this.#renditions.find(rid);
  }

  /** The stream in each of its encodings. */
  get renditions(): readonly MediaStream[] {
    return this.#renditions.all;
  }

  get video(): CaptureSource | undefined {
    return this.sources.find((source) => source.kind === 'video');
  }

  get audio(): CaptureSource | undefined {
    return this.sources.find((source) => source.kind === 'audio');
  }

  get state(): StreamStateName {
    return this.#state;
  }

  /** Unix milliseconds since when it has been in its state. */
  get since(): number {
    return this.#since;
  }

  /** As they are now; the configuration may have had others. */
  get encodings(): readonly EncodingSettings[] {
    return this.#renditions.encodings;
  }

  /** What is made of the encodings for now. */
  get reduction(): EncodingReduction | undefined {
    return this.#options.reduction();
  }

  /** Wanted, and yet its picture does not flow. */
  get failing(): boolean {
    return this.#state === 'muted' || this.#state === 'error';
  }

  /** Why the stream is in its state, for a person. */
  get reason(): string | undefined {
    if (!this.opened) return this.#closedFor;
    if (this.#privacy) return 'privacy is on';
    return (this.video ?? this.sources[0])?.stateReason;
  }

  /** Makes the stream available to viewers. */
  open(): void {
    if (this.opened) return;
    this.opened = true;
    const { settings, video, audio, reduction } = this;
    this.#renditions.open({ settings, camera: video, microphone: audio, privacy: this.#privacy, reduction });
    if (this.settings.start === 'always') this.#renditions.hold();
    this.#sourceChanged();
  }

  /** Privacy: the devices are not open for this stream, and every output of it shows a picture that says so. */
  get privacy(): boolean {
    return this.#privacy;
  }

  async setPrivacy(on: boolean): Promise<void> {
    this.#privacy = on;
    await Promise.all(this.tracks.map((track) => configureTrack(track, { privacy: on })));
    this.#sourceChanged();
  }

  /** The reduction is another one. What does not follow, or not yet, is told in the log: it stays as it was. */
  async reductionChanged(): Promise<void> {
    const { reduction } = this;
    const pictures = this.tracks.filter(({ kind }) => kind === 'video');
    const changes = await Promise.allSettled(pictures.map((track) => configureTrack(track, { reduction })));
    for (const change of changes)
      if (change.status === 'rejected')
        this.#options.log.warn(
          { err: change.reason, stream: this.name },
          'the encoder does not follow the temperature',
        );
    this.#options.changed(this.name);
  }

  /** A JPEG as viewers see the stream now. @throws ControlError, CaptureError `not-live`, `timeout`, `failed`. */
  async snapshot(): Promise<StillPicture> {
    const at = `/streams/${this.name}`;
    const [track] = this.media.getVideoTracks();
    if (this.video === undefined) throw new ControlError('unavailable', `stream '${this.name}' has no picture`, at);
    if (track === undefined) throw new ControlError('unavailable', `stream '${this.name}' is stopped`, at);
    return encodedOf(track).photo();
  }

  /** How loud its sound is; undefined while it flows to nobody. */
  async level(): Promise<SoundLevel | undefined> {
    try {
      return await this.audio?.level();
    } catch (error) {
      // It has just gone; the state of the stream says so.
      this.#options.log.debug({ err: error, stream: this.name }, 'no reading of the loudness');
      return undefined;
    }
  }

  /** Runs the sources whether or not somebody watches, and waits for the first picture (without one: sound). @throws ControlError `unavailable` with the reason. */
  async startCapture(): Promise<void> {
    this.open();
    this.#renditions.hold();
    const first = this.sources[0];
    if (first === undefined || this.#privacy) return;
    try {
      await first.live(AbortSignal.timeout(START_TIMEOUT_MS));
    } catch {
      const reason = first.stateReason ?? `no picture within ${START_TIMEOUT_MS / 1000} s`;
      throw new ControlError(
        'unavailable',
        `stream '${this.name}' does not start yet: ${reason}; it goes on trying`,
        `/streams/${this.name}`,
      );
    }
  }

  /**
   * Captures anew, in new processes, as the configuration wishes; viewers stay. Resolves when media flows, or after a
   * while: what does not come back shows in the state.
   * @throws ControlError `unavailable` for a stream that is stopped.
   */
  async restart(): Promise<void> {
    if (!this.opened)
      throw new ControlError('unavailable', `stream '${this.name}' is stopped`, `/streams/${this.name}`);
    const unconstrained = this.tracks.filter(isConstrained).map((track) => track.applyConstraints());
    for (const source of this.sources) source.restart();
    const running = this.sources.filter(({ state }) => state !== 'idle');
    const live = running.map((source) => source.live(AbortSignal.timeout(START_TIMEOUT_MS)));
    await Promise.allSettled([...unconstrained, ...live]);
    this.#options.changed(this.name);
  }

  /** Ends the tracks, which disconnects every viewer, and closes the devices. */
  async close(reason: string): Promise<void> {
    if (!this.opened) return;
    this.opened = false;
    this.#closedFor = reason;
    this.#renditions.close();
    // Another stream may have the same device.
    await Promise.all(this.sources.map((source) => source.settle()));
    this.#sourceChanged();
  }

  /** Closes it for good. */
  async end(reason: string): Promise<void> {
    await this.close(reason);
    for (const unobserve of this.#unobserve) unobserve();
  }

  /** Takes over what can change while it runs. @throws CaptureError for what an encoder refuses. */
  async configure(settings: StreamSettings): Promise<void> {
    const { start } = this.settings;
    this.settings = settings;
    if (this.video !== undefined)
      for (const [index, encoding] of settings.encodings.entries())
        if (!isDeepStrictEqual(encoding, this.encodings[index])) await this.setEncoding(encoding);
    for (const source of this.sources) source.idleTimeout = settings.idleTimeout * 1000;
    if (!this.opened || start === settings.start) return;
    if (settings.start === 'always') this.#renditions.hold();
    else this.#renditions.release();
  }

  /** Changes the encoder of one encoding. @throws ControlError for an unknown rid. @throws CaptureError for what the encoder refuses; then nothing has changed. */
  async setEncoding(change: EncodingChange | EncodingSettings): Promise<void> {
    const { encodings } = this;
    const { rid = encodings[0]?.rid, ...values } = change;
    const encoding = encodings.find((candidate) => candidate.rid === rid);
    if (encoding === undefined || this.video === undefined) {
      const known = encodings.map((candidate) => candidate.rid).join(', ');
      throw new ControlError(
        'not_found',
        `stream '${this.name}' has no video encoding '${rid}'; it has: ${known}`,
        '/rid',
      );
    }
    await this.#renditions.setEncoding({ ...encoding, ...values });
    this.#options.changed(this.name);
  }

  /** Asks for a key frame of the first encoding. */
  requestKeyFrame(): void {
    for (const track of this.media.getVideoTracks()) encodedOf(track).requestKeyFrame();
  }

  get traffic(): StreamTraffic {
    return this.#reporter.traffic;
  }

  report(viewers: Record<string, number>, urls: Record<string, string>): StreamReport {
    return this.#reporter.report(viewers, urls);
  }

  /** A stream is as well as its picture is; the state of its sound is in its track. */
  #sourceChanged(): void {
    const wanted = this.opened && this.tracks.some((track) => encodedOf(track).wanted);
    const state = this.#privacy ? 'privacy' : wanted ? this.#sourceState : 'idle';
    if (state !== this.#state) {
      const data = { from: this.#state, to: state, reason: this.reason };
      this.#state = state;
      this.#since = this.#options.clock.wall();
      this.#options.log.info({ stream: this.name, ...data }, `stream ${this.name} is ${state}`);
      this.#options.event('stream_state', this.name, data);
    }
    this.#options.changed(this.name);
  }

  get #sourceState(): StreamStateName {
    const source = this.video ?? this.sources[0];
    if (source === undefined) return 'idle';
    // While it is opened again nothing flows either.
    return source.muted && source.state === 'opening' ? 'muted' : STREAM_STATES[source.state];
  }

  /** The tracks of all renditions, each once. */
  get tracks(): MediaStreamTrack[] {
    return this.#renditions.tracks;
  }
}
