import type { EncodingSettings } from '../../config/settings.ts';
import type { ChildExit } from '../lib/child.ts';
import type { MediaClock } from '../lib/clock.ts';
import { type Log, quiet } from '../lib/log.ts';
import { Supervisor } from '../lib/supervisor.ts';
import type { MediaTrackCapabilities, MediaTrackSettings } from '../media/track-dictionaries.ts';
import type { EncodedStream, RawPicture, TrackSource, TrackSourceObserver, VideoMode } from '../media/track-source.ts';
import { H264, OPUS } from '../rtp/codec.ts';
import type { RtpFrame } from '../rtp/rtp-frame.ts';
import { RtpStream } from '../rtp/rtp-stream.ts';
import { CaptureError } from './capture-error.ts';
import { type CapturePlan, type CapturePlanInput, type CaptureWish, planCapture } from './capture-plan.ts';
import { type CaptureStateName, CaptureStatus } from './capture-state.ts';
import type { CaptureDevice } from './device.ts';
import type { EncoderChoice, H264Encoder } from './encoders.ts';
import { KeyFrameRequests } from './key-frame-requests.ts';
import type { TestPattern } from './pipeline.ts';
import { type Snapshot, SnapshotRequests } from './snapshot-requests.ts';
import type { WorkerCommand, WorkerFailure, WorkerReport } from './worker-messages.ts';
import { type CaptureWorker, startCaptureWorker } from './worker-process.ts';

/** A camera may take seconds to open and to deliver its first picture. */
const START_TIMEOUT_MS = 10_000;
/** The first restart is at once, the ones after it ever later. */
const BACKOFF = { minimum: 20, maximum: 5000 };
const KEY_FRAME_INTERVAL_MS = 300;
const SNAPSHOT_TIMEOUT_MS = 8000;

export interface CaptureSourceOptions {
  kind: 'video' | 'audio';
  /** What to capture from; undefined while the device that is wished for is not there. */
  device: CaptureDevice | undefined;
  /** What the device is to be called while it is not there: the wish as configured. */
  wishedDevice?: string;
  /** Ideal values. */
  wish: CaptureWish;
  /** Of the picture; not used for sound. */
  encoding: EncodingSettings;
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
 * captures and encodes while somebody wants it, behind one RTP stream that outlives the worker.
 */
export class CaptureSource implements TrackSource {
  readonly kind: 'video' | 'audio';
  readonly rtp: RtpStream;
  readonly stats = { restarts: {} as Record<string, number> } satisfies CaptureSourceStats;
  readonly #options: CaptureSourceOptions;
  readonly #log: Log;
  readonly #supervisor: Supervisor<WorkerCommand, WorkerReport>;
  readonly #keyFrames: KeyFrameRequests;
  readonly #snapshots: SnapshotRequests;
  readonly #observers = new Set<TrackSourceObserver>();
  readonly #status = new CaptureStatus();
  #device: CaptureDevice | undefined;
  #lastDevice: CaptureDevice | undefined;
  #encoding: EncodingSettings;
  #plan: CapturePlan | undefined;
  #attached = 0;
  #retained = 0;
  #idleTimer: NodeJS.Timeout | undefined;
  /** The life that counts; one that was asked to stop does not. */
  #worker: CaptureWorker | undefined;
  #lastPacketAt = 0;
  /** Why this life of the worker is of no use, once it is known. */
  #failure: Failure | undefined;

