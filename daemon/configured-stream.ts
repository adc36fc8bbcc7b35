import type { EncodingSettings, StreamSettings } from '../config/settings.ts';
import type { CaptureSource } from './capture/capture-source.ts';
import { ControlError, type EncodingChange, type StreamReport, type StreamStateName } from './control/gateway-port.ts';
import type { Clock } from './lib/clock.ts';
import type { Log } from './lib/log.ts';
import { Rate } from './lib/rate.ts';
import { addTrackByGateway, MediaStream, removeTrackByGateway } from './media/media-stream.ts';
import { createTrack } from './media/media-stream-track.ts';

/** How long startCapture() waits for the first picture, in milliseconds. */
const START_TIMEOUT_MS = 10_000;

export interface ConfiguredStreamOptions {
  /** Makes the source of a stream's track; it keeps to the device that the settings wish for, through replug. */
  openSource: (stream: string, kind: 'video' | 'audio', settings: StreamSettings) => CaptureSource;
  clock: Clock;
  log: Log;
  /** Something of a stream's report has changed. */
  changed: (name: string) => void;
  event: (type: string, stream: string, data: Record<string, unknown>) => void;
}

/** One stream of the configuration. */
export class ConfiguredStream {
  readonly name: string;
  readonly settings: StreamSettings;
  /** The same object for the whole life of the gateway; its tracks come and go with {@link open} and {@link close}. */
  readonly media = new MediaStream();
  readonly sources: readonly CaptureSource[];
  readonly #options: ConfiguredStreamOptions;
  readonly #bitrate = new Rate();
  readonly #frameRate = new Rate();
  /** What makes the sources run although nobody may be watching. */
  #holds: (() => void)[] = [];
  readonly #encodings: EncodingSettings[];
  #state: StreamStateName = 'idle';
  #since: number;
  opened = false;
  #closedFor: string | undefined;

  constructor(name: string, settings: StreamSettings, options: ConfiguredStreamOptions) {
    this.name = name;
    this.settings = settings;
    this.#options = options;
    this.#encodings = settings.encodings.map((encoding) => ({ ...encoding }));
    this.#since = options.clock.wall();
    const kinds = (['video', 'audio'] as const).filter((kind) => settings[kind] !== false);
    this.sources = kinds.map((kind) => options.openSource(name, kind, settings));
    for (const source of this.sources) source.onStateChange(() => this.#sourceChanged());
  }

  get video(): CaptureSource | undefined {
    return this.sources.find((source) => source.kind === 'video');
  }

  /** Wanted, and yet its picture does not flow. */
  get failing(): boolean {
    return this.#state === 'muted' || this.#state === 'error';
  }

  /** Why the stream is in its state, for a person. */
  get reason(): string | undefined {
    if (!this.opened) return this.#closedFor;
    return (this.video ?? this.sources[0])?.stateReason;
  }

  /** Makes the stream available to viewers. */
  open(): void {
    if (this.opened) return;
    this.opened = true;
    for (const source of this.sources) addTrackByGateway(this.media, createTrack(source));
    if (this.settings.start === 'always') this.#hold();
    this.#sourceChanged();
  }

  /** Runs the sources whether or not somebody watches, and waits for the first picture (without one: sound). @throws ControlError `unavailable` with the reason. */
  async startCapture(): Promise<void> {
    this.open();
    this.#hold();
    const first = this.sources[0];
    if (first === undefined) return;
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

  /** Ends the tracks, which disconnects every viewer, and closes the devices. */
  async close(reason: string): Promise<void> {
    if (!this.opened) return;
    this.opened = false;
    this.#closedFor = reason;
    this.#release();
    for (const track of this.media.getTracks()) {
      track.stop();
      removeTrackByGateway(this.media, track);
    }
    await Promise.all(this.sources.map((source) => source.close()));
    this.#sourceChanged();
  }

  /** Changes the encoder of one encoding. @throws ControlError for an unknown rid. */
  setEncoding(change: EncodingChange): void {
    const { rid = this.#encodings[0]?.rid, ...values } = change;
    const encoding = this.#encodings.find((candidate) => candidate.rid === rid);
    if (encoding === undefined || this.video === undefined) {
      const known = this.#encodings.map((candidate) => candidate.rid).join(', ');
      throw new ControlError(
        'not_found',
        `stream '${this.name}' has no video encoding '${rid}'; it has: ${known}`,
        '/rid',
      );
    }
    const next = { ...encoding, ...values };
    // The first is the one that is made; what the encoder refuses throws here, and nothing has changed.
    if (encoding === this.#encodings[0]) this.video.setEncoding(next);
    Object.assign(encoding, next);
    this.#options.changed(this.name);
  }

  report(viewers: Record<string, number>, urls: Record<string, string>): StreamReport {
    const now = this.#options.clock.now();
    const rtp = this.sources.map((source) => source.rtp.stats);
    const reason = this.reason;
    return {
      name: this.name,
      state: this.#state,
      ...(reason === undefined ? {} : { reason }),
      since: new Date(this.#since).toISOString(),
      tracks: this.media.getTracks().map((track) => ({
        kind: track.kind,
        id: track.id,
        label: track.label,
        muted: track.muted,
        settings: { ...track.getSettings() },
      })),
      encodings: this.#encodings.map((encoding) => ({ ...encoding })),
      viewers,
      bitrate: Math.round(
        this.#bitrate.read(
          rtp.reduce((sum, stats) => sum + stats.octets, 0),
          now,
        ) * 8,
      ),
      frameRate: Math.round(this.#frameRate.read(this.video?.rtp.stats.frames ?? 0, now) * 10) / 10,
      urls,
    };
  }

  #hold(): void {
    if (this.#holds.length > 0) return;
    this.#holds = this.sources.map((source) => source.retain());
  }

  #release(): void {
    for (const release of this.#holds) release();
    this.#holds = [];
  }

  /** A stream is as well as its picture is; the state of its sound is in its track. */
  #sourceChanged(): void {
    const state = this.opened ? ((this.video ?? this.sources[0])?.state ?? 'idle') : 'idle';
    if (state !== this.#state) {
      const data = { from: this.#state, to: state, reason: this.reason };
      this.#state = state;
      this.#since = this.#options.clock.wall();
      this.#options.log.info({ stream: this.name, ...data }, `stream ${this.name} is ${state}`);
      this.#options.event('stream_state', this.name, data);
    }
    this.#options.changed(this.name);
  }
}
