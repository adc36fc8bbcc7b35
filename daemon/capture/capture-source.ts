import type { MediaClock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { MediaTrackCapabilities, MediaTrackSettings } from '../media/track-dictionaries.ts';
import type {
  PhotoWish,
  RawPicture,
  SoundLevel,
  StillPicture,
  TrackConfiguration,
  TrackSource,
  TrackSourceObserver,
  VideoMode,
} from '../media/track-source.ts';
import { controlSettings, controlValues } from './camera-controls.ts';
import { CaptureError } from './capture-error.ts';
import { type CaptureStateName, CaptureStatus } from './capture-state.ts';
import { CodedCapture } from './coded-capture.ts';
import { uncodedOnly } from './coded-formats.ts';
import { ControlsMemory } from './controls-memory.ts';
import type { CaptureDevice } from './device.ts';
import { deviceCapabilities, deviceModes } from './device-capabilities.ts';
import { type CaptureFailure, DeviceCapture } from './device-capture.ts';
import { EncodedTrack, type EncodedTrackOwner } from './encoded-track.ts';
import type { EncoderChoice } from './encoders.ts';
import { type JpegMaker, JpegReaders } from './jpeg-readers.ts';
import type { OpenNetworkDevice } from './network-cameras.ts';
import { Slates } from './slates.ts';
import type { TestPattern } from './video-pipeline.ts';
import type { PictureFormat } from './worker-messages.ts';
import type { Picture } from './worker-questions.ts';

const PICTURE_TIMEOUT_MS = 8000;
/** How long a change of settings may take to be in force. */
const CHANGE_TIMEOUT_MS = 10_000;
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
  /** Text on the test picture, and on the one that stands for the device while that is silent. */
  text?: string;
  /** What the test picture shows; default `smpte75`. */
  pattern?: TestPattern;
  /** Milliseconds from the last release to the closing of the device. */
  idleTimeout: number;
  /** How a device that is reached over the network is looked at before each life. */
  openNetworkDevice?: OpenNetworkDevice;
  /** Where what cameras were set to is remembered; default: a memory of its own. */
  controls?: ControlsMemory;
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

/**
 * A camera, a microphone or a test source as the tracks of the gateway stand on it: captured once, encoded for each track
 * while somebody wants it. The tracks' RTP streams outlive the device: while that is silent a slate stands for it.
 */
export class CaptureSource implements TrackSource, EncodedTrackOwner {
  readonly kind: 'video' | 'audio';
  readonly stats = { restarts: {} as Record<string, number> } satisfies CaptureSourceStats;
  readonly #options: CaptureSourceOptions;
  readonly #log: Log;
  readonly #capture: DeviceCapture;
  readonly #slates: Slates;
  readonly #coded: CodedCapture;
  readonly #jpegs = new JpegReaders((track) => this.#jpegMakerOf(track));
  readonly #observers = new Set<TrackSourceObserver>();
  readonly #listeners = new Set<() => void>();
  readonly #status = new CaptureStatus();
  readonly #tracks = new Set<EncodedTrack>();
  readonly #controls: ControlsMemory;
  #device: CaptureDevice | undefined;
  #lastDevice: CaptureDevice | undefined;
  #holds = 0;
  #idleTimer: NodeJS.Timeout | undefined;
  /** What the source element is told besides the plan. */
  #properties: Readonly<Record<string, string>> = {};
  /** What a program pushed last. */
  #pushed: Uint8Array | undefined;
  /** The size of a photo that the capture has to serve. */
  #photo: { width: number; height: number } | undefined;
  #photos: Promise<unknown> = Promise.resolve();

  constructor(options: CaptureSourceOptions) {
    const { kind, clock, encoders, pattern, environment = {} } = options;
    this.kind = kind;
    this.#options = options;
    this.#controls = options.controls ?? new ControlsMemory();
    this.#device = options.device;
    this.#lastDevice = options.device;
    this.#log = options.log;
    const common = { kind, environment, clock: clock.clock, log: options.log };
    this.#coded = new CodedCapture({
      ...common,
      clock,
      cname: options.cname,
      encoders,
      tracks: () => [...this.#tracks],
      device: () => this.#device,
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
        device: () => this.#device && this.#takenFrom(this.#device),
        prepare: (device) => this.#prepare(device),
        plan: (device, tracks) => this.#coded.plan(device, tracks),
        properties: () => this.#properties,
        patience: () => this.#device?.rtsp?.timeout,
        tracks: () => (this.#coded.decide() ? [this.#coded.native] : this.#selectTracks()),
        flowsTo: (track) => track === this.#coded.native || (track.wanted && !isPrivate(track)),
        text: () => this.#options.text,
        photo: () => this.#photo,
        pushed: () => this.#pushed,
        packet: (track, packet, life) => {
          if (isPrivate(track)) return;
          track.push(life, packet);
          this.#flows();
        },
        begun: () => this.#status.on('begun'),
        flows: () => this.#flows(),
        died: (failure, delay) => this.#died(failure, delay),
      },
    });
    this.#slates = new Slates({
      ...common,
      ...(options.text !== undefined && { text: options.text }),
      tracks: () => [...this.#tracks],
      darkens: (track) => this.#coded.darkens(track),
      reason: () => this.#status.reason,
    });
    this.#status.onChange((was) => {
      if (this.muted !== was.muted) for (const observer of [...this.#observers]) observer.mutedChanged();
      this.#changed();
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

  /** Why nothing flows, for a person. */
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
    return this.#capture.life?.plan?.encoder;
  }

  /** Process of the worker while it runs. */
  get pid(): number | undefined {
    return this.#capture.pid;
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
    const before = this.#device;
    this.#device = device;
    this.#lastDevice = device ?? this.#lastDevice;
    if (before?.deviceId === device?.deviceId && before?.path === device?.path && !this.muted) return;
    if (device !== undefined) this.#status.on('found');
    this.restart();
  }

  /** Resolves when media flows; rejects with the signal's reason. */
  live(signal?: AbortSignal): Promise<void> {
    return this.#status.live(signal);
  }

  async setControls(settings: MediaTrackSettings): Promise<void> {
    const device = this.#device;
    if (device?.kind !== 'videoinput') throw new CaptureError('not-live', 'the camera is not connected');
    this.#controlsSet(await this.#controls.set(device, controlValues(settings, device.controls)));
  }

  /**
   * A JPEG of the picture as it is now; opens the device for it where nobody watches. For a size beyond the captured one
   * the camera is switched over to its nearest for a moment.
   * @throws CaptureError `not-live`, `timeout`, `failed`, `invalid-value`.
   */
  async photo({ width = 0, height = 0 }: PhotoWish = {}): Promise<StillPicture> {
    if (width * height === 0 || this.#device?.bus === 'test' || this.#coded.suits)
      return jpeg(await this.#picture('jpeg'));
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
    const device = this.#device;
    const planned = device ?? this.#lastDevice;
    const settings =
      this.#capture.life?.settingsOf(track) ??
      this.#coded.settingsOf(track) ??
      (planned && this.#tryPlan(planned, track)) ??
      track.configuration.settings;
    if (device === undefined) return settings;
    const { deviceId, groupId } = device;
    const controls = device.kind === 'videoinput' ? controlSettings(device.controls) : {};
    return { ...settings, ...controls, deviceId, groupId };
  }

  /** @internal */
  async configureTrack(track: EncodedTrack, next: TrackConfiguration): Promise<void> {
    const before = track.configuration;
    track.configuration = next;
    try {
      // Refuses what no encoder could do, though none may run now.
      if (this.#device !== undefined) this.#capture.plan(this.#device, [track]);
      if (before.privacy !== next.privacy) this.#privacyChanged(track);
      else {
        const begins = this.#adaptLayout();
        this.#slates.trackChanged(track);
        this.#jpegs.update();
        if (begins) await this.live(AbortSignal.timeout(CHANGE_TIMEOUT_MS));
      }
    } catch (error) {
      track.configuration = before;
      this.#adaptLayout();
      throw error instanceof CaptureError ? error : this.#notLive();
    }
  }

  /** @internal */
  trackWanted(track: EncodedTrack): void {
    const known = this.#coded.active || this.#capture.setGate(track);
    if (!known && this.#capture.life !== undefined && track.wanted && !isPrivate(track)) this.restart();
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
  async trackPhoto(track: EncodedTrack): Promise<StillPicture> {
    const hidden = hiddenFor(track);
    if (hidden !== undefined) return jpeg(await this.#slates.takePicture(hidden, track));
    const release = this.hold();
    try {
      await this.#settled();
      return jpeg(
        this.muted ? await this.#slates.takePicture('silence', track) : await this.#pictures.takePicture('jpeg'),
      );
    } finally {
      release();
    }
  }

  /** @internal */
  watchJpegs(track: EncodedTrack, reader: (jpeg: Buffer) => void): () => void {
    const stop = this.#jpegs.add(track, reader);
    this.#wantedChanged();
    return () => {
      stop();
      this.#wantedChanged();
    };
  }

  #jpegMakerOf(track: EncodedTrack): JpegMaker | undefined {
    const reason = hiddenFor(track) ?? (this.muted ? 'silence' : undefined);
    if (reason !== undefined)
      return { name: reason, watch: (reader) => this.#slates.watchJpegs(reason, track, reader) };
    if (this.state === 'idle') return undefined;
    const from = this.#pictures;
    return { name: from === this.#coded ? 'decoder' : 'device', watch: (reader) => from.watchJpegs(reader) };
  }

  get #wanted(): boolean {
    if (this.#holds > 0 || this.#jpegs.tracks.some((track) => !isPrivate(track))) return true;
    for (const track of this.#tracks) if (track.wanted && !isPrivate(track)) return true;
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
    this.#jpegs.update();
    for (const listener of [...this.#listeners]) listener();
  }

  async #picture(format: PictureFormat): Promise<Picture> {
    if (this.kind !== 'video') throw new CaptureError('invalid-value', 'a microphone has no picture');
    const release = this.hold();
    try {
      await this.#settled();
      if (this.muted) throw this.#notLive();
      return await this.#pictures.takePicture(format);
    } finally {
      release();
    }
  }

  /** Where pictures are to be had: what is passed through has to be decoded for it. */
  get #pictures(): CodedCapture | DeviceCapture {
    return this.#coded.active ? this.#coded : this.#capture;
  }

  /** Media flows, or it is known that none will for now. @throws CaptureError `not-live`. */
  async #settled(): Promise<void> {
    try {
      await this.#status.settled(AbortSignal.timeout(PICTURE_TIMEOUT_MS));
    } catch {
      throw this.#notLive();
    }
  }

  #notLive(): CaptureError {
    return new CaptureError('not-live', `no picture: ${this.stateReason ?? 'the device is still starting'}`);
  }

  /** What would be captured, for settings() before the first start. */
  #tryPlan(device: CaptureDevice, track: EncodedTrack): MediaTrackSettings | undefined {
    try {
      return this.#capture.plan(this.#takenFrom(device), [track]).settings[0];
    } catch {
      return undefined;
    }
  }

  /** The tracks that the next life encodes for. */
  #selectTracks(): EncodedTrack[] {
    const tracks = [...this.#tracks].filter((track) => !isPrivate(track));
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

  #start(): void {
    this.#status.on('wanted');
    if (this.#device !== undefined) {
      this.#capture.start();
      return;
    }
    const { wishedDevice } = this.#options;
    // An id tells a person nothing.
    const wished = wishedDevice === this.#lastDevice?.deviceId ? this.label : wishedDevice;
    const kind = this.kind === 'video' ? 'camera' : 'microphone';
    this.#status.on('lost', wished === undefined ? `no ${kind}` : `no ${kind} '${wished}' is connected`);
  }

  /** Another life with what is asked for now: at once, whatever the back-off says. Readers stay. */
  restart(): void {
    if (this.state === 'idle') return;
    void this.#capture.stop();
    this.#status.on('replaced');
    this.#start();
  }

  /** The device as the next life, or this one, takes it. */
  #takenFrom(device: CaptureDevice): CaptureDevice {
    return this.#coded.suits ? device : uncodedOnly(device);
  }

  async #prepare(device: CaptureDevice): Promise<CaptureDevice> {
    const { openNetworkDevice } = this.#options;
    if (device.rtsp === undefined || openNetworkDevice === undefined) return this.#restoreControls(device);
    const opened = await openNetworkDevice(device);
    if (this.#device?.deviceId !== device.deviceId) return device;
    this.#device = opened.device;
    this.#properties = opened.properties;
    // It encodes otherwise than was assumed: that takes another number of pipes.
    if (this.#coded.active !== this.#coded.suits) this.restart();
    return opened.device;
  }

  /** A camera that refuses what it had is captured all the same. */
  async #restoreControls(device: CaptureDevice): Promise<CaptureDevice> {
    try {
      const restored = await this.#controls.restore(device);
      if (restored !== device) this.#controlsSet(restored);
      return restored;
    } catch (error) {
      this.#log.warn({ err: error, device: device.label }, 'the camera does not take the controls that were set');
      return device;
    }
  }

  #controlsSet(device: CaptureDevice): void {
    // It may have been unplugged meanwhile.
    if (this.#device?.deviceId === device.deviceId && this.#device.path === device.path) this.#device = device;
    this.#options.controlsChanged?.(device);
  }

  #died(failure: CaptureFailure, delay: number): void {
    const { restarts } = this.stats;
    restarts[failure.reason] = (restarts[failure.reason] ?? 0) + 1;
    // A device that somebody else has is tried for days: it is told once.
    const level = failure.message === this.stateReason ? 'debug' : 'warn';
    this.#log[level]({ ...failure, delay: Math.round(delay) }, `capture interrupted: ${failure.message}`);
    if (failure.reason === 'stall') this.#status.on('stalled', failure.message);
    this.#status.on(failure.reason === 'pipeline' ? 'refused' : 'died', failure.message);
  }

  #flows(): void {
    if (this.flowing) return;
    this.#log.info({ device: this.label, encoder: this.encoder }, `capturing from ${this.label}`);
    this.#status.on('packet');
  }
}

const isPrivate = ({ configuration }: EncodedTrack): boolean => configuration.privacy === true;

/** Why the picture of a track is not to be seen, whatever the device does. */
function hiddenFor(track: EncodedTrack): 'privacy' | 'dark' | undefined {
  if (isPrivate(track)) return 'privacy';
  return track.configuration.enabled ? undefined : 'dark';
}

const jpeg = ({ data, width, height }: Picture): StillPicture => ({ jpeg: data, width, height });
