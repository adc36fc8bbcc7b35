import { totalmem } from 'node:os';
import { systemClock } from '../lib/clock.ts';
import { type Log, silentLog } from '../lib/log.ts';
import type { MediaStreamTrack } from '../media/media-stream-track.ts';
import type { BitRates } from './bit-rates.ts';
import { GatheredData } from './gathered-data.ts';
import { Mp4Reader } from './mp4-reader.ts';
import { OggReader } from './ogg-reader.ts';
import type { Part, PartReader } from './part-splitter.ts';
import type { KeyFrameInterval } from './recorded-track.ts';
import { Recording } from './recording.ts';
import { type Container, type RecordingFormat, typeOf } from './recording-format.ts';
import { WebmReader } from './webm-reader.ts';

/** What a recorder makes events of. */
export interface SessionHandlers {
  /** Recording has begun; `type` is known as far as it will be. May come while a script calls, unlike `data`. */
  started(): void;
  data(blob: Blob, timecode: number): void;
  /** It cannot go on, or the tracks have ended, then without an error. {@link RecorderSession.stop} still has to be called. */
  ended(error?: DOMException): void;
}

export interface SessionOptions {
  readonly tracks: readonly MediaStreamTrack[];
  readonly format: RecordingFormat;
  /** The MIME type as it was asked for, or ''. */
  readonly wantedType: string;
  readonly bitRates: BitRates;
  readonly keyFrameInterval: KeyFrameInterval | undefined;
  /** Milliseconds; undefined: everything at the end. */
  readonly timeslice: number | undefined;
  readonly handlers: SessionHandlers;
  readonly log?: Log;
  /** Bytes that are held at most before they are handed out. */
  readonly memoryLimit?: number;
}

const LEAST_TIMESLICE_MS = 100;
/** Blobs are cut between fragments, so a time slice is several of them. */
const FRAGMENTS_IN_A_SLICE = 4;
const LONGEST_FRAGMENT_MS = 1000;
/** A recording whose first picture takes longer has started without it. */
const START_DEADLINE_MS = 1000;
/** Of what nobody fetches a quarter of the memory is kept, and no more than a Blob can comfortably be. */
const MEMORY_LIMIT_BYTES = Math.min(2 ** 30, Math.floor(totalmem() / 4));

const READERS: Record<Container, new () => PartReader> = {
  mp4: Mp4Reader,
  webm: WebmReader,
  'x-matroska': WebmReader,
  ogg: OggReader,
};

/** What lies between start() and the `stop` event of a MediaRecorder: one recording, gathered into Blobs. */
export class RecorderSession {
  readonly #options: SessionOptions;
  readonly #recording: Recording;
  readonly #gathered: GatheredData;
  readonly #timeslice: number | undefined;
  #type: string;
  #state: 'new' | 'started' | 'ended' = 'new';
  /** Where the first Blob began. */
  #origin: number | undefined;
  #startDeadline: NodeJS.Timeout | undefined;
  /** Why it could not be recorded to its end. */
  #failure: DOMException | undefined;

  constructor(options: SessionOptions) {
    const { tracks, format, bitRates, keyFrameInterval, timeslice } = options;
    const reader = new READERS[format.container]();
    this.#options = options;
    this.#type = typeOf(format, options.wantedType, undefined);
    this.#gathered = new GatheredData(reader, options.memoryLimit ?? MEMORY_LIMIT_BYTES);
    this.#timeslice = timeslice === undefined ? undefined : Math.max(timeslice, LEAST_TIMESLICE_MS);
    this.#recording = new Recording({
      tracks,
      format,
      reader,
      videoBitsPerSecond: bitRates.video,
      audioBitsPerSecond: bitRates.audio,
      keyFrameInterval,
      fragmentDuration: Math.min((this.#timeslice ?? Infinity) / FRAGMENTS_IN_A_SLICE, LONGEST_FRAGMENT_MS),
      clock: systemClock,
      log: options.log ?? silentLog,
      began: (profile) => {
        this.#type = typeOf(format, options.wantedType, profile);
        this.announceStart();
      },
      part: (part) => this.#gather(part),
      tracksEnded: () => this.#options.handlers.ended(),
      failed: (reason) => this.#fail(reason),
    });
  }

  /** MIME type with codecs. */
  get type(): string {
    return this.#type;
  }

  /** Process id of the converter. */
  get converterPid(): number | undefined {
    return this.#recording.converterPid;
  }

  start(): void {
    this.#startDeadline = setTimeout(() => this.announceStart(), START_DEADLINE_MS);
    this.#recording.start();
  }

  pause(): void {
    this.#recording.pause();
  }

  resume(): void {
    this.#recording.resume();
  }

  /** Hands out what is there, be it nothing. */
  flush(): void {
    this.#handOut();
  }

  /** Says once that the recording has started: with its first picture, or where something else has to follow that. */
  announceStart(): void {
    if (this.#state !== 'new') return;
    this.#state = 'started';
    clearTimeout(this.#startDeadline);
    this.#options.handlers.started();
  }

  /** Ends the recording and hands out the rest; resolves with what went wrong meanwhile. */
  async stop(): Promise<DOMException | undefined> {
    this.announceStart();
    await this.#recording.stop();
    this.#state = 'ended';
    return this.#failure;
  }

  /** The last Blob, after {@link stop}. */
  finish(): void {
    this.#handOut(this.#recording.duration);
  }

  #gather(part: Part): void {
    const { time } = part;
    const due = this.#timeslice !== undefined && time !== undefined && time >= this.#gathered.start + this.#timeslice;
    if (due) this.#handOut();
    if (!this.#gathered.add(part)) this.#fail('More has been recorded than this machine can hold: use a timeslice');
  }

  #handOut(duration?: number): void {
    const { start } = this.#gathered;
    this.#origin ??= start;
    this.#options.handlers.data(this.#gathered.take(this.#type, duration), start - this.#origin);
  }

  #fail(reason: string): void {
    if (this.#failure !== undefined) return;
    this.#failure = new DOMException(reason, 'UnknownError');
    this.#recording.pause();
    this.#options.handlers.ended(this.#failure);
  }
}