  constructor(options: CaptureSourceOptions) {
    const { kind, clock } = options;
    this.kind = kind;
    this.#options = options;
    this.#device = options.device;
    this.#lastDevice = options.device;
    this.#encoding = { ...options.encoding };
    this.#log = options.log;
    this.#keyFrames = new KeyFrameRequests({
      clock: clock.clock,
      interval: KEY_FRAME_INTERVAL_MS,
      send: () => this.#worker?.send({ type: 'key-frame' }),
    });
    this.#snapshots = new SnapshotRequests({
      timeout: SNAPSHOT_TIMEOUT_MS,
      send: (id) => this.#worker?.send({ type: 'snapshot', id }) ?? false,
    });
    this.rtp = new RtpStream({
      codec: kind === 'video' ? H264 : OPUS,
      clock,
      cname: options.cname,
      requestKeyFrame: () => this.requestKeyFrame(),
    });
    this.rtp.onFrame((frame) => this.#onFrame(frame));
    this.#status.onChange((was) => {
      if (this.muted !== was.muted) for (const observer of [...this.#observers]) observer.mutedChanged();
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

  get deviceId(): string {
    return this.#lastDevice?.deviceId ?? '';
  }

  get groupId(): string {
    return this.#lastDevice?.groupId ?? '';
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

  /** The element that encodes, once it is chosen. */
  get encoder(): string | undefined {
    return this.#plan?.encoder;
  }

  /** Process of the worker while it runs. */
  get pid(): number | undefined {
    return this.#supervisor.child?.pid;
  }

  settings(): MediaTrackSettings {
    const device = this.#device;
    const identity = device === undefined ? {} : { deviceId: device.deviceId, groupId: device.groupId };
    return { ...(this.#plan ?? this.#tryPlan())?.settings, ...identity };
  }

  observe(observer: TrackSourceObserver): () => void {
    this.#observers.add(observer);
    return () => this.#observers.delete(observer);
  }

  /** Adds a listener for every change of {@link state} or {@link stateReason}; returns what removes it. */
  onStateChange(listener: () => void): () => void {
    return this.#status.onChange(() => listener());
  }

  capabilities(): MediaTrackCapabilities {
    return this.#device === undefined ? {} : { deviceId: this.#device.deviceId, groupId: this.#device.groupId };
  }

  modes(): readonly VideoMode[] {
    return this.#device?.kind === 'videoinput' ? this.#device.formats : [];
  }

  encode(): EncodedStream {
    this.#attached += 1;
    let open = true;
    return {
      rtp: this.rtp,
      settings: () => this.settings(),
      configure: async () => undefined,
      retain: () => this.retain(),
      requestKeyFrame: () => this.requestKeyFrame(),
      close: () => {
        if (!open) return;
        open = false;
        this.#attached -= 1;
        if (this.#attached === 0) void this.close();
      },
    };
  }

  hold(): () => void {
    return this.retain();
  }

  async setControls(): Promise<void> {
    throw new CaptureError('invalid-value', 'this device has no controls');
  }

  photo(): Promise<Snapshot> {
    return this.snapshot();
  }

  async grab(): Promise<RawPicture> {
    throw new CaptureError('failed', 'this source gives no uncompressed pictures');
  }

  retain(): () => void {
    this.#retained += 1;
    clearTimeout(this.#idleTimer);
    this.#start();
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#retained -= 1;
      if (this.#retained > 0) return;
      this.#idleTimer = setTimeout(() => void this.close(), this.#options.idleTimeout);
      this.#idleTimer.unref();
    };
  }

  /** Closes the device now, whoever still retains it; the next retain() opens it again. Idempotent. */
  async close(): Promise<void> {
    clearTimeout(this.#idleTimer);
    this.#keyFrames.cancel();
    this.#snapshots.fail(new CaptureError('not-live', 'the device was closed'));
    this.#status.on('unwanted');
    await this.#stopWorker();
  }

  /** Ends the source for good: its tracks end, its device is closed. */
  async end(): Promise<void> {
    const closed = this.close();
    for (const observer of [...this.#observers]) observer.ended();
    await closed;
  }

  requestKeyFrame(): void {
    // A life that has not delivered yet begins with a key frame.
    if (this.kind === 'video' && this.state === 'live') this.#keyFrames.request();
  }

  /** Captures from another device from now on, or waits for one: the stream goes on. */
  setDevice(device: CaptureDevice | undefined): void {
    const before = this.#device;
    this.#device = device;
    this.#lastDevice = device ?? this.#lastDevice;
    if (before?.deviceId === device?.deviceId && before?.path === device?.path && !this.muted) return;
    this.restart();
  }

  /**
   * Changes the encoder: only the bit rate without an interruption where the encoder can, else by a new life of the worker.
   * @throws CaptureError `invalid-value`; then nothing has changed.
   */
  setEncoding(encoding: EncodingSettings): void {
    const before = this.#encoding;
    const next = { ...encoding };
    if (this.#device !== undefined) planCapture(this.#planInput(this.#device, undefined, next));
    this.#encoding = next;
    if (this.kind === 'audio' || this.state === 'idle') return;
    const onlyBitrate =
      before.maxFramerate === next.maxFramerate &&
      before.scaleResolutionDownBy === next.scaleResolutionDownBy &&
      before.keyFrameInterval === next.keyFrameInterval;
    const live = this.#plan?.liveBitrate;
    if (!onlyBitrate || live === undefined) this.restart();
    else if (before.maxBitrate !== next.maxBitrate)
      this.#worker?.send({ type: 'set-bitrate', property: live.property, value: live.value(next.maxBitrate) });
  }

  /** Resolves when media flows; rejects with the signal's reason. */
  live(signal?: AbortSignal): Promise<void> {
    return this.#status.live(signal);
  }

  /**
   * A JPEG of the picture as it is now, in the captured size; opens the device for it where nobody watches.
   * @throws CaptureError `not-live`, `timeout`, `failed`.
   */
  async snapshot(): Promise<Snapshot> {
    if (this.kind !== 'video') throw new CaptureError('invalid-value', 'a microphone has no picture');
    const release = this.retain();
    try {
      await this.live(AbortSignal.timeout(SNAPSHOT_TIMEOUT_MS)).catch(() => {
        throw new CaptureError('not-live', `no picture: ${this.stateReason ?? 'the device is still starting'}`);
      });
      return await this.#snapshots.take();
    } finally {
      release();
    }
  }

  /** Without a packet for this long a worker that had some counts as hung, in milliseconds. */
  get #stallTimeout(): number {
    const interval = 1000 / (this.#plan?.settings.frameRate ?? 50);
    return Math.max(700, Math.min(2000, interval * 8), interval * 3);
  }

  #planInput(device: CaptureDevice, encoder: H264Encoder = 'x264enc', encoding = this.#encoding): CapturePlanInput {
    const { wish, text, pattern = 'smpte75' } = this.#options;
    return { device, wish, encoding, encoder, pattern, text };
  }

  /** What would be captured, for settings() before the first start. */
  #tryPlan(): CapturePlan | undefined {
    if (this.#device === undefined) return undefined;
    try {
      return planCapture(this.#planInput(this.#device));
    } catch {
      return undefined;
    }
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
    this.#plan = undefined;
    if (this.state === 'idle') return;
    void this.#stopWorker();
    this.#status.on('replaced');
    this.#start();
  }

  #stopWorker(): Promise<void> {
    this.#worker = undefined;
    return this.#supervisor.stop({ type: 'stop' });
  }

  #startWorker(): CaptureWorker {
    this.rtp.sourceChanged();
    this.#failure = undefined;
    this.#keyFrames.cancel();
    const worker = startCaptureWorker({
      name: `${this.kind} capture`,
      log: this.#log,
      environment: this.#options.environment ?? {},
      packet: (packet) => {
        if (this.#worker !== worker) return;
        this.#lastPacketAt = this.#options.clock.now();
        this.#supervisor.progress();
        this.rtp.push(packet);
      },
      report: (report) => {
        if (this.#worker === worker) this.#onReport(report);
      },
    });
    this.#worker = worker;
    // The process starts while the encoder is chosen and the pipeline is described.
    void this.#launch(worker);
    return worker;
  }

  async #launch(worker: CaptureWorker): Promise<void> {
    try {
      const encoder = await (this.kind === 'video' ? this.#options.encoders.choose() : undefined);
      if (this.#worker !== worker || this.#device === undefined) return;
      this.#plan = planCapture(this.#planInput(this.#device, encoder));
      worker.send(this.#plan.start);
    } catch (error) {
      if (this.#worker !== worker) return;
      this.#failed('pipeline', error instanceof Error ? error.message : String(error));
    }
  }

  #onReport(report: WorkerReport): void {
    switch (report.type) {
      case 'playing':
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
      case 'snapshot':
        this.#snapshots.taken(report.id, {
          jpeg: Buffer.from(report.jpeg),
          width: report.width,
          height: report.height,
        });
        break;
      case 'snapshot-failed':
        this.#snapshots.failed(report.id, report.message);
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
    this.#snapshots.fail(new CaptureError('not-live', failure.message));
    // A device that somebody else has is tried for days: it is told once.
    const level = failure.message === this.stateReason ? 'debug' : 'warn';
    this.#log[level]({ ...failure, delay: Math.round(delay) }, `capture interrupted: ${failure.message}`);
    this.#status.on(failure.reason === 'pipeline' ? 'refused' : 'lost', failure.message);
  }

  #explain(exit: ChildExit): Failure {
    const silence = this.#options.clock.now() - this.#lastPacketAt;
    if (this.state === 'live' && silence >= this.#stallTimeout)
      return { reason: 'stall', message: `the device delivered nothing for ${Math.round(silence)} ms` };
    const how = exit.signal ?? (exit.code === null ? 'did not start' : `exit code ${exit.code}`);
    return { reason: 'crash', message: `capture worker ended: ${how}` };
  }

  #onFrame(frame: RtpFrame): void {
    if (frame.keyFrame) this.#keyFrames.satisfied(frame.captureTime);
    if (this.state === 'live') return;
    this.#log.info({ device: this.label, encoder: this.encoder }, `capturing from ${this.label}`);
    this.#status.on('packet');
  }
}
