import { Backoff } from '../lib/backoff.ts';
import type { ChildExit } from '../lib/child.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import { type Log, quiet } from '../lib/log.ts';
import { Supervisor } from '../lib/supervisor.ts';
import type { SoundLevel, TrackConfiguration } from '../media/track-source.ts';
import { CaptureError } from './capture-error.ts';
import { CaptureLife } from './capture-life.ts';
import { type CapturePlan, planCapture } from './capture-plan.ts';
import type { CaptureDevice } from './device.ts';
import type { DriverRefusal } from './driver-refusal.ts';
import type { EncodedTrack } from './encoded-track.ts';
import { type EncoderChoice, type EncoderRanking, SOFTWARE_ENCODERS } from './encoders.ts';
import type { TestPattern } from './video-pipeline.ts';
import type { PictureFormat, SourceOpening, WorkerCommand, WorkerFailure, WorkerReport } from './worker-messages.ts';
import { type CaptureWorker, startCaptureWorker } from './worker-process.ts';
import { type Picture, WorkerQuestions } from './worker-questions.ts';

/** The first process after an installation looks through all plug-ins of GStreamer: many seconds on a small board. */
const LOAD_TIMEOUT_MS = 60_000;
/** A camera may take seconds to open and to deliver its first picture. */
const OPEN_TIMEOUT_MS = 10_000;
/** The first restart is at once, the ones after it ever later. */
const BACKOFF = { minimum: 20, maximum: 5000 };
/** Asking costs little: no process begins for it. */
const PREPARE_BACKOFF = { minimum: 100, maximum: 1500 };
const ANSWER_TIMEOUT_MS = 8000;
/** Without a report of its flow for this long a device of which nothing is encoded counts as hung. */
const FLOW_TIMEOUT_MS = 3000;

/** Why a life was of no use. */
export interface CaptureFailure {
  readonly reason: WorkerFailure | 'crash' | 'stall';
  /** Why the driver did not begin, where it was that. */
  readonly errno?: number;
  readonly message: string;
}

/** Where frames are lost for all tracks. */
export type LossStage = 'capture' | 'conversion';

/** Whose tracks a {@link DeviceCapture} captures for, and who hears of it. */
export interface DeviceCaptureOwner {
  /** What to capture from, as of now; undefined: the worker stands by for it. */
  device(): CaptureDevice | undefined;
  /** What a life with these tracks does, where it is not the usual. @throws CaptureError `invalid-value`. */
  plan?(device: CaptureDevice, tracks: readonly EncodedTrack[]): CapturePlan | undefined;
  opening?(): SourceOpening | undefined;
  /** Called before each life with the device: what it returns is captured. @throws CaptureError `not-live`: it is asked again. */
  prepare?(device: CaptureDevice): Promise<CaptureDevice>;
  /** It could not be prepared; the worker stands by for the next attempt, in so many milliseconds. */
  unprepared?(failure: CaptureFailure, delay: number): void;
  /** Which tracks the next life encodes for. */
  tracks(): EncodedTrack[];
  /** Whether the media of a track is to flow from here. */
  flowsTo(track: EncodedTrack): boolean;
  /** How it is to be encoded, where that is not the track's own configuration. */
  configuration?(track: EncodedTrack): TrackConfiguration;
  /** Text on a test picture. */
  text(): string | undefined;
  /** The size of a photo that the capture has to serve. */
  photo?(): { width: number; height: number } | undefined;
  /** What a program pushed last. */
  pushed?(): Uint8Array | undefined;
  /** Unix milliseconds at the beginning of the times that coming RTP has. */
  wallClock?(): number;
  packet(track: EncodedTrack, packet: Buffer, life: CaptureLife): void;
  /** A life of the worker begins. */
  begun?(): void;
  /** It knows what it has to do. */
  launched?(life: CaptureLife): void;
  /** How long it may be silent, where that is not for the frame rate to say, in milliseconds. */
  patience?(): number | undefined;
  /** Frames were lost before any track could have them: left out by the device, or dropped because their conversion was busy. */
  lost?(stage: LossStage, frames: number): void;
  /** A sign of life: media flows. */
  flows(): void;
  died(failure: CaptureFailure, delay: number): void;
}

export interface DeviceCaptureOptions {
  kind: 'video' | 'audio';
  owner: DeviceCaptureOwner;
  encoders: EncoderChoice;
  clock: Clock;
  log: Log;
  pattern?: TestPattern;
  /** More environment of the worker; see {@link gstreamerEnvironment}. */
  environment: Readonly<Record<string, string>>;
  /** Begins a life; tests pass one of their own. */
  startWorker?: typeof startCaptureWorker | undefined;
}

