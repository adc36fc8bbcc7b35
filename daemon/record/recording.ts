import type { Readable } from 'node:stream';
import { type InputPipe, RtpInput } from '../convert/rtp-input.ts';
import { Child } from '../lib/child.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { MediaStreamTrack } from '../media/media-stream-track.ts';
import { type RtpTap, tapRtp } from '../media/rtp-tap.ts';
import type { RtpCodec } from '../rtp/codec.ts';
import type { RtpFrame } from '../rtp/rtp-frame.ts';
import { type Part, type PartReader, PartSplitter } from './part-splitter.ts';
import { type PipelineOptions, type RecordedMedia, recorderArguments } from './pipeline.ts';
import { Timeline } from './timeline.ts';

/** How far apart key frames may be, where somebody cares. */
export type KeyFrameInterval = { readonly milliseconds: number } | { readonly frames: number };

export interface RecordingOptions extends Omit<PipelineOptions, 'media' | 'keyFrameDistance'> {
  readonly tracks: readonly MediaStreamTrack[];
  readonly reader: PartReader;
  readonly keyFrameInterval: KeyFrameInterval | undefined;
  readonly clock: Clock;
  readonly log: Log;
  /** The first picture, or sound where there is none, is in. `profile`: `profile-level-id` of the H.264, where it is known. */
  readonly began: (profile: string | undefined) => void;
  readonly part: (part: Part) => void;
  /** All tracks have ended; whoever listens stops the recording. */
  readonly tracksEnded: () => void;
  /** It cannot go on: the converter died, or hangs. {@link Recording.stop} still has to be called. */
  readonly failed: (reason: string) => void;
}

interface RecordedTrack {
  readonly track: MediaStreamTrack;
  /** Undefined once the track has ended. */
  tap: RtpTap | undefined;
  input: RtpInput | undefined;
  /** The span of the {@link Timeline} that its newest frame is in: a picture begins each one with a key frame. */
  span: number;
  /** When its newest frame arrived, and when that was captured. */
  arrived: number;
  captured: number;
  lastKeyFrame: number;
  framesSinceKeyFrame: number;
  /** Frames that went in since something came out. */
  taken: number;
}

const CHECK_INTERVAL_MS = 250;
/** Sound that came before the picture that it belongs to is kept for this long. */
const HELD_MS = 3000;
/** A track that says nothing for so long is silent ... */
const SILENT_MS = 1000;
/** ... up to this long ago: later its media may still be on the way. */
const LATENESS_MS = 500;
const STALLED_MS = 10_000;
const STALLED_FRAMES = 10;
/** Default distance of key frames that are made here, in milliseconds. */
const KEY_FRAME_MS = 5000;
const DEFAULT_FRAME_RATE = 30;

/**
 * One recording: tracks in, a container in parts out. A GStreamer child does the work. It begins, and goes on after a
 * pause, with a key frame of the first video track; sound is cut to the pictures by the clock that both were captured by.
 */
export class Recording {
  readonly #options: RecordingOptions;
  readonly #tracks: RecordedTrack[];
  readonly #timeline = new Timeline();
  #state: 'idle' | 'running' | { readonly stoppedAt: number } = 'idle';
  #stopped: Promise<void> | undefined;
  /** Time of capture from which the next span may begin; undefined while one is open, or none may begin. */
  #beginFrom: number | undefined;
  /** What came while no span was open, and may belong to the next one. */
  #held: { track: RecordedTrack; frame: RtpFrame }[] = [];
  #child: Child<never, never> | undefined;
  #output: Promise<void> = Promise.resolve();
  #lastOutput = 0;
  #check: Timer | undefined;
  #endOfMedia: (() => void) | undefined;

