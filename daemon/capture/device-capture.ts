import type { ChildExit } from '../lib/child.ts';
import type { Clock } from '../lib/clock.ts';
import { type Log, quiet } from '../lib/log.ts';
import { Supervisor } from '../lib/supervisor.ts';
import { CaptureError } from './capture-error.ts';
import { CaptureLife } from './capture-life.ts';
import type { CaptureFailure, DeviceCaptureOwner } from './capture-owner.ts';
import type { CapturePlan } from './capture-plan.ts';
import type { CaptureDevice } from './device.ts';
import type { EncodedTrack } from './encoded-track.ts';
import type { EncoderChoice } from './encoders.ts';
import { LifePlanner } from './life-planner.ts';
import { LifeProgress } from './life-progress.ts';
import { Standby } from './standby.ts';
import type { TestPattern } from './video-pipeline.ts';
import type { WorkerCommand, WorkerReport } from './worker-messages.ts';
import { type CaptureWorker, startCaptureWorker } from './worker-process.ts';
import { WorkerRequests } from './worker-requests.ts';

/** The first restart is at once, the ones after it ever later. */
const BACKOFF = { minimum: 20, maximum: 5000 };
/** Without a report of its flow for this long a device of which nothing is encoded counts as hung. */
const FLOW_TIMEOUT_MS = 3000;

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
  /** What is asked of the life that counts. */
  readonly requests = new WorkerRequests((command) => this.#life?.worker.send(command) ?? false);
  /** The life that counts; one that was asked to stop does not. */
  #life: CaptureLife | undefined;
  readonly #planner: LifePlanner;
  /** Of the life that counts. */
  #progress: LifeProgress;
  /** How the life that counts is being given its device; what has been left off is another one. */
  #launching: object | undefined;
  readonly #standby: Standby;

  constructor(options: DeviceCaptureOptions) {
    this.#options = options;
    const { kind, log, clock } = options;
    const capture = this;
    this.#progress = new LifeProgress(clock);
    this.#standby = new Standby(clock);
    this.#planner = new LifePlanner(options);
    this.#supervisor = new Supervisor<WorkerCommand, WorkerReport>({
      name: `${kind} capture`,
      // What it has to tell the owner tells with the reason.
      log: quiet(log),
      start: () => this.#startWorker(),
      died: (exit, delay) => this.#workerDied(exit, delay),
      get startTimeout() {
        return capture.#progress.startTimeout;
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
    this.#leave();
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
    if (life === undefined || !this.#progress.standing || !life.isFor(this.#options.owner.tracks())) return false;
    void this.#launch(life);
    return true;
  }

  /** The device has gone: a worker that has not begun with it stands by for the next. @returns false where none does. */
  deviceWent(): boolean {
    if (this.#life === undefined || this.#life.plan !== undefined) return false;
    this.#leave();
    this.#progress.standsBy();
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
    return this.#life?.adapt(this.#planner.planAgain(device, tracks));
  }

  /** What a life would do. @throws CaptureError `invalid-value`. */
  plan(device: CaptureDevice, tracks: readonly EncodedTrack[]): CapturePlan {
    return this.#planner.plan(device, tracks);
  }

  /** Whether the media of a track flows from here may have changed. @returns false where this life knows nothing of the track. */
  setGate(track: EncodedTrack): boolean {
    if (!this.#life?.has(track)) return false;
    this.#life.setGate(track, this.#options.owner.flowsTo(track));
    return true;
  }

  /** The life is well, or has had nothing to do. */
  signOfLife(): void {
    this.#progress.sign();
    this.#supervisor.progress();
  }

  /** This life is of no use any more: the next one begins by the supervisor's back-off. */
  fail(failure: CaptureFailure): void {
    this.#progress.failure = failure;
    this.#supervisor.restart(failure.message);
  }

  /** The text on the test picture has changed. */
  textChanged(): void {
    const text = this.#options.owner.text();
    if (text !== undefined) this.#life?.worker.send({ type: 'text', text });
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

  get #pushes(): boolean {
    return this.#options.owner.device()?.bus === 'push';
  }

  #startWorker(): CaptureWorker {
    const { kind, log, clock, environment, owner, startWorker = startCaptureWorker } = this.#options;
    this.#progress = new LifeProgress(clock);
    this.#launching = undefined;
    owner.begun?.();
    const tracks = owner.tracks();
    const worker = startWorker({
      name: `${kind} capture`,
      log,
      environment,
      tracks: tracks.map((track) => (packet) => {
        if (this.#life !== life) return;
        this.signOfLife();
        owner.packet(track, packet, life);
      }),
      report: (report) => {
        if (this.#life === life) this.#onReport(report);
      },
      refused: (refusal) => {
        if (this.#life === life) this.#progress.refusal = refusal;
      },
      ...(kind === 'video' && {
        jpeg: (jpeg: Buffer) => {
          if (this.#life === life) this.requests.jpeg(jpeg);
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
    const { owner, log } = this.#options;
    const found = owner.device();
    if (found === undefined) return;
    const launching = {};
    this.#launching = launching;
    this.#progress.launched();
    let preparing = true;
    try {
      const device = (await owner.prepare?.(found)) ?? found;
      preparing = false;
      if (this.#launching !== launching) return;
      if (this.#standby.over()) owner.begun?.();
      const plan = await this.#planner.planFirst(device, life.tracks);
      if (this.#launching !== launching) return;
      life.begin(plan, owner.opening?.());
      log.debug({ launch: plan.start.launch }, 'capture pipeline');
      for (const limit of new Set(plan.limits)) if (limit !== undefined) log.warn({}, limit);
      owner.launched?.(life);
      this.requests.launched();
      const pushed = owner.pushed?.();
      if (pushed !== undefined) life.push(pushed);
    } catch (error) {
      if (this.#launching !== launching) return;
      if (preparing && error instanceof CaptureError) this.#standBy(life, error);
      else this.fail({ reason: 'pipeline', message: error instanceof Error ? error.message : String(error) });
    }
  }

  /** The device is not to be had now: the worker, which has done nothing yet, waits for it. */
  #standBy(life: CaptureLife, { message }: CaptureError): void {
    this.#progress.standsBy();
    this.requests.fail(new CaptureError('not-live', message));
    const delay = this.#standby.wait(() => {
      if (this.#life === life && !this.deviceCame()) this.restart();
    });
    this.#options.owner.unprepared?.({ reason: 'absent', message }, delay);
  }

  /** Leaves off what was under way with the device. */
  #leave(): void {
    this.#launching = undefined;
    this.#standby.end();
    this.requests.fail(new CaptureError('not-live', 'the device was closed'));
  }

  #onReport(report: WorkerReport): void {
    const { log, owner } = this.#options;
    switch (report.type) {
      case 'opening':
        this.#progress.opens();
        break;
      case 'flowing':
        this.signOfLife();
        owner.flows();
        break;
      case 'failed':
        this.#planner.blame(this.#life?.plan, report);
        this.fail(this.#progress.failureBy(report));
        break;
      case 'dropped':
        owner.lost?.('conversion', this.#life?.dropped(report) ?? 0);
        break;
      case 'left-out':
        owner.lost?.('capture', this.#life?.framesIn(report.seconds) ?? 0);
        break;
      case 'sender-time':
        if (this.#life !== undefined) owner.senderTime?.(this.#life, report);
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
      case 'level':
      case 'unanswered':
        this.requests.answered(report);
        break;
    }
  }

  #workerDied(exit: ChildExit, delay: number): void {
    const failure = this.#progress.endedBy(exit);
    this.requests.fail(new CaptureError('not-live', failure.message));
    this.#options.owner.died(failure, delay);
  }
}
