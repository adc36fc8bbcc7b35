import type { RtpInput } from '../convert/rtp-input.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { MediaStreamTrack } from '../media/media-stream-track.ts';
import { type RtpTap, tapRtp } from '../media/rtp-tap.ts';
import type { RtpFrame } from '../rtp/rtp-frame.ts';
import type { Part, PartReader } from './part-splitter.ts';
import type { PipelineOptions } from './pipeline.ts';
import { RecorderConverter } from './recorder-converter.ts';
import { type RecordedTime, Timeline } from './timeline.ts';

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
  /** Which one it is of the converter's inputs. */
  index: number;
  /** The span of the {@link Timeline} that its newest frame is in: a picture begins each one with a key frame. */
  span: number;
  /** When its newest frame arrived, and when that was captured. */
  arrived: number;
  captured: number;
  /** Where its newest frame is in the recording, and how far from the one before, in milliseconds. */
  time: number;
  step: number;
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
  /** Time of capture at which it was ended. */
  #stoppedAt: number | undefined;
  #stopped: Promise<void> | undefined;
  /** Time of capture from which the next span may begin; undefined while one is open, or none may begin. */
  #beginFrom: number | undefined;
  /** What came while no span was open, and may belong to the next one. */
  #held: { track: RecordedTrack; frame: RtpFrame }[] = [];
  #converter: RecorderConverter | undefined;
  #lastOutput = 0;
  #check: Timer | undefined;
  #endOfMedia: (() => void) | undefined;

  constructor(options: RecordingOptions) {
    this.#options = options;
    this.#tracks = options.tracks.map((track) => ({
      track,
      tap: undefined,
      input: undefined,
      index: 0,
      span: -1,
      arrived: 0,
      captured: -Infinity,
      time: 0,
      step: 0,
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
    return this.#converter?.pid;
  }

  /** Milliseconds that are recorded so far, pauses left out. */
  get duration(): number {
    return this.#timeline.durationAt(this.#options.clock.now());
  }

  start(): void {
    const now = this.#options.clock.now();
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
    this.#stoppedAt = clock.now();
    this.#noteOutput();
    if (this.#converter?.running) {
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
    await this.#converter?.ended;
    clock.clearTimeout(this.#check);
    const dropped = this.#tracks.reduce((sum, { input }) => sum + (input?.dropped ?? 0), 0);
    if (dropped > 0) log.warn({ dropped }, 'frames are missing in a recording: this machine is too slow for its codec');
  }

  /** Once all that was captured before the stop has come. */
  #settle(): void {
    const stoppedAt = this.#stoppedAt;
    if (stoppedAt === undefined) return;
    const settled = ({ tap, captured, track }: RecordedTrack): boolean =>
      tap === undefined || track.muted || captured >= stoppedAt;
    if (this.#tracks.every(settled)) this.#endOfMedia?.();
  }

  #take(track: RecordedTrack, frame: RtpFrame): void {
    track.arrived = this.#options.clock.now();
    track.captured = frame.captureTime;
    if (track === this.#leader && this.#beginFrom !== undefined) this.#tryBegin(frame);
    const place = this.#timeline.placeOf(frame.captureTime);
    if (place !== undefined) this.#write(track, frame, place);
    else if (this.#beginFrom !== undefined && track !== this.#leader) this.#hold(track, frame);
    this.#settle();
  }

  #tryBegin(first: RtpFrame): void {
    if (!first.keyFrame || first.captureTime < (this.#beginFrom ?? Infinity)) return;
    this.#beginFrom = undefined;
    this.#timeline.begin(first.captureTime);
    this.#noteOutput();
    if (this.#converter === undefined) {
      this.#convert();
      const formatParameters = this.#leader?.tap?.rtp.formatParameters;
      this.#options.began(formatParameters?.match(/profile-level-id=([0-9A-F]{6})/i)?.[1]);
    }
    const held = this.#held;
    this.#held = [];
    for (const { track, frame } of held) {
      const place = this.#timeline.placeOf(frame.captureTime);
      if (place !== undefined) this.#write(track, frame, place);
    }
  }

  #hold(track: RecordedTrack, frame: RtpFrame): void {
    this.#held.push({ track, frame });
    const oldest = this.#options.clock.now() - HELD_MS;
    while ((this.#held[0]?.frame.captureTime ?? Infinity) < oldest) this.#held.shift();
  }

  #write(track: RecordedTrack, frame: RtpFrame, place: RecordedTime): void {
    if (track.input === undefined || !this.#converter?.running) return;
    const video = track.track.kind === 'video';
    if (video && !frame.keyFrame && (place.span !== track.span || track.input.needsKeyFrame)) return;
    if (track.span < 0) this.#options.reader.trackBegins?.(track.index, place.time);
    if (place.span === track.span) track.step = place.time - track.time;
    // Sound that was captured while a pause began still lasts.
    else if (!video && place.time < track.time + track.step) return;
    track.time = place.time;
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
    const live = this.#tracks.flatMap((track) => (track.tap === undefined ? [] : [{ track, tap: track.tap }]));
    const media = live.map(({ track, tap }) => {
      const { width, height } = track.track.getSettings();
      const size = width === undefined || height === undefined ? undefined : { width, height };
      return { codec: tap.rtp.codec, size };
    });
    const converter = new RecorderConverter({
      ...this.#options,
      media,
      keyFrameDistance: this.#keyFrameDistance(),
      part: (part) => {
        this.#noteOutput();
        this.#options.part(part);
      },
    });
    this.#converter = converter;
    for (const [index, { track }] of live.entries()) {
      track.index = index;
      track.input = converter.inputs[index];
    }
    void converter.ended.then((reason = this.#stoppedAt === undefined ? 'The recorder ended' : undefined) => {
      if (reason !== undefined) this.#options.failed(reason);
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
    if (this.#converter === undefined || now - this.#lastOutput < STALLED_MS) return;
    const live = this.#tracks.filter(({ tap }) => tap !== undefined);
    const takesAll = this.#timeline.open && live.every(({ taken }) => taken > STALLED_FRAMES);
    if (takesAll || this.#stoppedAt !== undefined) this.#converter.kill();
  }

  #fillSilence(recorded: RecordedTrack, until: number): void {
    const { track, tap, input, arrived } = recorded;
    const silent = track.kind === 'audio' && this.#options.clock.now() - arrived > SILENT_MS;
    if (!silent || tap === undefined || until <= 0) return;
    input?.silence(until);
    // Where it is the first that is heard of the track, that begins with the recording.
    recorded.span = Math.max(recorded.span, 0);
  }
}