  constructor(options: RecordingOptions) {
    this.#options = options;
    this.#tracks = options.tracks.map((track) => ({
      track,
      tap: undefined,
      input: undefined,
      span: -1,
      arrived: 0,
      captured: -Infinity,
      lastKeyFrame: -Infinity,
      framesSinceKeyFrame: 0,
      taken: 0,
    }));
  }

  /** The track that a span begins with: the first video track that is live, else the first one. */
  get #leader(): RecordedTrack | undefined {
    const live = this.#tracks.filter(({ tap }) => tap !== undefined);
    return live.find(({ track }) => track.kind === 'video') ?? live[0];
  }

  /** Process id of the converter. */
  get converterPid(): number | undefined {
    return this.#child?.pid;
  }

  /** Milliseconds that are recorded so far, pauses left out. */
  get duration(): number {
    return this.#timeline.durationAt(this.#options.clock.now());
  }

  start(): void {
    const now = this.#options.clock.now();
    this.#state = 'running';
    for (const track of this.#tracks) {
      track.arrived = now;
      track.tap = tapRtp(track.track, {
        frame: (frame) => this.#take(track, frame),
        ended: () => {
          track.tap = undefined;
          track.input?.end();
          if (this.#tracks.every(({ tap }) => tap === undefined)) this.#options.tracksEnded();
          this.#settle();
        },
      });
    }
    this.resume();
    this.#scheduleCheck();
  }

  /** What is captured from now on is not recorded. */
  pause(): void {
    this.#beginFrom = undefined;
    this.#held = [];
    this.#timeline.end(this.#options.clock.now());
  }

  /** Recording goes on with the next key frame, which is asked for. */
  resume(): void {
    if (this.#timeline.open) return;
    this.#beginFrom = this.#options.clock.now();
    this.#leader?.tap?.requestKeyFrame();
  }

  /** Ends the recording with what was captured up to now; resolves when all of it has come out. Idempotent. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    const { clock, log } = this.#options;
    this.pause();
    this.#state = { stoppedAt: clock.now() };
    this.#noteOutput();
    if (this.#child?.running) {
      await new Promise<void>((resolve) => {
        this.#endOfMedia = resolve;
        clock.setTimeout(resolve, LATENESS_MS);
        this.#settle();
      });
      for (const track of this.#tracks) this.#fillSilence(track, this.duration);
    }
    for (const { tap, input } of this.#tracks) {
      tap?.close();
      input?.end();
    }
    await this.#output;
    clock.clearTimeout(this.#check);
    const dropped = this.#tracks.reduce((sum, { input }) => sum + (input?.dropped ?? 0), 0);
    if (dropped > 0) log.warn({ dropped }, 'frames are missing in a recording: this machine is too slow for its codec');
  }

  /** Once all that was captured before the stop has come. */
  #settle(): void {
    if (typeof this.#state === 'string') return;
    const { stoppedAt } = this.#state;
    const settled = ({ tap, captured, track }: RecordedTrack): boolean =>
      tap === undefined || track.muted || captured >= stoppedAt;
    if (this.#tracks.every(settled)) this.#endOfMedia?.();
  }

  #take(track: RecordedTrack, frame: RtpFrame): void {
    track.arrived = this.#options.clock.now();
    track.captured = frame.captureTime;
    if (track === this.#leader && this.#beginFrom !== undefined) this.#tryBegin(frame);
    if (this.#timeline.placeOf(frame.captureTime) !== undefined) this.#write(track, frame);
    else if (this.#beginFrom !== undefined && track !== this.#leader) this.#hold(track, frame);
    this.#settle();
  }

  #tryBegin(frame: RtpFrame): void {
    if (!frame.keyFrame || frame.captureTime < (this.#beginFrom ?? Infinity)) return;
    this.#beginFrom = undefined;
    this.#timeline.begin(frame.captureTime);
    this.#noteOutput();
    if (this.#child === undefined) {
      this.#convert();
      const formatParameters = this.#leader?.tap?.rtp.formatParameters;
      this.#options.began(formatParameters?.match(/profile-level-id=([0-9A-F]{6})/i)?.[1]);
    }
    const held = this.#held;
    this.#held = [];
    for (const each of held) this.#write(each.track, each.frame);
  }

  #hold(track: RecordedTrack, frame: RtpFrame): void {
    this.#held.push({ track, frame });
    const oldest = this.#options.clock.now() - HELD_MS;
    while ((this.#held[0]?.frame.captureTime ?? Infinity) < oldest) this.#held.shift();
  }

  #write(track: RecordedTrack, frame: RtpFrame): void {
    const place = this.#timeline.placeOf(frame.captureTime);
    if (place === undefined || track.input === undefined || !this.#child?.running) return;
    const video = track.track.kind === 'video';
    if (video && !frame.keyFrame && (place.span !== track.span || track.input.needsKeyFrame)) return;
    track.span = place.span;
    if (track.input.write(frame, place.time)) track.taken += 1;
    if (video) this.#countKeyFrames(track, frame);
  }

  /** Asks for key frames where they have to be at most so far apart, and the pictures are not encoded here. */
  #countKeyFrames(track: RecordedTrack, frame: RtpFrame): void {
    const { keyFrameInterval, format } = this.#options;
    if (frame.keyFrame) {
      track.lastKeyFrame = frame.captureTime;
      track.framesSinceKeyFrame = 0;
      return;
    }
    track.framesSinceKeyFrame += 1;
    if (keyFrameInterval === undefined || format.video !== 'avc1') return;
    const due =
      'frames' in keyFrameInterval
        ? track.framesSinceKeyFrame >= keyFrameInterval.frames
        : frame.captureTime - track.lastKeyFrame >= keyFrameInterval.milliseconds;
    if (due) track.tap?.requestKeyFrame();
  }

  #convert(): void {
    const { format, log } = this.#options;
    const live: { codec: RtpCodec; size: RecordedMedia['size']; track: RecordedTrack }[] = [];
    for (const track of this.#tracks) {
      if (track.tap === undefined) continue;
      const { width, height } = track.track.getSettings();
      const size = width === undefined || height === undefined ? undefined : { width, height };
      live.push({ codec: track.tap.rtp.codec, size, track });
    }
    const args = recorderArguments({ ...this.#options, media: live, keyFrameDistance: this.#keyFrameDistance() });
    const name = `recorder ${format.container}`;
    let firstWords: string | undefined;
    const child = new Child<never, never>({
      run: { program: 'gst-launch-1.0', args },
      name,
      pipes: live.length + 1,
      log: heard(log, (words) => {
        firstWords ??= words;
      }),
    });
    this.#child = child;
    live.forEach(({ codec, track }, index) => {
      track.input = new RtpInput(child.pipes[index] as InputPipe, codec);
    });
    const splitter = new PartSplitter(this.#options.reader);
    const pipe = child.pipes[live.length] as Readable;
    pipe.on('data', (chunk: Buffer) => {
      this.#noteOutput();
      for (const part of splitter.push(chunk)) this.#options.part(part);
    });
    const closed = new Promise<void>((resolve) => pipe.once('close', resolve));
    this.#output = Promise.all([closed, child.exited]).then(([, { code, signal }]) => {
      if (code === 0 && typeof this.#state === 'object') return;
      log.error({ child: name, code, signal }, 'recorder died');
      const words = firstWords === undefined ? '' : `: ${firstWords}`;
      this.#options.failed(`The recorder's converter ended (${signal ?? `code ${code}`})${words}`);
    });
  }

  #keyFrameDistance(): number {
    const { keyFrameInterval = { milliseconds: KEY_FRAME_MS } } = this.#options;
    if ('frames' in keyFrameInterval) return Math.max(1, keyFrameInterval.frames);
    const { frameRate = DEFAULT_FRAME_RATE } = this.#leader?.track.getSettings() ?? {};
    return Math.max(1, Math.round((keyFrameInterval.milliseconds * frameRate) / 1000));
  }

  #scheduleCheck(): void {
    const { clock } = this.#options;
    this.#check = clock.setTimeout(() => {
      const now = clock.now();
      if (this.#beginFrom !== undefined || this.#leader?.input?.needsKeyFrame) this.#leader?.tap?.requestKeyFrame();
      if (this.#timeline.open) for (const track of this.#tracks) this.#fillSilence(track, this.duration - LATENESS_MS);
      this.#watchProgress(now);
      this.#scheduleCheck();
    }, CHECK_INTERVAL_MS);
  }

  #noteOutput(): void {
    this.#lastOutput = this.#options.clock.now();
    for (const track of this.#tracks) track.taken = 0;
  }

  /** Kills a converter that hangs. One track that is away holds the others up; that is something else. */
  #watchProgress(now: number): void {
    if (this.#child === undefined || now - this.#lastOutput < STALLED_MS) return;
    const live = this.#tracks.filter(({ tap }) => tap !== undefined);
    const takesAll = this.#timeline.open && live.every(({ taken }) => taken > STALLED_FRAMES);
    if (takesAll || typeof this.#state === 'object') this.#child.kill(false);
  }

  #fillSilence({ track, tap, input, arrived }: RecordedTrack, until: number): void {
    const silent = this.#options.clock.now() - arrived > SILENT_MS;
    if (track.kind === 'audio' && tap !== undefined && silent) input?.silence(until);
  }
}

/** The same log, and what it warns of. */
function heard(log: Log, keep: (message: string) => void): Log {
  return {
    debug: (fields, message) => log.debug(fields, message),
    info: (fields, message) => log.info(fields, message),
    warn: (fields, message) => {
      if (message !== undefined) keep(message);
      log.warn(fields, message);
    },
    error: (fields, message) => log.error(fields, message),
    child: (bindings) => heard(log.child(bindings), keep),
  };
}
