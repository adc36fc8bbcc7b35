import { ErrorEvent } from '../media/error-event.ts';
import type { EventHandler } from '../media/event-handlers.ts';
import { MediaStream, watchTrackSet } from '../media/media-stream.ts';
import { encodedOf } from '../media/media-stream-track.ts';
import { fireEvent, trusted } from '../media/trusted-events.ts';
import { defineInterface, requireArguments } from '../media/web-idl.ts';
import { domString, instance, unsignedLong } from '../media/web-idl-types.ts';
import { isAac } from '../rtp/aac.ts';
import { type BitRates, DEFAULT_BIT_RATES, shareBitRate } from './bit-rates.ts';
import { BlobEvent } from './blob-event.ts';
import { type BitrateMode, type MediaRecorderOptions, MediaRecorderOptionsType } from './media-recorder-options.ts';
import type { KeyFrameInterval } from './recorded-track.ts';
import { RecorderSession } from './recorder-session.ts';
import { chooseFormat, isTypeSupported } from './recording-format.ts';

/** The states of MediaRecorder.state. */
export type RecordingState = 'inactive' | 'recording' | 'paused';

type Kinds = ReadonlySet<'audio' | 'video'>;

const StreamType = instance(MediaStream);
const EVENTS = ['start', 'stop', 'dataavailable', 'pause', 'resume', 'error'];
const ALL_KINDS: Kinds = new Set(['audio', 'video']);

/** What runs as a task of its own: scripts see `state` change at once and events later (2.3, Methods). */
const queueTask = (task: () => void): void => void setImmediate(task);

let converterOf: (recorder: MediaRecorder) => number | undefined;

/**
 * Records the tracks of a stream (W3C MediaStream Recording, 2). H.264 and Opus are copied as the tracks have them;
 * everything else is encoded in a GStreamer child. The concatenated Blobs of a recording are one file.
 */
export class MediaRecorder extends EventTarget {
  readonly #stream: MediaStream;
  readonly #options: MediaRecorderOptions;
  readonly #wantedType: string;
  #mimeType: string;
  #state: RecordingState = 'inactive';
  #bitRates: BitRates;
  #session: RecorderSession | undefined;
  /** Ends the watch over the stream's track set. */
  #unwatch: () => void = () => undefined;
  declare onstart: EventHandler;
  declare onstop: EventHandler;
  declare ondataavailable: EventHandler;
  declare onpause: EventHandler;
  declare onresume: EventHandler;
  declare onerror: EventHandler;

