import type { Writable } from 'node:stream';
import { RtpInput } from '../convert/rtp-input.ts';
import type { MediaClock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { MediaTrackSettings } from '../media/track-dictionaries.ts';
import type { RtpStream } from '../rtp/rtp-stream.ts';
import { CaptureError } from './capture-error.ts';
import type { CaptureLife } from './capture-life.ts';
import type { CaptureFailure, LossStage } from './capture-owner.ts';
import { formatOf } from './coded-formats.ts';
import type { CaptureDevice } from './device.ts';
import { DeviceCapture, type DeviceCaptureOptions } from './device-capture.ts';
import type { EncodedTrack } from './encoded-track.ts';
import type { EncoderChoice } from './encoders.ts';
import type { PictureFormat } from './worker-messages.ts';
import type { Picture } from './worker-questions.ts';

/** A picture is often followed by the next one, in milliseconds. */
const LINGER_MS = 2000;
/** How long nothing may come of what it was given, in milliseconds. */
const PATIENCE_MS = 3000;
const LARGEST_MARGIN_MS = 20;
const ASSUMED = { width: 1280, height: 720 };

export interface DecoderOptions {
  kind: 'video' | 'audio';
  /** What is decoded. */
  stream: () => RtpStream;
  /** Its size, as far as it is known. */
  size: () => MediaTrackSettings;
  /** The tracks that it may have to decode for. */
  tracks: () => EncodedTrack[];
  /** It has to decode for the track now. */
  serves: (track: EncodedTrack) => boolean;
  /** Frames were lost before a track could have them. */
  lost: (stage: LossStage, frames: number) => void;
  /** A life has ended against our will. */
  died: () => void;
  /** It was one of which nothing had come. */
  failed: (failure: CaptureFailure) => void;
  encoders: EncoderChoice;
  clock: MediaClock;
  log: Log;
  environment: Readonly<Record<string, string>>;
  startWorker?: DeviceCaptureOptions['startWorker'];
}

/**
 * Makes pixels, or samples, of a stream that passes through, while somebody needs them: for tracks of another codec, size
 * or rate, and for pictures. It runs through the current group of pictures without a word, and shows what comes next.
 */
export class Decoder {
  readonly capture: DeviceCapture;
  readonly #options: DecoderOptions;
  #flowing = false;
  #pictures = 0;
  #timer: NodeJS.Timeout | undefined;
  /** This life has got its orders: it can be asked for pictures. */
  #launched = false;
  readonly #waiters = new Set<(error?: CaptureError) => void>();
  #unfeed: () => void = () => undefined;
  /** Where a life begins to show something: the newest picture, or what comes next. In monotonic milliseconds. */
  #from = 0;
  /** The same in Unix milliseconds. */
  #wallClock = 0;
  /** When it was given something last, in monotonic milliseconds. */
  #fedAt = 0;
  /** Something has come of this life. */
  #delivered = false;

  constructor(options: DecoderOptions) {
    const { kind, stream, serves, lost, failed, died, clock, encoders, log, environment, startWorker } = options;
    this.#options = options;
    this.capture = new DeviceCapture({
      kind,
      encoders,
      clock: clock.clock,
      log,
      environment,
      startWorker,
      owner: {
        device: () => this.#device,
        tracks: () => this.#tracks,
        flowsTo: serves,
        patience: () => PATIENCE_MS + clock.clock.now() - this.#fedAt,
        text: () => undefined,
        wallClock: () => this.#wallClock,
        packet: (track, packet, life) => {
          this.#delivered = true;
          if (serves(track)) track.push(life, packet);
        },
        lost,
        begun: () => {
          // A little into the newest picture: the one before it, whose time may reach that far, would be shown at the same time.
          const { frameRate = 30 } = this.#options.size();
          this.#from = (stream().lastCaptureTime ?? clock.clock.now()) + Math.min(LARGEST_MARGIN_MS, 500 / frameRate);
          this.#wallClock = clock.clock.wall() - clock.clock.now() + this.#from;
          this.#launched = false;
          this.#delivered = false;
        },
        launched: (life) => this.#feed(life),
        flows: () => undefined,
        died: (failure) => {
          const { message } = failure;
          this.#settle(new CaptureError('failed', message));
          log.warn({ message }, `the decoder was interrupted: ${message}`);
          died();
          // Where it is silent only, what it was given may have been too little.
          if (!this.#delivered && failure.reason !== 'stall') failed(failure);
        },
      },
    });
  }

  /** The stream flows, or not, or its tracks have changed. */
  update(flowing: boolean): void {
    this.#flowing = flowing;
    const tracks = this.#tracks;
    clearTimeout(this.#timer);
    if (!flowing) void this.stop();
    else if (tracks.length === 0 && this.#pictures === 0) {
      this.#timer = setTimeout(() => void this.stop(), LINGER_MS);
      this.#timer.unref();
    } else {
      const { life } = this.capture;
      for (const track of life?.tracks ?? []) this.capture.setGate(track);
      const { serves } = this.#options;
      const misses = tracks.some((track) => serves(track) && !life?.has(track));
      if (life !== undefined && (misses || this.capture.adapt() === false)) this.restart();
      else this.capture.start();
    }
  }

  /** Begins anew, where it runs. */
  restart(): void {
    if (this.capture.life !== undefined) this.capture.restart();
  }

  settingsOf(track: EncodedTrack): MediaTrackSettings | undefined {
    return this.capture.life?.settingsOf(track);
  }

  /** @throws CaptureError `not-live`, `timeout`, `failed`. */
  async takePicture(format: PictureFormat): Promise<Picture> {
    if (!this.#flowing) throw new CaptureError('not-live', 'nothing flows that could be decoded');
    this.#pictures += 1;
    try {
      this.update(this.#flowing);
      if (!this.#launched)
        await new Promise<void>((resolve, reject) => {
          this.#waiters.add((error) => (error === undefined ? resolve() : reject(error)));
        });
      return await this.capture.requests.takePicture(format);
    } finally {
      this.#pictures -= 1;
      this.update(this.#flowing);
    }
  }

  /** Every picture as a JPEG, until the returned function is called. */
  watchJpegs(reader: (jpeg: Buffer) => void): () => void {
    const stop = this.capture.requests.watchJpegs(reader);
    this.#pictures += 1;
    this.update(this.#flowing);
    return () => {
      stop();
      this.#pictures -= 1;
      this.update(this.#flowing);
    };
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#unfeed();
    this.#launched = false;
    this.#settle(new CaptureError('not-live', 'the device was closed'));
    await this.capture.stop();
  }

  /** None where it is for pictures only; else also those that nobody watches, which can be watched at once then. */
  get #tracks(): EncodedTrack[] {
    const { tracks, serves } = this.#options;
    const all = tracks();
    return all.some(serves) ? all : [];
  }

  get #device(): CaptureDevice {
    const { kind, stream, size } = this.#options;
    const decoded = { deviceId: 'rtp', groupId: 'rtp', bus: 'rtp', path: 'rtp' };
    if (kind === 'audio') return { ...decoded, kind: 'audioinput', label: 'decoded sound', sound: stream().codec };
    const { width = ASSUMED.width, height = ASSUMED.height, frameRate } = size();
    const pixelFormat = formatOf(stream().codec);
    return {
      ...decoded,
      kind: 'videoinput',
      label: 'decoded picture',
      formats: [{ pixelFormat, width, height, frameRates: frameRate === undefined ? [] : [frameRate] }],
      controls: [],
    };
  }

  #feed(life: CaptureLife): void {
    this.#unfeed();
    const stream = this.#options.stream();
    const pipe = life.worker.pipes[life.tracks.length] as Writable;
    const { group } = stream;
    const input = new RtpInput(pipe, stream.codec, this.#from);
    const { clock } = this.#options.clock;
    this.#fedAt = clock.now();
    for (const frame of group) input.write(frame, frame.captureTime);
    const removeListener = stream.onFrame((frame) => {
      const pause = clock.now() - this.#fedAt;
      this.#fedAt += pause;
      // For so long there was nothing that it could have done.
      if (pause > PATIENCE_MS / 2) this.capture.signOfLife();
      input.write(frame, frame.captureTime);
    });
    const end = (): void => {
      removeListener();
      pipe.off('close', end);
    };
    pipe.on('close', end);
    this.#unfeed = end;
    this.#launched = true;
    this.#settle();
  }

  #settle(error?: CaptureError): void {
    for (const settle of this.#waiters) settle(error);
    this.#waiters.clear();
  }
}
