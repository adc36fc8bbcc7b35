import type { PhotoWish, RawPicture, StillPicture } from '../media/track-source.ts';
import { CaptureError } from './capture-error.ts';
import type { CaptureStatus } from './capture-state.ts';
import type { CodedCapture } from './coded-capture.ts';
import type { EncodedTrack } from './encoded-track.ts';
import { type JpegMaker, JpegReaders } from './jpeg-readers.ts';
import type { SlateReason, Slates } from './slates.ts';
import type { PictureFormat } from './worker-messages.ts';
import type { Picture } from './worker-questions.ts';
import type { WorkerRequests } from './worker-requests.ts';

const PICTURE_TIMEOUT_MS = 8000;

export interface SourcePicturesOptions {
  kind: 'video' | 'audio';
  status: CaptureStatus;
  /** Of the device. */
  requests: WorkerRequests;
  coded: CodedCapture;
  slates: Slates;
  /** Keeps the device open until the returned function is called. */
  hold: () => () => void;
  /** {@link SourcePictures.photoSize} has changed. */
  adapt: () => void;
}

/** Single pictures and JPEGs of a source, wherever they are to be had now: of the device, of a decoder or of a slate. */
export class SourcePictures {
  readonly #options: SourcePicturesOptions;
  readonly #jpegs = new JpegReaders((track) => this.#jpegMakerOf(track));
  #photoSize: { width: number; height: number } | undefined;
  #photos: Promise<unknown> = Promise.resolve();

  constructor(options: SourcePicturesOptions) {
    this.#options = options;
  }

  /** The size of a photo that the capture has to serve. */
  get photoSize(): { width: number; height: number } | undefined {
    return this.#photoSize;
  }

  /** Somebody reads JPEGs, which takes the device. */
  get wanted(): boolean {
    return this.#jpegs.tracks.some((track) => !track.private);
  }

  /**
   * A JPEG of what the device shows; for a size beyond the captured one the camera is switched over to its nearest for a
   * moment.
   * @throws CaptureError `not-live`, `timeout`, `failed`, `invalid-value`.
   */
  async photo({ width = 0, height = 0 }: PhotoWish, switches: boolean): Promise<StillPicture> {
    if (width * height === 0 || !switches) return jpeg(await this.#take('jpeg'));
    // One after the other: each switches the camera for itself.
    const taken = this.#photos.then(async () => {
      this.#photoSize = { width, height };
      try {
        this.#options.adapt();
        return jpeg(await this.#take('jpeg'));
      } finally {
        this.#photoSize = undefined;
        this.#options.adapt();
      }
    });
    this.#photos = taken.catch(() => undefined);
    return taken;
  }

  /** @throws CaptureError `not-live`, `timeout`, `failed`, `invalid-value`. */
  grab(): Promise<RawPicture> {
    return this.#take('rgba');
  }

  /** A JPEG of what a track shows, a slate too. @throws CaptureError. */
  async trackPhoto(track: EncodedTrack): Promise<StillPicture> {
    const { slates, hold, status } = this.#options;
    if (track.hidden !== undefined) return jpeg(await slates.takePicture(track.hidden, track));
    const release = hold();
    try {
      await this.#settled();
      return jpeg(status.muted ? await slates.takePicture('silence', track) : await this.#maker.takePicture('jpeg'));
    } finally {
      release();
    }
  }

  /** Every picture that a track shows, until the returned function is called. */
  watchJpegs(track: EncodedTrack, reader: (jpeg: Buffer) => void): () => void {
    return this.#jpegs.add(track, reader);
  }

  /** What the tracks show may have changed. */
  update(): void {
    this.#jpegs.update();
  }

  /** What is passed through has to be decoded for a picture. */
  get #maker(): CodedCapture | WorkerRequests {
    const { coded, requests } = this.#options;
    return coded.active ? coded : requests;
  }

  #jpegMakerOf(track: EncodedTrack): JpegMaker | undefined {
    const { status, slates, coded } = this.#options;
    const reason: SlateReason | undefined = track.hidden ?? (status.muted ? 'silence' : undefined);
    if (reason !== undefined) return { name: reason, watch: (reader) => slates.watchJpegs(reason, track, reader) };
    if (status.name === 'idle') return undefined;
    const maker = this.#maker;
    return { name: maker === coded ? 'decoder' : 'device', watch: (reader) => maker.watchJpegs(reader) };
  }

  async #take(format: PictureFormat): Promise<Picture> {
    const { kind, hold, status } = this.#options;
    if (kind !== 'video') throw new CaptureError('invalid-value', 'a microphone has no picture');
    const release = hold();
    try {
      await this.#settled();
      if (status.muted) throw status.notLive();
      return await this.#maker.takePicture(format);
    } finally {
      release();
    }
  }

  /** Media flows, or it is known that none will for now. @throws CaptureError `not-live`. */
  async #settled(): Promise<void> {
    const { status } = this.#options;
    try {
      await status.settled(AbortSignal.timeout(PICTURE_TIMEOUT_MS));
    } catch {
      throw status.notLive();
    }
  }
}

const jpeg = ({ data, width, height }: Picture): StillPicture => ({ jpeg: data, width, height });
