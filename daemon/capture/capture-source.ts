import type { MediaTrackCapabilities, MediaTrackSettings } from '../media/track-dictionaries.ts';
import type {
  EncodedStream,
  PhotoWish,
  RawPicture,
  SoundLevel,
  StillPicture,
  TrackConfiguration,
  TrackSource,
  TrackSourceObserver,
  VideoMode,
} from '../media/track-source.ts';
import type { CaptureSourceStats } from './capture-outcomes.ts';
import { type CaptureStateName, CaptureStatus } from './capture-state.ts';
import type { CaptureDevice } from './device.ts';
import { deviceCapabilities, deviceModes } from './device-capabilities.ts';
import type { EncodedTrack } from './encoded-track.ts';
import { SourceCapture, type SourceCaptureOptions } from './source-capture.ts';
import { SourceDevice, type SourceDeviceOptions } from './source-device.ts';

export interface CaptureSourceOptions extends SourceDeviceOptions, SourceCaptureOptions {}

/**
 * A camera, a microphone or a test source as the tracks of the gateway stand on it: captured once, encoded for each track
 * while somebody wants it. The tracks' RTP streams outlive the device: while that is silent a slate stands for it.
 */
export class CaptureSource implements TrackSource {
  readonly kind: 'video' | 'audio';
  readonly #capture: SourceCapture;
  readonly #observers = new Set<TrackSourceObserver>();
  readonly #listeners = new Set<() => void>();
  readonly #status = new CaptureStatus();
  readonly #device: SourceDevice;

  constructor(options: CaptureSourceOptions) {
    this.kind = options.kind;
    this.#device = new SourceDevice(options);
    this.#capture = new SourceCapture(options, this.#device, this.#status, () => {
      for (const listener of [...this.#listeners]) listener();
    });
    this.#status.onChange((was) => {
      if (this.muted !== was.muted) for (const observer of [...this.#observers]) observer.mutedChanged();
      this.#capture.update();
    });
  }

  get label(): string {
    return this.#device.label;
  }

  /** The device that is captured, undefined while the one that is wished for is not there. */
  get device(): CaptureDevice | undefined {
    return this.#device.current;
  }

  /** The device that was captured last, though it may be away now. */
  get lastDevice(): CaptureDevice | undefined {
    return this.#device.last;
  }

  get state(): CaptureStateName {
    return this.#status.name;
  }

  get stats(): CaptureSourceStats {
    return this.#capture.outcomes.statsWith(this.#capture.coded.dropped);
  }

  /** Why nothing flows, for a person. */
  get stateReason(): string | undefined {
    return this.#status.reason;
  }

  /** What is behind the last failure, for a person; undefined where that speaks for itself. */
  get explanation(): Promise<string | undefined> {
    return this.#capture.outcomes.explanation;
  }

  get muted(): boolean {
    return this.#status.muted;
  }

  get mutedReason(): string | undefined {
    return this.#status.reason;
  }

  get flowing(): boolean {
    return this.state === 'live';
  }

  /** The elements that encode, once they are chosen; none where the device's own encoding goes out. */
  get encoders(): readonly string[] {
    return this.#capture.encodings.encoders;
  }

  /** What encodes a track, once that is chosen, and what that cannot do of what is asked for. */
  encodingOf(track: EncodedStream): { encoder?: string; limit?: string } {
    return this.#capture.encodings.encodingOf(track);
  }

  /** Process of the worker while it runs. */
  get pid(): number | undefined {
    return this.#capture.pid;
  }

  capabilities(): MediaTrackCapabilities {
    return this.device === undefined ? {} : deviceCapabilities(this.device);
  }

  modes(): readonly VideoMode[] {
    return this.device === undefined ? [] : deviceModes(this.device);
  }

  observe(observer: TrackSourceObserver): () => void {
    this.#observers.add(observer);
    return () => this.#observers.delete(observer);
  }

  /** Adds a listener for every change of {@link state}, {@link stateReason} or of what is wanted; returns what removes it. */
  onStateChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  encode(configuration: TrackConfiguration): EncodedTrack {
    return this.#capture.encode(configuration);
  }

  hold(): () => void {
    return this.#capture.demand.hold();
  }

  /** Milliseconds, from the next last release on. */
  set idleTimeout(milliseconds: number) {
    this.#capture.demand.idleTimeout = milliseconds;
  }

  /** Closes the device now, whoever still wants it; who wants it next opens it again. Idempotent. */
  close(): Promise<void> {
    return this.#capture.close();
  }

  /** Closes the device at once where no track is left, and waits for it. */
  async settle(): Promise<void> {
    if (this.#capture.demand.tracks.size === 0) await this.close();
  }

  /** Ends the source for good: its tracks end, its device is closed. */
  async end(): Promise<void> {
    const closed = this.close();
    for (const observer of [...this.#observers]) observer.ended();
    await closed;
  }

  /** Captures from another device from now on, or waits for one: the stream goes on. */
  setDevice(device: CaptureDevice | undefined): void {
    const news = this.#device.replace(device);
    // Another look at a device that could not be captured is worth another attempt.
    if (!news && (device === undefined || !this.muted || this.state === 'opening')) this.#capture.followControls();
    else this.#capture.deviceReplaced();
  }

  /** Another life with what is asked for now: at once, whatever the back-off says. Readers stay. */
  restart(): void {
    this.#capture.restart();
  }

  /** Resolves when media flows; rejects with the signal's reason. */
  live(signal?: AbortSignal): Promise<void> {
    return this.#status.live(signal);
  }

  async setControls(settings: MediaTrackSettings): Promise<void> {
    await this.#device.setControls(settings);
    this.#capture.followControls();
  }

  /**
   * A JPEG of the picture as it is now; opens the device for it where nobody watches. For a size beyond the captured one
   * the camera is switched over to its nearest for a moment.
   * @throws CaptureError `not-live`, `timeout`, `failed`, `invalid-value`.
   */
  photo(wish: PhotoWish = {}): Promise<StillPicture> {
    const { pictures, coded } = this.#capture;
    return pictures.photo(wish, this.device?.bus !== 'test' && !coded.suits);
  }

  /** @throws CaptureError `not-live`, `timeout`, `failed`, `invalid-value`. */
  grab(): Promise<RawPicture> {
    return this.#capture.pictures.grab();
  }

  /** How loud the sound is; undefined while the device is not open for somebody, or nobody decodes its sound. */
  async level(): Promise<SoundLevel | undefined> {
    return this.kind === 'audio' ? this.#capture.level() : undefined;
  }

  /**
   * The next picture of a pushed device, in its format and size. It is the one that viewers see until the next.
   * @returns false when it came too fast and is left out.
   */
  push(frame: Uint8Array): boolean {
    return this.#capture.push(frame);
  }
}