  static {
    converterOf = (recorder) => recorder.#session?.converterPid;
    defineInterface(MediaRecorder, { brand: (value) => #stream in value, events: EVENTS });
  }

  /** @throws TypeError for what is no stream; DOMException `NotSupportedError` for a type that cannot be recorded. */
  constructor(stream: MediaStream, options: MediaRecorderOptions = {}) {
    requireArguments(arguments, 1, 'MediaRecorder constructor');
    const ofStream = StreamType.convert(stream, 'MediaRecorder constructor');
    const converted = MediaRecorderOptionsType.convert(options, 'MediaRecorderOptions');
    const { mimeType = '', bitsPerSecond, videoBitsPerSecond, audioBitsPerSecond } = converted;
    if (!isTypeSupported(mimeType, true))
      throw new DOMException(`mimeType '${mimeType}' cannot be recorded`, 'NotSupportedError');
    super();
    this.#stream = ofStream;
    this.#options = converted;
    this.#wantedType = mimeType;
    this.#mimeType = mimeType;
    this.#bitRates = {
      video: videoBitsPerSecond ?? DEFAULT_BIT_RATES.video,
      audio: audioBitsPerSecond ?? DEFAULT_BIT_RATES.audio,
    };
    if (bitsPerSecond !== undefined) this.#bitRates = shareBitRate(bitsPerSecond, ALL_KINDS);
  }

  get stream(): MediaStream {
    return this.#stream;
  }

  /** As it was asked for; while recording, with the codecs that are written. */
  get mimeType(): string {
    return this.#mimeType;
  }

  get state(): RecordingState {
    return this.#state;
  }

  /** Target for pictures that are encoded: what is copied has the rate of its track. */
  get videoBitsPerSecond(): number {
    return this.#bitRates.video;
  }

  /** Target for sound that is encoded. */
  get audioBitsPerSecond(): number {
    return this.#bitRates.audio;
  }

  get audioBitrateMode(): BitrateMode {
    return this.#options.audioBitrateMode ?? 'variable';
  }

  /**
   * Begins with the next key frame, which it asks for.
   * @param timeslice Milliseconds of media in each Blob, at least 100; without it there is one, at the end.
   * @throws DOMException `InvalidStateError` while it records; `NotSupportedError` without a live track, for tracks that
   *   the type has no room for, and for two key frame intervals at once.
   */
  start(...[timeslice]: [timeslice?: number]): void {
    const slice = timeslice === undefined ? undefined : unsignedLong.convert(timeslice, 'MediaRecorder.start');
    const tracks = this.#stream.getTracks().filter(({ readyState }) => readyState === 'live');
    if (this.#state !== 'inactive') throw invalidState('start', this.#state);
    if (tracks.length === 0) throw new DOMException('The stream has no live track', 'NotSupportedError');
    const kinds: Kinds = new Set(tracks.map(({ kind }) => kind));
    const { bitsPerSecond } = this.#options;
    const keyFrameInterval = this.#keyFrameInterval();
    const sounds = tracks.filter(({ kind }) => kind === 'audio').map((track) => encodedOf(track).rtp.codec);
    const format = chooseFormat(this.#wantedType, kinds, sounds.some(isAac) ? 'mp4a' : 'opus');
    if (format === undefined && isTypeSupported(this.#wantedType, false))
      throw new DOMException(
        `'${this.#wantedType || 'MP4'}' has no room for ${[...kinds].join(' and ')}`,
        'NotSupportedError',
      );
    if (bitsPerSecond !== undefined) this.#bitRates = shareBitRate(bitsPerSecond, kinds);
    this.#state = 'recording';
    if (format === undefined) {
      queueTask(() => this.#refuse());
      return;
    }
    const session: RecorderSession = new RecorderSession({
      tracks,
      format,
      wantedType: this.#wantedType,
      bitRates: this.#bitRates,
      keyFrameInterval,
      timeslice: slice,
      handlers: {
        started: () => queueTask(() => this.#started(session)),
        data: (data, timecode) => this.dispatchEvent(new BlobEvent('dataavailable', trusted({ data, timecode }))),
        ended: (error) => this.#end(session, error),
      },
    });
    this.#session = session;
    this.#unwatch = watchTrackSet(this.#stream, () => {
      // Nothing of what comes now is part of it, though scripts hear of that later.
      session.pause();
      const message = 'A track was added to or removed from the stream';
      this.#end(session, new DOMException(message, 'InvalidModificationError'));
    });
    session.start();
  }

  /** Ends the recording: `dataavailable` with the rest and `stop` follow. */
  stop(): void {
    if (this.#state === 'inactive') return;
    const session = this.#inactivate();
    if (session !== undefined) void this.#finish(session);
  }

  /** Nothing is recorded until {@link resume}; the recording goes on without a gap. @throws DOMException `InvalidStateError`. */
  pause(): void {
    if (this.#state === 'inactive') throw invalidState('pause', this.#state);
    if (this.#state === 'paused') return;
    this.#state = 'paused';
    this.#session?.announceStart();
    this.#session?.pause();
    queueTask(() => fireEvent(this, 'pause'));
  }

  /** @throws DOMException `InvalidStateError`. */
  resume(): void {
    if (this.#state === 'inactive') throw invalidState('resume', this.#state);
    if (this.#state === 'recording') return;
    this.#state = 'recording';
    this.#session?.resume();
    queueTask(() => fireEvent(this, 'resume'));
  }

  /** Hands out what has been gathered so far, in a `dataavailable` event. @throws DOMException `InvalidStateError`. */
  requestData(): void {
    if (this.#state === 'inactive') throw invalidState('requestData', this.#state);
    const session = this.#session;
    session?.announceStart();
    queueTask(() => session?.flush());
  }

  /** Whether the type, with the codecs in it, can be recorded on this machine. '' is what fits best. */
  static isTypeSupported(type: string): boolean {
    requireArguments(arguments, 1, 'MediaRecorder.isTypeSupported');
    return isTypeSupported(domString.convert(type, 'MediaRecorder.isTypeSupported'), false);
  }

  #keyFrameInterval(): KeyFrameInterval | undefined {
    const { videoKeyFrameIntervalDuration: milliseconds, videoKeyFrameIntervalCount: frames } = this.#options;
    if (milliseconds !== undefined && frames !== undefined)
      throw new DOMException(
        'videoKeyFrameIntervalDuration and videoKeyFrameIntervalCount exclude each other',
        'NotSupportedError',
      );
    if (milliseconds !== undefined) return { milliseconds };
    return frames === undefined ? undefined : { frames };
  }

  #started(session: RecorderSession): void {
    if (this.#session === session) this.#mimeType = session.type;
    fireEvent(this, 'start');
  }

  /** "Inactivate the recorder" (2.3). */
  #inactivate(): RecorderSession | undefined {
    const session = this.#session;
    this.#session = undefined;
    this.#unwatch();
    this.#mimeType = this.#wantedType;
    this.#state = 'inactive';
    if (this.#options.bitsPerSecond !== undefined)
      this.#bitRates = shareBitRate(this.#options.bitsPerSecond, ALL_KINDS);
    return session;
  }

  /** The recording ends by itself; unless stop() was faster. */
  #end(session: RecorderSession, error?: DOMException): void {
    session.announceStart();
    queueTask(() => {
      if (this.#session !== session) return;
      this.#inactivate();
      if (error !== undefined) this.#fireError(error);
      void this.#finish(session, error);
    });
  }

  /** @param told The error that scripts have heard of. */
  async #finish(session: RecorderSession, told?: DOMException): Promise<void> {
    const failure = await session.stop();
    queueTask(() => {
      if (failure !== undefined && told === undefined) this.#fireError(failure);
      session.finish();
      fireEvent(this, 'stop');
    });
  }

  /** A codec that nobody here has heard of. */
  #refuse(): void {
    if (this.#state === 'inactive') return;
    const message = `mimeType '${this.#wantedType}' cannot be recorded`;
    this.#inactivate();
    this.#fireError(new DOMException(message, 'NotSupportedError'));
    fireEvent(this, 'stop');
  }

  #fireError(error: DOMException): void {
    this.dispatchEvent(new ErrorEvent('error', trusted({ error, message: error.message })));
  }
}

/** Process id of a recorder's converter; undefined while there is none. For tests, and for those who account for processes. */
export const converterPid = (recorder: MediaRecorder): number | undefined => converterOf(recorder);

function invalidState(method: string, state: RecordingState): DOMException {
  return new DOMException(`MediaRecorder.${method}() in state '${state}'`, 'InvalidStateError');
}
