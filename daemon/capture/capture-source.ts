import type { ChildExit } from '../lib/child.ts';
import type { MediaClock } from '../lib/clock.ts';
import { type Log, quiet } from '../lib/log.ts';
import { Supervisor } from '../lib/supervisor.ts';
import type { MediaTrackCapabilities, MediaTrackSettings } from '../media/track-dictionaries.ts';
import type {
  PhotoWish,
  RawPicture,
  StillPicture,
  TrackConfiguration,
  TrackSource,
  TrackSourceObserver,
  VideoMode,
} from '../media/track-source.ts';
import { controlSettings } from './camera-controls.ts';
import { CaptureError } from './capture-error.ts';
import { CaptureLife } from './capture-life.ts';
import { type CapturePlan, planCapture } from './capture-plan.ts';
import { type CaptureStateName, CaptureStatus } from './capture-state.ts';
import type { CaptureDevice } from './device.ts';
import { deviceCapabilities, deviceModes } from './device-capabilities.ts';
import { EncodedTrack, type EncodedTrackOwner } from './encoded-track.ts';
import type { EncoderChoice, H264Encoder } from './encoders.ts';
import { type Picture, PictureRequests } from './picture-requests.ts';
import type { TestPattern } from './pipeline.ts';
import { SourceControls } from './source-controls.ts';
import type { PictureFormat, WorkerCommand, WorkerFailure, WorkerReport } from './worker-messages.ts';
import { type CaptureWorker, startCaptureWorker } from './worker-process.ts';

/** A camera may take seconds to open and to deliver its first picture. */
const START_TIMEOUT_MS = 10_000;
/** The first restart is at once, the ones after it ever later. */
const BACKOFF = { minimum: 20, maximum: 5000 };
const PICTURE_TIMEOUT_MS = 8000;
/** How long a change of settings may take to be in force. */
const CHANGE_TIMEOUT_MS = 10_000;
/** Without a report of its flow for this long a device of which nothing is encoded counts as hung. */
const FLOW_TIMEOUT_MS = 3000;
/** Tracks that one worker encodes for; those that nobody consumes are left out first. */
const MAXIMUM_TRACKS = 8;

export interface CaptureSourceOptions {
  kind: 'video' | 'audio';
  /** What to capture from; undefined while the device that is wished for is not there. */
  device: CaptureDevice | undefined;
  /** What the device is to be called while it is not there: the wish as configured. */
  wishedDevice?: string;
  /** The encoder of the picture, chosen once for the machine. */
  encoders: EncoderChoice;
  clock: MediaClock;
  /** RTCP canonical name, the same for all tracks of the process. */
  cname: string;
  log: Log;
  /** Text on the test picture. */
  text?: string;
  /** What the test picture shows; default `smpte75`. */
  pattern?: TestPattern;
  /** Milliseconds from the last release to the closing of the device. */
  idleTimeout: number;
  /** Controls of the device were set: whoever keeps a table of devices reads them again. */
  controlsChanged?: (device: CaptureDevice) => void;
  /** More environment of the worker; see {@link gstreamerEnvironment}. */
  environment?: Readonly<Record<string, string>>;
}

/** Counters since the source was made. */
export interface CaptureSourceStats {
  /** Lives that ended against our will, by reason: `crash`, `stall`, `device`, `stream`, `ended`, `pipeline`. */
  readonly restarts: Readonly<Record<string, number>>;
}

interface Failure {
  reason: WorkerFailure | 'crash' | 'stall';
  message: string;
}

/**
 * A camera, a microphone or a test source as the tracks of the gateway stand on it: a supervised worker process that
 * captures once and encodes for each track while somebody wants it. The tracks' RTP streams outlive the worker.
 */
export class CaptureSource implements TrackSource, EncodedTrackOwner {
  readonly kind: 'video' | 'audio';
  readonly stats = { restarts: {} as Record<string, number> } satisfies CaptureSourceStats;
  readonly #options: CaptureSourceOptions;
  readonly #log: Log;
  readonly #supervisor: Supervisor<WorkerCommand, WorkerReport>;
  readonly #pictures: PictureRequests;
  readonly #observers = new Set<TrackSourceObserver>();
  readonly #listeners = new Set<() => void>();
  readonly #status = new CaptureStatus();
  readonly #tracks = new Set<EncodedTrack>();
  #device: CaptureDevice | undefined;
  #lastDevice: CaptureDevice | undefined;
  #holds = 0;
  #idleTimer: NodeJS.Timeout | undefined;
  readonly #controls = new SourceControls();
  /** The life that counts; one that was asked to stop does not. */
  #life: CaptureLife | undefined;
  /** What a program pushed last. */
  #pushed: Uint8Array | undefined;
  /** The size of a photo that the capture has to serve. */
  #photo: { width: number; height: number } | undefined;
  #photos: Promise<unknown> = Promise.resolve();
  #lastSignAt = 0;
  /** Why this life of the worker is of no use, once it is known. */
  #failure: Failure | undefined;