/** Captures from one device for a set of tracks: lives of a worker, one after the other, from {@link start} to {@link stop}. */
export class DeviceCapture {
  readonly #options: DeviceCaptureOptions;
  readonly #supervisor: Supervisor<WorkerCommand, WorkerReport>;
  readonly #questions = new WorkerQuestions(ANSWER_TIMEOUT_MS);
  readonly #jpegReaders = new Set<(jpeg: Buffer) => void>();
  /** The life that counts; one that was asked to stop does not. */
  #life: CaptureLife | undefined;
  /** What this life's encoders were chosen from. */
  #ranking: EncoderRanking = {};
  #begunAt = 0;
  /** When this life was given its device. */
  #launchedAt: number | undefined;
  /** When this life began to open the device. */
  #openingAt: number | undefined;
  /** Of this life. */
  #lastSignAt: number | undefined;
  /** Why this life is of no use, once it is known. */
  #failure: CaptureFailure | undefined;
  /** Of this life. */
  #refusal: DriverRefusal | undefined;
  readonly #prepareBackoff = new Backoff(PREPARE_BACKOFF);
  #prepareTimer: Timer | undefined;

  constructor(options: DeviceCaptureOptions) {
    this.#options = options;
    const { kind, log, clock } = options;
    const capture = this;
    this.#supervisor = new Supervisor<WorkerCommand, WorkerReport>({
      name: `${kind} capture`,
      // What it has to tell the owner tells with the reason.
      log: quiet(log),
      start: () => this.#startWorker(),
      died: (exit, delay) => this.#workerDied(exit, delay),
      get startTimeout() {
        return capture.#startTimeout;
      },
      // Depends on the frame rate, which may change from life to life.
      get progressTimeout() {
        return capture.#stallTimeout;
      },
      backoff: BACKOFF,
      clock,
    });
  }

  get life(): CaptureLife | undefined {
    return this.#life;
  }

  /** Process of the worker while it runs. */
  get pid(): number | undefined {
    return this.#supervisor.child?.pid;
  }

  /** Idempotent. */
  start(): void {
    this.#supervisor.start();
  }

  /** Idempotent. */
  stop(): Promise<void> {
    this.#life = undefined;
    this.#options.clock.clearTimeout(this.#prepareTimer);
    this.#questions.fail(new CaptureError('not-live', 'the device was closed'));
    return this.#supervisor.stop({ type: 'stop' });
  }

  /** Another life: at once, whatever the back-off says. */
  restart(): void {
    void this.stop();
    this.start();
  }

  /** The device has come: a worker that stands by takes it. @returns false where none does, or none with the right pipes. */
  deviceCame(): boolean {
    const life = this.#life;
    if (life === undefined || this.#launchedAt !== undefined) return false;
    const tracks = this.#options.owner.tracks();
    if (tracks.length !== life.tracks.length || !tracks.every((track) => life.has(track))) return false;
    void this.#launch(life);
    return true;
  }

  /**
   * Brings a running worker to what its tracks ask for now.
   * @returns false where that takes another life, which is left to the caller; undefined where no life has begun.
   * @throws CaptureError `invalid-value`.
   */
  adapt(): boolean | undefined {
    const device = this.#options.owner.device();
    const { tracks, plan } = this.#life ?? {};
    if (tracks === undefined || plan === undefined || device === undefined) return undefined;
    return this.#life?.adapt(this.plan(device, tracks, this.#ranking));
  }

  /** What a life would do. @throws CaptureError `invalid-value`. */
  plan(
    device: CaptureDevice,
    tracks: readonly EncodedTrack[],
    encoders: EncoderRanking = SOFTWARE_ENCODERS,
  ): CapturePlan {
    const { owner, pattern = 'smpte75' } = this.#options;
    const plan = owner.plan?.(device, tracks);
    if (plan !== undefined) return plan;
    return planCapture({
      device,
      tracks: tracks.map((track) => ({
        configuration: owner.configuration?.(track) ?? track.configuration,
        open: owner.flowsTo(track),
      })),
      encoders,
      pattern,
      text: owner.text(),
      wallClock: owner.wallClock?.() ?? 0,
      photo: owner.photo?.(),
    });
  }

  /** Whether the media of a track flows from here may have changed. @returns false where this life knows nothing of the track. */
  setGate(track: EncodedTrack): boolean {
    if (!this.#life?.has(track)) return false;
    this.#life.setGate(track, this.#options.owner.flowsTo(track));
    return true;
  }

  /** The text on the test picture has changed. */
  textChanged(): void {
    const text = this.#options.owner.text();
    if (text !== undefined) this.#life?.worker.send({ type: 'text', text });
  }

  /** @throws CaptureError `not-live`, `timeout`, `failed`. */
  takePicture(format: PictureFormat): Promise<Picture> {
    return this.#questions.ask((id) => this.#life?.worker.send({ type: 'picture', id, format }) ?? false);
  }

  /** Hands every picture on as a JPEG, made once for all readers, until the returned function is called. */
  watchJpegs(reader: (jpeg: Buffer) => void): () => void {
    const own = (jpeg: Buffer): void => reader(jpeg);
    this.#jpegReaders.add(own);
    if (this.#jpegReaders.size === 1) this.#life?.worker.send({ type: 'jpegs', open: true });
    return () => {
      if (this.#jpegReaders.delete(own) && this.#jpegReaders.size === 0)
        this.#life?.worker.send({ type: 'jpegs', open: false });
    };
  }

  /** How loud it is, measured for a moment. @throws as {@link takePicture}. */
  async takeLevel(): Promise<SoundLevel> {
    const { peak, rms } = await this.#questions.ask<{ peak: number; rms: number }>(
      (id) => this.#life?.worker.send({ type: 'level', id }) ?? false,
    );
    return { peak: decibels(peak), rms: decibels(rms) };
  }

  /** Without a sign of life for this long a worker that had given some counts as hung, in milliseconds. */
  get #stallTimeout(): number {
    const { tracks = [], plan } = this.#life ?? {};
    const patience = this.#options.owner.patience?.();
    if (patience !== undefined) return patience;
    if (this.#pushes || !tracks.some((track) => this.#options.owner.flowsTo(track))) return FLOW_TIMEOUT_MS;
    const interval = 1000 / (plan?.settings[0]?.frameRate ?? 50);
    return Math.max(700, Math.min(2000, interval * 8), interval * 3);
  }

  /** How long from its beginning a life may go without a sign, in milliseconds. */
  get #startTimeout(): number {
    if (this.#openingAt !== undefined) return this.#openingAt - this.#begunAt + OPEN_TIMEOUT_MS;
    return this.#launchedAt === undefined ? Infinity : this.#launchedAt - this.#begunAt + LOAD_TIMEOUT_MS;
  }

  get #pushes(): boolean {
    return this.#options.owner.device()?.bus === 'push';
  }

  #startWorker(): CaptureWorker {
    const { kind, log, environment, owner, startWorker = startCaptureWorker } = this.#options;
    this.#failure = undefined;
    this.#refusal = undefined;
    this.#begunAt = this.#options.clock.now();
    this.#launchedAt = undefined;
    this.#openingAt = undefined;
    this.#lastSignAt = undefined;
    owner.begun?.();
    const tracks = owner.tracks();
    const worker = startWorker({
      name: `${kind} capture`,
      log,
      environment,
      tracks: tracks.map((track) => (packet) => {
        if (this.#life !== life) return;
        this.#signOfLife();
        owner.packet(track, packet, life);
      }),
      report: (report) => {
        if (this.#life === life) this.#onReport(report);
      },
      refused: (refusal) => {
        if (this.#life === life) this.#refusal = refusal;
      },
      ...(kind === 'video' && {
        jpeg: (jpeg: Buffer) => {
          if (this.#life === life) for (const reader of this.#jpegReaders) reader(jpeg);
        },
      }),
      input: this.#pushes || owner.device()?.bus === 'rtp',
    });
    const life = new CaptureLife(worker, tracks);
    this.#life = life;
    // The process starts while the encoder is chosen and the pipeline is described.
    void this.#launch(life);
    return worker;
  }

  async #launch(life: CaptureLife): Promise<void> {
    const { kind, owner, log } = this.#options;
    const found = owner.device();
    if (found === undefined) return;
    this.#launchedAt = this.#options.clock.now();
    let preparing = true;
    try {
      const device = (await owner.prepare?.(found)) ?? found;
      preparing = false;
      if (this.#life !== life) return;
      if (this.#prepareTimer !== undefined) owner.begun?.();
      this.#prepareTimer = undefined;
      this.#prepareBackoff.reset();
      const unusual = owner.plan?.(device, life.tracks);
      this.#ranking = await (kind === 'video' && unusual === undefined ? this.#rank(life.tracks) : {});
      if (this.#life !== life) return;
      life.begin(unusual ?? this.plan(device, life.tracks, this.#ranking), owner.opening?.());
      log.debug({ launch: life.plan?.start.launch }, 'capture pipeline');
      for (const limit of new Set(life.plan?.limits)) if (limit !== undefined) log.warn({}, limit);
      owner.launched?.(life);
      if (this.#jpegReaders.size > 0) life.worker.send({ type: 'jpegs', open: true });
      const pushed = owner.pushed?.();
      if (pushed !== undefined) life.push(pushed);
    } catch (error) {
      if (this.#life !== life) return;
      if (preparing && error instanceof CaptureError) this.#standBy(life, error);
      else this.#failed('pipeline', error instanceof Error ? error.message : String(error));
    }
  }

  /** The device is not to be had now: the worker, which has done nothing yet, waits for it. */
  #standBy(life: CaptureLife, { message }: CaptureError): void {
    const { owner, clock } = this.#options;
    const delay = this.#prepareBackoff.next();
    this.#launchedAt = undefined;
    this.#questions.fail(new CaptureError('not-live', message));
    this.#prepareTimer = clock.setTimeout(() => {
      if (this.#life === life && !this.deviceCame()) this.restart();
    }, delay);
    owner.unprepared?.({ reason: 'device', message }, delay);
  }

  /** The encoders of this machine for what the tracks are to be encoded with. @throws CaptureError `not-installed`. */
  async #rank(tracks: readonly EncodedTrack[]): Promise<EncoderRanking> {
    const codecs = new Set(tracks.map(({ codec }) => codec));
    const ranked = [...codecs].map(async (codec) => [codec, await this.#options.encoders.choose(codec)]);
    return Object.fromEntries(await Promise.all(ranked));
  }

  #signOfLife(): void {
    this.#lastSignAt = this.#options.clock.now();
    this.#supervisor.progress();
  }

  #onReport(report: WorkerReport): void {
    const { log, owner } = this.#options;
    switch (report.type) {
      case 'opening':
        this.#openingAt = this.#options.clock.now();
        break;
      case 'flowing':
        this.#signOfLife();
        owner.flows();
        break;
      case 'failed':
        this.#blame(report);
        if (this.#refusal === undefined) this.#failed(report.reason, report.message);
        else this.#failed('device', `the driver does not begin: ${this.#refusal.text}`, this.#refusal.errno);
        break;
      case 'dropped':
        owner.lost?.('conversion', this.#life?.dropped(report) ?? 0);
        break;
      case 'left-out':
        owner.lost?.('capture', this.#life?.framesIn(report.seconds) ?? 0);
        break;
      case 'tuned': {
        const { property, value, accepted } = report;
        if (accepted) log.info({ property, value }, `encoder: ${property} changed`);
        else {
          log.warn({ property, value }, `the encoder does not take its ${property} while it runs`);
          this.restart();
        }
        break;
      }
      case 'picture':
        this.#questions.answered(report.id, { ...report, data: Buffer.from(report.data) });
        break;
      case 'level':
        this.#questions.answered(report.id, report);
        break;
      case 'unanswered':
        this.#questions.refused(report.id, report.message);
        break;
    }
  }

  /** The next life takes other encoders where these may be the reason. */
  #blame({ reason, track = 0, message }: Extract<WorkerReport, { type: 'failed' }>): void {
    const { encoders } = this.#options;
    const encoder = this.#life?.plan?.encoders[track];
    if (encoder === undefined || encoder === 'opusenc') return;
    if (reason === 'pipeline') encoders.distrust();
    if (reason === 'encoder') encoders.failed(encoder, message);
  }

  /** This life is of no use any more: the next one begins by the supervisor's back-off. */
  #failed(reason: WorkerFailure, message: string, errno?: number): void {
    this.#failure = { reason, message, ...(errno !== undefined && { errno }) };
    this.#supervisor.restart(message);
  }

  #workerDied(exit: ChildExit, delay: number): void {
    const failure = this.#failure ?? this.#explain(exit);
    this.#questions.fail(new CaptureError('not-live', failure.message));
    this.#options.owner.died(failure, delay);
  }

  #explain(exit: ChildExit): CaptureFailure {
    // By the watchdog: what has come since does not count.
    if (exit.killed) {
      const silence = Math.round(this.#options.clock.now() - (this.#lastSignAt ?? this.#begunAt));
      const what = this.#openingAt === undefined ? 'GStreamer was not loaded' : 'the device delivered nothing';
      return { reason: 'stall', message: `${what} for ${silence} ms` };
    }
    const how = exit.signal ?? (exit.code === null ? 'did not start' : `exit code ${exit.code}`);
    return { reason: 'crash', message: `capture worker ended: ${how}` };
  }
}

const decibels = (amplitude: number): number => Math.round(200 * Math.log10(amplitude)) / 10;
