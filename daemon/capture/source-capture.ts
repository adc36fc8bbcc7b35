import type { MediaClock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { MediaTrackSettings } from '../media/track-dictionaries.ts';
import type { SoundLevel, StillPicture, TrackConfiguration } from '../media/track-source.ts';
import { CaptureError } from './capture-error.ts';
import { CaptureOutcomes, type CaptureOutcomesOptions } from './capture-outcomes.ts';
import type { CaptureStatus } from './capture-state.ts';
import { CodedCapture } from './coded-capture.ts';
import type { CaptureDevice } from './device.ts';
import { DeviceCapture, type DeviceCaptureOptions } from './device-capture.ts';
import { EncodedTrack, type EncodedTrackOwner } from './encoded-track.ts';
import type { EncoderChoice } from './encoders.ts';
import { isLibcamera } from './libcamera-controls.ts';
import { Slates } from './slates.ts';
import { encodable, SourceDemand } from './source-demand.ts';
import type { SourceDevice } from './source-device.ts';
import { SourceEncodings } from './source-encodings.ts';
import { SourcePictures } from './source-pictures.ts';
import type { TestPattern } from './video-pipeline.ts';

/** How long a change of settings may take to be in force. */
const CHANGE_TIMEOUT_MS = 10_000;

export interface SourceCaptureOptions extends CaptureOutcomesOptions {
  kind: 'video' | 'audio';
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
  startWorker?: DeviceCaptureOptions['startWorker'];
}

/**
 * What runs for the tracks of a source: the worker of its device, laid out for what they ask for, while somebody wants it,
 * and beside it what decodes what is passed through, and what stands for the device.
 */
export class SourceCapture implements EncodedTrackOwner {
  readonly demand: SourceDemand;
  readonly coded: CodedCapture;
  readonly encodings: SourceEncodings;
  readonly pictures: SourcePictures;
  readonly outcomes: CaptureOutcomes;
  readonly #options: SourceCaptureOptions;
  readonly #device: SourceDevice;
  readonly #status: CaptureStatus;
  readonly #updated: () => void;
  readonly #log: Log;
  readonly #capture: DeviceCapture;
  readonly #slates: Slates;
  /** What a program pushed last. */
  #pushed: Uint8Array | undefined;

  /** @param updated called at the end of each {@link update}. */
  constructor(options: SourceCaptureOptions, device: SourceDevice, status: CaptureStatus, updated: () => void) {
    const { kind, clock, encoders, pattern, idleTimeout, startWorker, environment = {} } = options;
    this.#options = options;
    this.#device = device;
    this.#status = status;
    this.#updated = updated;
    this.#log = options.log;
    this.demand = new SourceDemand({
      idleTimeout,
      others: () => this.pictures.wanted,
      changed: () => this.#wantedChanged(),
      idle: () => this.#closeDevice(),
    });
    this.outcomes = new CaptureOutcomes(options, device, status);
    const common = { kind, environment, clock: clock.clock, log: options.log, startWorker };
    this.coded = new CodedCapture({
      ...common,
      clock,
      cname: options.cname,
      encoders,
      tracks: () => [...this.demand.tracks],
      device: () => device.last,
      flowing: () => !status.muted && status.name !== 'idle',
      lost: (stage, frames) => this.outcomes.lost(stage, frames),
      decoderDied: () => this.outcomes.decoderDied(),
      failed: (failure) => this.#capture.fail(failure),
      unsuitable: (reason) => {
        this.#log.warn(
          { device: device.label },
          `${device.label} cannot be passed through: ${reason}; it is encoded here`,
        );
        this.restart();
      },
    });
    this.#capture = new DeviceCapture({
      ...common,
      encoders,
      ...(pattern && { pattern }),
      owner: {
        device: () => device.current && this.coded.takenFrom(device.current),
        prepare: (found) => this.#prepare(found),
        plan: (taken, tracks) => this.coded.plan(taken, tracks),
        opening: () => device.opening,
        patience: () => device.current?.rtsp?.timeout,
        tracks: () => (this.coded.decide() ? [this.coded.native] : encodable(this.demand.tracks)),
        flowsTo: (track) => track === this.coded.native || (track.wanted && !track.private),
        text: () => options.text,
        photo: () => this.pictures.photoSize,
        pushed: () => this.#pushed,
        packet: (track, packet, life) => {
          if (track.private) return;
          const { frames } = track.rtp.stats;
          track.push(life, packet);
          // What comes before the first key frame is nothing to be seen.
          if (track.rtp.stats.frames > frames) this.#flows();
        },
        lost: (stage, frames) => this.outcomes.lost(stage, frames),
        senderTime: (life, report) => {
          const captureTime = device.captureTime(report, clock.now());
          if (captureTime !== undefined)
            for (const track of life.tracks) track.align(life, report.running, captureTime);
        },
        begun: () => status.on('begun'),
        flows: () => this.#flows(),
        unprepared: (failure, delay) => this.outcomes.failed(failure, delay),
        died: (failure, delay) => this.outcomes.died(failure, delay),
      },
    });
    this.encodings = new SourceEncodings({
      kind,
      encoders,
      device,
      tracks: this.demand.tracks,
      capture: this.#capture,
      coded: this.coded,
    });
    this.#slates = new Slates({
      ...common,
      encoders,
      ...(options.text !== undefined && { text: options.text }),
      tracks: () => [...this.demand.tracks].filter(({ problem }) => problem === undefined),
      darkens: (track) => this.coded.darkens(track),
      reason: () => status.reason,
    });
    this.pictures = new SourcePictures({
      kind,
      status,
      requests: this.#capture.requests,
      coded: this.coded,
      slates: this.#slates,
      hold: () => this.demand.hold(),
      adapt: () => this.#adaptLayout(),
    });
  }

  /** Process of the worker while it runs. */
  get pid(): number | undefined {
    return this.#capture.pid;
  }

  encode(configuration: TrackConfiguration): EncodedTrack {
    const { kind, clock, cname } = this.#options;
    const codec = this.encodings.codecOf(configuration);
    const track = new EncodedTrack(this, { kind, codec, configuration, clock, cname });
    this.demand.tracks.add(track);
    return track;
  }

  /** Closes the device now, whoever still wants it; who wants it next opens it again. Idempotent. */
  async close(): Promise<void> {
    this.demand.settle();
    this.#status.on('unwanted');
    await Promise.all([this.#capture.stop(), this.coded.stop(), this.#slates.stop()]);
  }

  /** The device is another, or there is none any more. */
  deviceReplaced(): void {
    const { current, absence } = this.#device;
    if (current !== undefined) this.#status.on('found');
    const follows = current === undefined ? this.#capture.deviceWent() : this.#capture.deviceCame();
    if (!follows) this.restart();
    else if (current === undefined) this.#status.on('lost', absence);
  }

  /** Where a camera's controls are a part of its pipeline, that has to follow them. */
  followControls(): void {
    const { current } = this.#device;
    if (current !== undefined && isLibcamera(current)) this.#adaptLayout();
  }

  /** Another life with what is asked for now: at once, whatever the back-off says. Readers stay. */
  restart(): void {
    if (this.#status.name === 'idle') return;
    void this.#capture.stop();
    if (this.#device.current !== undefined) this.#status.on('replaced');
    this.#start();
  }

  /** The status is another, or what is wanted. */
  update(): void {
    this.coded.update();
    this.#slates.update(this.#status.muted);
    this.pictures.update();
    this.#updated();
  }

  /** How loud it is; undefined while it does not flow. */
  async level(): Promise<SoundLevel | undefined> {
    return this.#status.name === 'live' ? this.#capture.requests.takeLevel() : undefined;
  }

  /** @returns false when the picture came too fast and is left out. */
  push(frame: Uint8Array): boolean {
    this.#pushed = frame;
    return this.#capture.life?.push(frame) ?? true;
  }

  trackSettings(track: EncodedTrack): MediaTrackSettings {
    return this.encodings.settingsOf(track);
  }

  trackProblem(track: EncodedTrack): string | undefined {
    return this.encodings.problemOf(track);
  }

  async configureTrack(track: EncodedTrack, next: TrackConfiguration): Promise<void> {
    const before = track.configuration;
    const { current } = this.#device;
    track.configuration = next;
    try {
      // Refuses what no encoder could do, though none may run now.
      if (current !== undefined) this.#capture.plan(current, [track]);
      if (before.privacy !== next.privacy) for (const each of track.renditions) this.#privacyChanged(each);
      else {
        const begins = this.#adaptLayout();
        for (const each of track.renditions) this.#slates.trackChanged(each);
        this.pictures.update();
        if (begins) await this.#status.live(AbortSignal.timeout(CHANGE_TIMEOUT_MS));
      }
    } catch (error) {
      track.configuration = before;
      this.#adaptLayout();
      throw error instanceof CaptureError ? error : this.#status.notLive();
    }
  }

  trackJoined(track: EncodedTrack): void {
    if (this.#settleCodec(track)) this.#adaptLayout();
  }

  trackWanted(track: EncodedTrack): void {
    const known = this.coded.active !== undefined || this.#capture.setGate(track);
    if (!known && this.#capture.life !== undefined && track.wanted && !track.private && !track.problem) this.restart();
    this.#wantedChanged();
    this.#slates.trackChanged(track);
  }

  trackClosed(track: EncodedTrack): void {
    this.demand.tracks.delete(track);
    this.#slates.trackChanged(track);
    if (this.demand.tracks.size === 0) void this.close();
  }

  sendKeyFrameRequest(track: EncodedTrack): void {
    const own = this.#status.name === 'live' ? this.#capture.life : undefined;
    const life = this.#slates.lifeOf(track) ?? this.coded.lifeOf(track) ?? own;
    life?.requestKeyFrame(track);
  }

  trackPhoto(track: EncodedTrack): Promise<StillPicture> {
    return this.pictures.trackPhoto(track);
  }

  watchJpegs(track: EncodedTrack, reader: (jpeg: Buffer) => void): () => void {
    const stop = this.pictures.watchJpegs(track, reader);
    this.#wantedChanged();
    return () => {
      stop();
      this.#wantedChanged();
    };
  }

  #wantedChanged(): void {
    this.demand.settle();
    if (this.demand.wanted) this.#start();
    else if (this.#status.name !== 'idle') this.demand.expire();
    this.update();
  }

  /** The slates go on, for those who see nothing but them. */
  #closeDevice(): void {
    this.demand.settle();
    this.#status.on('unwanted');
    void this.#capture.stop();
  }

  /** The device closes at once where nobody else has it. */
  #privacyChanged(track: EncodedTrack): void {
    if (this.demand.wanted) this.trackWanted(track);
    else {
      this.#capture.setGate(track);
      this.#closeDevice();
      this.#slates.trackChanged(track);
      this.update();
    }
  }

  /**
   * Brings a running worker to what its tracks ask for now: while it runs where it can, else by another life.
   * @returns whether it is another life, whose media is yet to come.
   */
  #adaptLayout(): boolean {
    const other = this.#capture.life !== undefined && this.coded.active !== this.coded.suits;
    const adapted = other ? false : this.#capture.adapt();
    this.coded.update();
    if (adapted === false) this.restart();
    this.#slates.adapt();
    return adapted === undefined ? this.#status.name === 'opening' : !adapted;
  }

  #start(): void {
    this.#status.on('wanted');
    if (this.#device.current === undefined) this.#status.on('lost', this.#device.absence);
    // Without a device its worker stands by: to load GStreamer takes longer than to open a camera.
    this.#capture.start();
  }

  async #prepare(device: CaptureDevice): Promise<CaptureDevice> {
    const prepared = await this.#device.prepare(device);
    const settled = [...this.demand.tracks].filter((track) => this.#settleCodec(track));
    if (settled.length > 0) this.#slates.adapt();
    // It may encode otherwise than was assumed: that takes another number of pipes.
    if (prepared.rtsp !== undefined && this.coded.active !== this.coded.suits) this.restart();
    return prepared;
  }

  /** What a sound is encoded with depends on its device; those who read it have been told. */
  #settleCodec(track: EncodedTrack): boolean {
    const codec = this.#options.kind === 'audio' ? this.encodings.codecOf(track.configuration) : undefined;
    return codec !== undefined && track.settle(codec);
  }

  #flows(): void {
    this.outcomes.flows(this.encodings.encoders);
  }
}