  constructor(options: CaptureSourceOptions) {
    const { kind, clock } = options;
    this.kind = kind;
    this.#options = options;
    this.#device = options.device;
    this.#lastDevice = options.device;
    this.#log = options.log;
    this.#pictures = new PictureRequests({
      timeout: PICTURE_TIMEOUT_MS,
      send: (id, format) => this.#life?.worker.send({ type: 'picture', id, format }) ?? false,
    });
    this.#status.onChange((was) => {
      if (this.muted !== was.muted) for (const observer of [...this.#observers]) observer.mutedChanged();
      this.#changed();
    });
    const source = this;
    this.#supervisor = new Supervisor<WorkerCommand, WorkerReport>({
      name: `${kind} capture`,
      // What it has to tell we tell with the reason.
      log: quiet(this.#log),
      start: () => this.#startWorker(),
      died: (exit, delay) => this.#workerDied(exit, delay),
      // Depends on the frame rate, which may change from life to life.
      get progressTimeout() {
        return source.#stallTimeout;
      },
      startTimeout: START_TIMEOUT_MS,
      backoff: BACKOFF,
      clock: clock.clock,
    });
  }

  get label(): string {
    return this.#lastDevice?.label ?? this.#options.wishedDevice ?? '';
  }

  /** The device that is captured, undefined while the one that is wished for is not there. */
  get device(): CaptureDevice | undefined {
    return this.#device;
  }

  /** The device that was captured last, though it may be away now. */
  get lastDevice(): CaptureDevice | undefined {
    return this.#lastDevice;
  }

  get state(): CaptureStateName {
    return this.#status.name;
  }

  /** Why the state is `muted` or `error`, for a person. */
  get stateReason(): string | undefined {
    return this.#status.reason;
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

  /** The element that encodes, once it is chosen. */
  get encoder(): string | undefined {
    return this.#life?.plan?.encoder;
  }

  /** Process of the worker while it runs. */
  get pid(): number | undefined {
    return this.#supervisor.child?.pid;
  }

  capabilities(): MediaTrackCapabilities {
    return this.#device === undefined ? {} : deviceCapabilities(this.#device);
  }

  modes(): readonly VideoMode[] {
    return this.#device === undefined ? [] : deviceModes(this.#device);
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

  /** Closes the device now, whoever still wants it; who wants it next opens it again. Idempotent. */
  async close(): Promise<void> {
    clearTimeout(this.#idleTimer);
    this.#pictures.fail(new CaptureError('not-live', 'the device was closed'));
    this.#status.on('unwanted');
    await this.#stopWorker();
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
    const before = this.#device;
    this.#device = device;
    if (device === undefined) this.#controls.forgotten();
    this.#lastDevice = device ?? this.#lastDevice;
    if (before?.deviceId === device?.deviceId && before?.path === device?.path && !this.muted) return;
    this.restart();
  }

  /** Resolves when media flows; rejects with the signal's reason. */
  live(signal?: AbortSignal): Promise<void> {
    return this.#status.live(signal);
  }

  async setControls(settings: MediaTrackSettings): Promise<void> {
    const device = await this.#controls.set(this.#device, settings);
    if (this.#device?.deviceId === device.deviceId) this.#device = device;
    this.#options.controlsChanged?.(device);
  }

  /**
   * A JPEG of the picture as it is now; opens the device for it where nobody watches. For a size beyond the captured one
   * the camera is switched over to its nearest for a moment.
   * @throws CaptureError `not-live`, `timeout`, `failed`, `invalid-value`.
   */
  async photo({ width = 0, height = 0 }: PhotoWish = {}): Promise<StillPicture> {
    if (width * height === 0 || this.#device?.bus === 'test') return jpeg(await this.#picture('jpeg'));
    // One after the other: each switches the camera for itself.
    const taken = this.#photos.then(async () => {
      this.#photo = { width, height };
      try {
        this.#adaptLayout();
        return jpeg(await this.#picture('jpeg'));
      } finally {
        this.#photo = undefined;
        this.#adaptLayout();
      }
    });
    this.#photos = taken.catch(() => undefined);
    return taken;
  }

  /** @throws CaptureError `not-live`, `timeout`, `failed`, `invalid-value`. */
  grab(): Promise<RawPicture> {
    return this.#picture('rgba');
  }

  /**
   * The next picture of a pushed device, in its format and size. It is the one that viewers see until the next.
   * @returns false when it came too fast and is left out.
   */
  push(frame: Uint8Array): boolean {
    this.#pushed = frame;
    return this.#life?.push(frame) ?? true;
  }

  /** @internal */
  trackSettings(track: EncodedTrack): MediaTrackSettings {
    const device = this.#device;
    if (device === undefined) return {};
    const { deviceId, groupId } = device;
    const settings = this.#life?.settingsOf(track) ?? this.#tryPlan([track])?.settings[0];
    const controls = device.kind === 'videoinput' ? controlSettings(device.controls) : {};
    return { ...settings, ...controls, deviceId, groupId };
  }

  /** @internal */
  async configureTrack(track: EncodedTrack, next: TrackConfiguration): Promise<void> {
    const before = track.configuration;
    track.configuration = next;
    try {
      // Refuses what no encoder could do, though none may run now.
      if (this.#device !== undefined) this.#plan(this.#device, [track]);
      if (this.#adaptLayout()) await this.live(AbortSignal.timeout(CHANGE_TIMEOUT_MS));
    } catch (error) {
      track.configuration = before;
      this.#adaptLayout();
      throw error instanceof CaptureError ? error : this.#notLive();
    }
  }

  /** @internal */
  trackWanted(track: EncodedTrack): void {
    if (this.#life?.has(track)) this.#life.setGate(track);
    else if (this.#life !== undefined && track.wanted) this.restart();
    this.#wantedChanged();
  }

  /** @internal */
  trackClosed(track: EncodedTrack): void {
    this.#tracks.delete(track);
    if (this.#tracks.size === 0) void this.close();
  }

  /** @internal */
  trackFrame(): void {
    this.#flows();
  }

  /** @internal */
  sendKeyFrameRequest(track: EncodedTrack): void {
    this.#life?.requestKeyFrame(track);
  }

  get #pushes(): boolean {
    return this.#device?.bus === 'push';
  }

  get #wanted(): boolean {
    if (this.#holds > 0) return true;
    for (const track of this.#tracks) if (track.wanted) return true;
    return false;
  }

  /** Without a sign of life for this long a worker that had given some counts as hung, in milliseconds. */
  get #stallTimeout(): number {
    const { tracks = [], plan } = this.#life ?? {};
    if (this.#pushes || !tracks.some(({ wanted }) => wanted)) return FLOW_TIMEOUT_MS;
    const interval = 1000 / (plan?.settings[0]?.frameRate ?? 50);
    return Math.max(700, Math.min(2000, interval * 8), interval * 3);
  }

  #wantedChanged(): void {
    clearTimeout(this.#idleTimer);
    if (this.#wanted) this.#start();
    else if (this.state !== 'idle') {
      this.#idleTimer = setTimeout(() => void this.close(), this.#options.idleTimeout);
      this.#idleTimer.unref();
    }
    this.#changed();
  }

  #changed(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  async #picture(format: PictureFormat): Promise<Picture> {
    if (this.kind !== 'video') throw new CaptureError('invalid-value', 'a microphone has no picture');
    const release = this.hold();
    try {
      await this.live(AbortSignal.timeout(PICTURE_TIMEOUT_MS)).catch(() => {
        throw this.#notLive();
      });
      return await this.#pictures.take(format);
    } finally {
      release();
    }
  }

  #notLive(): CaptureError {
    return new CaptureError('not-live', `no picture: ${this.stateReason ?? 'the device is still starting'}`);
  }

  /** @throws CaptureError `invalid-value`. */
  #plan(device: CaptureDevice, tracks: readonly EncodedTrack[], encoder: H264Encoder = 'x264enc'): CapturePlan {
    const { text, pattern = 'smpte75' } = this.#options;
    return planCapture({
      device,
      tracks: tracks.map(({ configuration, wanted }) => ({ configuration, open: wanted })),
      encoder,
      pattern,
      text,
      photo: this.#photo,
    });
  }

  /** What would be captured, for settings() before the first start. */
  #tryPlan(tracks: readonly EncodedTrack[]): CapturePlan | undefined {
    if (this.#device === undefined) return undefined;
    try {
      return this.#plan(this.#device, tracks);
    } catch {
      return undefined;
    }
  }

  /** The tracks that the next life encodes for. */
  #selectTracks(): EncodedTrack[] {
    const tracks = [...this.#tracks];
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
    const { tracks, plan } = this.#life ?? {};
    if (tracks === undefined || plan === undefined || this.#device === undefined) return this.state === 'starting';
    if (this.#life?.adapt(this.#plan(this.#device, tracks, plan.encoder as H264Encoder))) return false;
    this.restart();
    return true;
  }

  #start(): void {
    this.#status.on('wanted');
    if (this.#device !== undefined) {
      this.#supervisor.start();
      return;
    }
    const wished = this.#options.wishedDevice;
    const kind = this.kind === 'video' ? 'camera' : 'microphone';
    this.#status.on('lost', wished === undefined ? `no ${kind}` : `no ${kind} '${wished}' is connected`);
  }

  /** Another life with what is asked for now: at once, whatever the back-off says. Readers stay. */
  restart(): void {
    if (this.state === 'idle') return;
    void this.#stopWorker();
    this.#status.on('replaced');
    this.#start();
  }

  #stopWorker(): Promise<void> {
    this.#life = undefined;
    return this.#supervisor.stop({ type: 'stop' });
  }

  #startWorker(): CaptureWorker {
    this.#failure = undefined;
    const tracks = this.#selectTracks();
    for (const track of tracks) track.sourceChanged();
    const worker = startCaptureWorker({
      name: `${this.kind} capture`,
      log: this.#log,
      environment: this.#options.environment ?? {},
      tracks: tracks.map((track) => (packet) => {
        if (this.#life !== life) return;
        this.#signOfLife();
        track.rtp.push(packet);
      }),
      report: (report) => {
        if (this.#life === life) this.#onReport(report);
      },
      pushed: this.#pushes,
    });
    const life = new CaptureLife(worker, tracks);
    this.#life = life;
    // The process starts while the encoder is chosen and the pipeline is described.
    void this.#launch(life);
    return worker;
  }

  async #launch(life: CaptureLife): Promise<void> {
    try {
      const encoder = await (this.kind === 'video' ? this.#options.encoders.choose() : undefined);
      await this.#restoreControls();
      if (this.#life !== life || this.#device === undefined) return;
      life.begin(this.#plan(this.#device, life.tracks, encoder));
      if (this.#pushed !== undefined) life.push(this.#pushed);
    } catch (error) {
      if (this.#life === life) this.#failed('pipeline', error instanceof Error ? error.message : String(error));
    }
  }

  /** A camera that refuses what it had is captured all the same. */
  async #restoreControls(): Promise<void> {
    const device = this.#device;
    if (device === undefined) return;
    try {
      const restored = await this.#controls.restore(device);
      if (this.#device === device) this.#device = restored;
    } catch (error) {
      this.#log.warn({ err: error, device: device.label }, 'the camera does not take the controls that were set');
    }
  }

  #signOfLife(): void {
    this.#lastSignAt = this.#options.clock.now();
    this.#supervisor.progress();
  }

  #onReport(report: WorkerReport): void {
    switch (report.type) {
      case 'playing':
        break;
      case 'flowing':
        this.#signOfLife();
        this.#flows();
        break;
      case 'failed':
        this.#failed(report.reason, report.message);
        break;
      case 'bitrate':
        if (report.accepted) this.#log.info({ value: report.value }, 'bit rate changed');
        else {
          this.#log.warn({ value: report.value }, 'the encoder does not take the bit rate while it runs');
          this.restart();
        }
        break;
      case 'picture':
        this.#pictures.taken(report.id, { ...report, data: Buffer.from(report.data) });
        break;
      case 'picture-failed':
        this.#pictures.failed(report.id, report.message);
        break;
    }
  }

  /** This life is of no use any more: the next one begins by the supervisor's back-off. */
  #failed(reason: WorkerFailure, message: string): void {
    if (reason === 'pipeline' && this.kind === 'video') this.#options.encoders.distrust();
    this.#failure = { reason, message };
    this.#supervisor.restart(message);
  }

  #workerDied(exit: ChildExit, delay: number): void {
    const failure = this.#failure ?? this.#explain(exit);
    const { restarts } = this.stats;
    restarts[failure.reason] = (restarts[failure.reason] ?? 0) + 1;
    this.#pictures.fail(new CaptureError('not-live', failure.message));
    // A device that somebody else has is tried for days: it is told once.
    const level = failure.message === this.stateReason ? 'debug' : 'warn';
    this.#log[level]({ ...failure, delay: Math.round(delay) }, `capture interrupted: ${failure.message}`);
    this.#status.on(failure.reason === 'pipeline' ? 'refused' : 'lost', failure.message);
  }

  #explain(exit: ChildExit): Failure {
    const silence = this.#options.clock.now() - this.#lastSignAt;
    if (this.state === 'live' && silence >= this.#stallTimeout)
      return { reason: 'stall', message: `the device delivered nothing for ${Math.round(silence)} ms` };
    const how = exit.signal ?? (exit.code === null ? 'did not start' : `exit code ${exit.code}`);
    return { reason: 'crash', message: `capture worker ended: ${how}` };
  }

  #flows(): void {
    if (this.state === 'live') return;
    this.#log.info({ device: this.label, encoder: this.encoder }, `capturing from ${this.label}`);
    this.#status.on('packet');
  }
}

const jpeg = ({ data, width, height }: Picture): StillPicture => ({ jpeg: data, width, height });
