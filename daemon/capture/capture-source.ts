import type { MediaClock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
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
import { CaptureError } from './capture-error.ts';
import { CaptureFailures, type UsbResetPolicy } from './capture-failures.ts';
import { type CaptureStateName, CaptureStatus, type CaptureTransition } from './capture-state.ts';
import { CodedCapture } from './coded-capture.ts';
import { uncodedOnly } from './coded-formats.ts';
import type { CaptureDevice } from './device.ts';
import { deviceCapabilities, deviceModes } from './device-capabilities.ts';
import { type CaptureFailure, DeviceCapture, type DeviceCaptureOptions, type LossStage } from './device-capture.ts';
import { EncodedTrack, type EncodedTrackOwner } from './encoded-track.ts';
import type { EncoderChoice } from './encoders.ts';
import { isLibcamera } from './libcamera-controls.ts';
import { Slates } from './slates.ts';
import { SourceDevice, type SourceDeviceOptions } from './source-device.ts';
import { SourcePictures } from './source-pictures.ts';
import type { TestPattern } from './video-pipeline.ts';

/** How long a change of settings may take to be in force. */
const CHANGE_TIMEOUT_MS = 10_000;
/** Tracks that one worker encodes for; those that nobody consumes are left out first. */
const MAXIMUM_TRACKS = 8;

export interface CaptureSourceOptions extends SourceDeviceOptions {
  /** Where encoders of pictures come from, chosen once for the machine. */
  encoders: EncoderChoice;
  clock: MediaClock;
  /** RTCP canonical name, the same for all tracks of the process. */
  cname: string;
  /** Text on the test picture, and on the one that stands for the device while that is silent. */
  text?: string;
  /** What the test picture shows; default `smpte75`. */
  pattern?: TestPattern;
  /** Milliseconds from the last release to the closing of the device. */
  idleTimeout: number;
  /** More environment of the worker; see {@link gstreamerEnvironment}. */
  environment?: Readonly<Record<string, string>>;
  /** What else is captured: it may be in the way. */
  captured?: () => readonly CaptureDevice[];
  usbReset?: UsbResetPolicy;
  startWorker?: DeviceCaptureOptions['startWorker'];
}

/** Counters since the source was made. */
export interface CaptureSourceStats {
  /** Lives that ended against our will, by reason: `crash`, `stall`, `device`, `stream`, `ended`, `pipeline`. */
  readonly restarts: Readonly<Record<string, number>>;
  readonly transitions: Iterable<Readonly<CaptureTransition>>;
  /** Frames that no track could have: left out by the device, or dropped because their conversion was busy. */
  readonly lost: Readonly<Record<LossStage, number>>;
}

/**
 * A camera, a microphone or a test source as the tracks of the gateway stand on it: captured once, encoded for each track
 * while somebody wants it. The tracks' RTP streams outlive the device: while that is silent a slate stands for it.
 */
export class CaptureSource implements TrackSource, EncodedTrackOwner {
  readonly kind: 'video' | 'audio';
  readonly #restarts: Record<string, number> = {};
  readonly #lost: Record<LossStage, number> = { capture: 0, conversion: 0 };
  readonly #options: CaptureSourceOptions;
  readonly #log: Log;
  readonly #capture: DeviceCapture;
  readonly #slates: Slates;
  readonly #coded: CodedCapture;
  readonly #pictures: SourcePictures;
  readonly #observers = new Set<TrackSourceObserver>();
  readonly #listeners = new Set<() => void>();
  readonly #status = new CaptureStatus();
  readonly #tracks = new Set<EncodedTrack>();
  readonly #device: SourceDevice;
  readonly #failures: CaptureFailures;
  #holds = 0;
  #idleTimer: NodeJS.Timeout | undefined;
  /** What a program pushed last. */
  #pushed: Uint8Array | undefined;

  constructor(options: CaptureSourceOptions) {
    const { kind, clock, encoders, pattern, startWorker, environment = {} } = options;
    this.kind = kind;
    this.#options = options;
    this.#device = new SourceDevice(options);
    this.#log = options.log;
    this.#failures = new CaptureFailures({
      device: () => this.device,
      captured: options.captured,
      usbReset: options.usbReset,
      explained: (reason) => this.#status.explain(reason),
      log: options.log,
    });
    const common = { kind, environment, clock: clock.clock, log: options.log, startWorker };
    this.#coded = new CodedCapture({
      ...common,
      clock,
      cname: options.cname,
      encoders,
      tracks: () => [...this.#tracks],
      device: () => this.#device.last,
      flowing: () => !this.muted && this.state !== 'idle',
      unsuitable: (reason) => {
        this.#log.warn({ device: this.label }, `${this.label} cannot be passed through: ${reason}; it is encoded here`);
        this.restart();
      },
    });
    this.#capture = new DeviceCapture({
      ...common,
      encoders,
      ...(pattern && { pattern }),
      owner: {
        device: () => this.#taken,
        prepare: (device) => this.#prepare(device),
        plan: (device, tracks) => this.#coded.plan(device, tracks),
        opening: () => this.#device.opening,
        patience: () => this.device?.rtsp?.timeout,
        tracks: () => (this.#coded.decide() ? [this.#coded.native] : this.#selectTracks()),
        flowsTo: (track) => track === this.#coded.native || (track.wanted && !track.private),
        text: () => this.#options.text,
        photo: () => this.#pictures.photoSize,
        pushed: () => this.#pushed,
        packet: (track, packet, life) => {
          if (track.private) return;
          const { frames } = track.rtp.stats;
          track.push(life, packet);
          // What comes before the first key frame is nothing to be seen.
          if (track.rtp.stats.frames > frames) this.#flows();
        },
        lost: (stage, frames) => {
          this.#lost[stage] += frames;
        },
        begun: () => this.#status.on('begun'),
        flows: () => this.#flows(),
        unprepared: (failure, delay) => this.#failed(failure, delay),
        died: (failure, delay) => {
          this.#restarts[failure.reason] = (this.#restarts[failure.reason] ?? 0) + 1;
          this.#failed(failure, delay);
        },
      },
    });
    this.#slates = new Slates({
      ...common,
      encoders,
      ...(options.text !== undefined && { text: options.text }),
      tracks: () => [...this.#tracks].filter(({ problem }) => problem === undefined),
      darkens: (track) => this.#coded.darkens(track),
      reason: () => this.#status.reason,
    });
    this.#pictures = new SourcePictures({
      kind,
      status: this.#status,
      capture: this.#capture,
      coded: this.#coded,
      slates: this.#slates,
      hold: () => this.hold(),
      adapt: () => this.#adaptLayout(),
    });
    this.#status.onChange((was) => {
      if (this.muted !== was.muted) for (const observer of [...this.#observers]) observer.mutedChanged();
      this.#changed();
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
    return { restarts: this.#restarts, transitions: this.#status.transitions, lost: this.#lost };
  }

  /** Why nothing flows, for a person. */
  get stateReason(): string | undefined {
    return this.#status.reason;
  }

  /** What is behind the last failure, for a person; undefined where that speaks for itself. */
  get explanation(): Promise<string | undefined> {
    return this.#failures.explanation;
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
    return this.#capture.life?.plan?.encoders ?? [];
  }

  /** What encodes a track, once that is chosen, and what that cannot do of what is asked for. */
  encodingOf(track: EncodedStream): { encoder?: string; limit?: string } {
    const { plan, tracks = [] } = this.#capture.life ?? {};
    const index = tracks.findIndex(({ rtp }) => rtp === track.rtp);
    const [encoder, limit] = [plan?.encoders[index], plan?.limits[index]];
    return { ...(encoder !== undefined && { encoder }), ...(limit !== undefined && { limit }) };
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
    const { clock, cname } = this.#options;
    const track = new EncodedTrack(this, { kind: this.kind, configuration, clock, cname });
    this.#tracks.add(track);
    return track;
  }

  hold(): () => void {
    this.#holds += 1;
    this.#wantedChanged();
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#holds -= 1;
      this.#wantedChanged();
    };
  }

  /** Milliseconds, from the next last release on. */
  set idleTimeout(milliseconds: number) {
    this.#options.idleTimeout = milliseconds;
  }

  /** Closes the device now, whoever still wants it; who wants it next opens it again. Idempotent. */
  async close(): Promise<void> {
    clearTimeout(this.#idleTimer);
    this.#status.on('unwanted');
    await Promise.all([this.#capture.stop(), this.#coded.stop(), this.#slates.stop()]);
  }

  /** Closes the device at once where no track is left, and waits for it. */
  async settle(): Promise<void> {
    if (this.#tracks.size === 0) await this.close();
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
    if (!news && (device === undefined || !this.muted || this.state === 'opening')) {
      this.#followControls();
      return;
    }
    if (device !== undefined) this.#status.on('found');
    if (device === undefined || !this.#capture.deviceCame()) this.restart();
  }

  /** Resolves when media flows; rejects with the signal's reason. */
  live(signal?: AbortSignal): Promise<void> {
    return this.#status.live(signal);
  }

  async setControls(settings: MediaTrackSettings): Promise<void> {
    await this.#device.setControls(settings);
    this.#followControls();
  }

  /**
   * A JPEG of the picture as it is now; opens the device for it where nobody watches. For a size beyond the captured one
   * the camera is switched over to its nearest for a moment.
   * @throws CaptureError `not-live`, `timeout`, `failed`, `invalid-value`.
   */
  photo(wish: PhotoWish = {}): Promise<StillPicture> {
    return this.#pictures.photo(wish, this.device?.bus !== 'test' && !this.#coded.suits);
  }

  /** @throws CaptureError `not-live`, `timeout`, `failed`, `invalid-value`. */
  grab(): Promise<RawPicture> {
    return this.#pictures.grab();
  }

  /** How loud the sound is; undefined while the device is not open for somebody, or nobody decodes its sound. */
  async level(): Promise<SoundLevel | undefined> {
    if (this.kind !== 'audio' || !this.flowing || this.#coded.active) return undefined;
    return this.#capture.takeLevel();
  }

  /**
   * The next picture of a pushed device, in its format and size. It is the one that viewers see until the next.
   * @returns false when it came too fast and is left out.
   */
  push(frame: Uint8Array): boolean {
    this.#pushed = frame;
    return this.#capture.life?.push(frame) ?? true;
  }

  /** @internal */
  trackSettings(track: EncodedTrack): MediaTrackSettings {
    const planned = this.#device.last;
    const settings =
      this.#capture.life?.settingsOf(track) ??
      this.#coded.settingsOf(track) ??
      (planned && this.#tryPlan(planned, track)) ??
      track.configuration.settings;
    return { ...settings, ...this.#device.settings };
  }

  /** @internal */
  trackProblem(track: EncodedTrack): string | undefined {
    if (this.kind === 'audio' || this.#coded.passes(track)) return undefined;
    return this.#options.encoders.problem(track.codec);
  }

  /** @internal */
  async configureTrack(track: EncodedTrack, next: TrackConfiguration): Promise<void> {
    const before = track.configuration;
    track.configuration = next;
    try {
      // Refuses what no encoder could do, though none may run now.
      if (this.device !== undefined) this.#capture.plan(this.device, [track]);
      if (before.privacy !== next.privacy) this.#privacyChanged(track);
      else {
        const begins = this.#adaptLayout();
        this.#slates.trackChanged(track);
        this.#pictures.update();
        if (begins) await this.live(AbortSignal.timeout(CHANGE_TIMEOUT_MS));
      }
    } catch (error) {
      track.configuration = before;
      this.#adaptLayout();
      throw error instanceof CaptureError ? error : this.#status.notLive();
    }
  }

  /** @internal */
  trackWanted(track: EncodedTrack): void {
    const known = this.#coded.active || this.#capture.setGate(track);
    if (!known && this.#capture.life !== undefined && track.wanted && !track.private && !track.problem) this.restart();
    this.#wantedChanged();
    this.#slates.trackChanged(track);
  }

  /** @internal */
  trackClosed(track: EncodedTrack): void {
    this.#tracks.delete(track);
    this.#slates.trackChanged(track);
    if (this.#tracks.size === 0) void this.close();
  }

  /** @internal */
  sendKeyFrameRequest(track: EncodedTrack): void {
    const life =
      this.#slates.lifeOf(track) ?? this.#coded.lifeOf(track) ?? (this.flowing ? this.#capture.life : undefined);
    life?.requestKeyFrame(track);
  }

  /** @internal */
  trackPhoto(track: EncodedTrack): Promise<StillPicture> {
    return this.#pictures.trackPhoto(track);
  }

  /** @internal */
  watchJpegs(track: EncodedTrack, reader: (jpeg: Buffer) => void): () => void {
    const stop = this.#pictures.watchJpegs(track, reader);
    this.#wantedChanged();
    return () => {
      stop();
      this.#wantedChanged();
    };
  }

  get #wanted(): boolean {
    if (this.#holds > 0 || this.#pictures.wanted) return true;
    for (const track of this.#tracks) if (track.wanted && !track.private) return true;
    return false;
  }

  #wantedChanged(): void {
    clearTimeout(this.#idleTimer);
    if (this.#wanted) this.#start();
    else if (this.state !== 'idle') {
      this.#idleTimer = setTimeout(() => this.#closeDevice(), this.#options.idleTimeout);
      this.#idleTimer.unref();
    }
    this.#changed();
  }

  /** The slates go on, for those who see nothing but them. */
  #closeDevice(): void {
    clearTimeout(this.#idleTimer);
    this.#status.on('unwanted');
    void this.#capture.stop();
  }

  /** The device closes at once where nobody else has it. */
  #privacyChanged(track: EncodedTrack): void {
    if (this.#wanted) this.trackWanted(track);
    else {
      this.#capture.setGate(track);
      this.#closeDevice();
      this.#slates.trackChanged(track);
      this.#changed();
    }
  }

  #changed(): void {
    this.#coded.update();
    this.#slates.update(this.muted);
    this.#pictures.update();
    for (const listener of [...this.#listeners]) listener();
  }

  /** What would be captured, for settings() before the first start. */
  #tryPlan(device: CaptureDevice, track: EncodedTrack): MediaTrackSettings | undefined {
    try {
      return this.#capture.plan(this.#takenFrom(device), [track]).settings[0];
    } catch {
      return undefined;
    }
  }

  /** The tracks that the next life encodes for. What cannot be encoded here fails it only where there is nothing else. */
  #selectTracks(): EncodedTrack[] {
    const all = [...this.#tracks].filter((track) => !track.private);
    const able = all.filter(({ problem }) => problem === undefined);
    const tracks = able.length > 0 ? able : all;
    return [...tracks.filter(({ wanted }) => wanted), ...tracks.filter(({ wanted }) => !wanted)].slice(
      0,
      MAXIMUM_TRACKS,
    );
  }

  /**
   * Brings a running worker to what its tracks ask for now: while it runs where it can, else by another life.
   * @returns whether it is another life, whose media is yet to come.
   */
  #adaptLayout(): boolean {
    const other = this.#capture.life !== undefined && this.#coded.active !== this.#coded.suits;
    const adapted = other ? false : this.#capture.adapt();
    this.#coded.update();
    if (adapted === false) this.restart();
    this.#slates.adapt();
    return adapted === undefined ? this.state === 'opening' : !adapted;
  }

  /** Where a camera's controls are a part of its pipeline, that has to follow them. */
  #followControls(): void {
    if (this.device !== undefined && isLibcamera(this.device)) this.#adaptLayout();
  }

  #start(): void {
    this.#status.on('wanted');
    if (this.device === undefined) this.#status.on('lost', this.#device.absence);
    // Without a device its worker stands by: to load GStreamer takes longer than to open a camera.
    this.#capture.start();
  }

  /** Another life with what is asked for now: at once, whatever the back-off says. Readers stay. */
  restart(): void {
    if (this.state === 'idle') return;
    void this.#capture.stop();
    if (this.device !== undefined) this.#status.on('replaced');
    this.#start();
  }

  get #taken(): CaptureDevice | undefined {
    return this.device && this.#takenFrom(this.device);
  }

  /** A device as the next life, or this one, takes it. */
  #takenFrom(device: CaptureDevice): CaptureDevice {
    return this.#coded.suits ? device : uncodedOnly(device);
  }

  async #prepare(device: CaptureDevice): Promise<CaptureDevice> {
    const prepared = await this.#device.prepare(device);
    // It may encode otherwise than was assumed: that takes another number of pipes.
    if (prepared.rtsp !== undefined && this.#coded.active !== this.#coded.suits) this.restart();
    return prepared;
  }

  #failed(failure: CaptureFailure, delay: number): void {
    const { reason, known } = this.#failures.failed(failure);
    // A device that somebody else has is tried for days: it is told once.
    const level = known ? 'debug' : 'warn';
    this.#log[level]({ ...failure, delay: Math.round(delay) }, `capture interrupted: ${failure.message}`);
    if (failure.reason === 'stall') this.#status.on('stalled', reason);
    this.#status.on(failure.reason === 'pipeline' ? 'refused' : 'died', reason);
  }

  #flows(): void {
    if (this.flowing) return;
    this.#failures.over();
    this.#log.info({ device: this.label, encoders: this.encoders }, `capturing from ${this.label}`);
    this.#status.on('packet');
  }
}
