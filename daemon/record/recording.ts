import type { Clock, Timer } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { MediaStreamTrack } from '../media/media-stream-track.ts';
import { tapRtp } from '../media/rtp-tap.ts';
import type { RtpFrame } from '../rtp/rtp-frame.ts';
import type { Part, PartReader } from './part-splitter.ts';
import type { PipelineOptions } from './pipeline.ts';
import { type KeyFrameInterval, RecordedTrack } from './recorded-track.ts';
import { RecorderConverter } from './recorder-converter.ts';
import { type RecordedTime, Timeline } from './timeline.ts';

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

const CHECK_INTERVAL_MS = 250;
/** Sound that came before the picture that it belongs to is kept for this long. */
const HELD_MS = 3000;
/** Media may be on the way for so long. */
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
    this.#tracks = options.tracks.map((track) => new RecordedTrack(track));
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
          track.end();
          if (this.#tracks.every(({ tap }) => tap === undefined)) this.#options.tracksEnded();
          this.#settle();
        },
      });
    }
    this.resume();
    const { tap } = this.#leader ?? {};
    // What a camera sent since its last key frame belongs to the picture that it shows now.
    this.#beginFrom = Math.min(now, tap?.rtp.joinsAt?.captureTime ?? now);
    tap?.join();
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
      for (const track of this.#tracks) track.fillSilence(clock.now(), this.duration);
    }
    for (const track of this.#tracks) {
      track.tap?.close();
      track.end();
    }
    await this.#converter?.ended;
    clock.clearTimeout(this.#check);
    const dropped = this.#tracks.reduce((sum, track) => sum + track.dropped, 0);
    if (dropped > 0) log.warn({ dropped }, 'frames are missing in a recording: this machine is too slow for its codec');
  }

  /** Once all that was captured before the stop has come. */
  #settle(): void {
    const stoppedAt = this.#stoppedAt;
    if (stoppedAt === undefined) return;
    if (this.#tracks.every((track) => track.hasCome(stoppedAt))) this.#endOfMedia?.();
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
    if (!this.#converter?.running) return;
    track.write(frame, place);
    // Where the pictures are not encoded here, the source has to be asked.
    const { keyFrameInterval, format } = this.#options;
    const asks = keyFrameInterval !== undefined && format.video === 'avc1' && track.track.kind === 'video';
    if (asks && track.isKeyFrameDue(keyFrameInterval)) track.tap?.requestKeyFrame();
  }

  #convert(): void {
    const live = this.#tracks.flatMap((track) => (track.tap === undefined ? [] : [{ track, tap: track.tap }]));
    const media = live.map(({ track, tap }) => {
      const { width, height } = track.track.getSettings();
      // What it is from now on, if its device has not said yet.
      tap.rtp.settle();
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
    for (const [index, input] of converter.inputs.entries())
      live[index]?.track.feed(input, (time) => this.#options.reader.trackBegins?.(index, time));
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
      if (this.#beginFrom !== undefined || this.#leader?.needsKeyFrame) this.#leader?.tap?.requestKeyFrame();
      if (this.#timeline.open) for (const track of this.#tracks) track.fillSilence(now, this.duration - LATENESS_MS);
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
}
