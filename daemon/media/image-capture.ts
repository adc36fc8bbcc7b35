import { cropAndScale } from './crop-and-scale.ts';
import { ImageBitmap } from './image-bitmap.ts';
import { MediaStreamTrack, sourceOf } from './media-stream-track.ts';
import { type PhotoCapabilities, PhotoSettings } from './photo-dictionaries.ts';
import type { ValueRange } from './track-dictionaries.ts';
import type { PhotoWish, TrackSource, VideoMode } from './track-source.ts';
import { defineInterface, internal, requireArguments } from './web-idl.ts';
import { instance } from './web-idl-types.ts';

const VideoTrack = instance(MediaStreamTrack);

/** Still pictures of a camera (W3C Image Capture, 3), while its tracks go on. */
export class ImageCapture {
  readonly #track: MediaStreamTrack;
  /** What getPhotoCapabilities() has told last. */
  #told: PhotoCapabilities = {};

  static {
    defineInterface(ImageCapture, { brand: (value) => #track in value });
  }

  /** @throws TypeError for what is no track; DOMException `NotSupportedError` for a track that is not of kind "video". */
  constructor(videoTrack: MediaStreamTrack) {
    requireArguments(arguments, 1, 'ImageCapture constructor');
    const track = VideoTrack.convert(videoTrack, 'ImageCapture constructor');
    if (track.kind !== 'video')
      throw notSupported(`ImageCapture takes video tracks; this one is of kind '${track.kind}'`);
    this.#track = track;
  }

  get track(): MediaStreamTrack {
    return this.#track;
  }

  /**
   * A photo, image/jpeg. Without a size it is the captured picture; a larger one than is captured makes the camera
   * change its mode for a moment, in which its tracks may be muted.
   * @param photoSettings Of the sizes of the camera the nearest one is taken; but once getPhotoCapabilities() has told the
   *   limits a size outside of them is refused, as browsers do.
   * @throws DOMException (as a rejection) `InvalidStateError` where the track gives no picture: it has ended, is muted or
   *   disabled; `NotSupportedError` for a setting that the camera has not; `UnknownError` when no photo comes.
   */
  async takePhoto(photoSettings: PhotoSettings = {}): Promise<Blob> {
    const settings = PhotoSettings.convert(photoSettings, 'takePhoto');
    this.#expectPicture();
    const source = sourceOf(this.#track);
    refuseSize(settings, this.#told);
    const wish = { ...photoSize(settings, photoModes(source)), ...photoLight(settings, photoCapabilities(source)) };
    const { jpeg, type = 'image/jpeg' } = await this.#complete('UnknownError', () => source.photo(wish));
    return new Blob([jpeg], { type });
  }

  /**
   * The limits of takePhoto()'s settings.
   * @throws DOMException (as a rejection) `InvalidStateError` for a track that has ended, `OperationError` when it ends
   *   before the answer.
   */
  async getPhotoCapabilities(): Promise<PhotoCapabilities> {
    this.#expectLive();
    this.#told = await this.#complete('OperationError', async () => photoCapabilities(sourceOf(this.#track)));
    return structuredClone(this.#told);
  }

  /**
   * What a photo is like without settings.
   * @throws DOMException (as a rejection) as {@link getPhotoCapabilities}.
   */
  async getPhotoSettings(): Promise<PhotoSettings> {
    this.#expectLive();
    return this.#complete('OperationError', async () => {
      const { width, height } = this.#track.getSettings();
      const size = {
        ...(height === undefined ? {} : { imageHeight: height }),
        ...(width === undefined ? {} : { imageWidth: width }),
      };
      return sourceOf(this.#track).photoSettings?.() ?? size;
    });
  }

  /**
   * The next picture of the track, uncompressed, in the size that the track has.
   * @throws DOMException (as a rejection) as {@link takePhoto}.
   */
  async grabFrame(): Promise<ImageBitmap> {
    this.#expectPicture();
    const picture = await this.#complete('UnknownError', () => sourceOf(this.#track).grab());
    const { width = picture.width, height = picture.height } = this.#track.getSettings();
    return new ImageBitmap(internal, cropAndScale(picture, width, height));
  }

  #expectLive(): void {
    if (this.#track.readyState !== 'live') throw new DOMException('the track has ended', 'InvalidStateError');
  }

  /** A muted or disabled track is black: no picture of the camera, though the device may be busy with other tracks. */
  #expectPicture(): void {
    this.#expectLive();
    if (this.#track.muted) {
      const reason = sourceOf(this.#track).mutedReason;
      throw new DOMException(`the track is muted${reason === undefined ? '' : `: ${reason}`}`, 'InvalidStateError');
    }
    if (!this.#track.enabled) throw new DOMException('the track is disabled', 'InvalidStateError');
  }

  /** What the device is asked for, in parallel to the script. */
  async #complete<T>(failure: 'OperationError' | 'UnknownError', gather: () => Promise<T>): Promise<T> {
    let result: T;
    try {
      result = await gather();
    } catch (error) {
      throw new DOMException(error instanceof Error ? error.message : String(error), failure);
    }
    if (this.#track.readyState !== 'live') throw new DOMException('the track has ended meanwhile', failure);
    return result;
  }
}

/** The sizes of photos, where they are those of the camera's modes. */
function photoModes(source: TrackSource): readonly VideoMode[] {
  return source.photoCapabilities?.() === undefined ? source.modes() : [];
}

function photoCapabilities(source: TrackSource): PhotoCapabilities {
  const told = source.photoCapabilities?.();
  if (told !== undefined) return told;
  const { width, height } = source.capabilities();
  const modes = photoModes(source);
  const imageHeight = modes.length > 0 ? rangeOf(modes.map((mode) => mode.height)) : height;
  const imageWidth = modes.length > 0 ? rangeOf(modes.map((mode) => mode.width)) : width;
  return {
    redEyeReduction: 'never',
    ...(imageHeight === undefined ? {} : { imageHeight: { step: 1, ...imageHeight } }),
    ...(imageWidth === undefined ? {} : { imageWidth: { step: 1, ...imageWidth } }),
  };
}

/** Least, greatest, and the least difference between neighbours. */
function rangeOf(values: readonly number[]): ValueRange {
  const sorted = [...new Set(values)].sort((a, b) => a - b);
  const gaps = sorted.slice(1).map((value, index) => value - (sorted[index] as number));
  return { min: Math.min(...sorted), max: Math.max(...sorted), step: gaps.length === 0 ? 0 : Math.min(...gaps) };
}

function refuseSize(settings: PhotoSettings, told: PhotoCapabilities): void {
  for (const member of ['imageWidth', 'imageHeight'] as const) {
    const { [member]: value } = settings;
    const { [member]: range } = told;
    if (value !== undefined && range !== undefined && !(value >= range.min && value <= range.max))
      throw notSupported(`${member} ${value}: this camera takes photos from ${range.min} to ${range.max}`);
  }
}

/** One dimension by itself is a wish for the camera's nearest size. */
function photoSize({ imageWidth, imageHeight }: PhotoSettings, modes: readonly VideoMode[]): PhotoWish {
  if (imageWidth === undefined && imageHeight === undefined) return {};
  if (imageWidth !== undefined && imageHeight !== undefined) return { width: imageWidth, height: imageHeight };
  const distance = (mode: VideoMode): number =>
    imageWidth === undefined ? Math.abs(mode.height - (imageHeight as number)) : Math.abs(mode.width - imageWidth);
  const [nearest] = [...modes].sort((a, b) => distance(a) - distance(b));
  const { width = imageWidth, height = imageHeight } = nearest ?? {};
  return { ...(width !== undefined && { width }), ...(height !== undefined && { height }) };
}

function photoLight({ fillLightMode, redEyeReduction }: PhotoSettings, capabilities: PhotoCapabilities): PhotoWish {
  const { fillLightMode: lights = ['off'], redEyeReduction: reduction } = capabilities;
  if (fillLightMode !== undefined && !lights.includes(fillLightMode))
    throw notSupported(`fillLightMode '${fillLightMode}': with this camera it is ${lights.join(', ')}`);
  if (redEyeReduction !== undefined && reduction !== 'controllable' && redEyeReduction !== (reduction === 'always'))
    throw notSupported(`redEyeReduction ${redEyeReduction}: with this camera it is ${reduction}`);
  return {
    ...(fillLightMode !== undefined && { fillLightMode }),
    ...(redEyeReduction !== undefined && { redEyeReduction }),
  };
}

const notSupported = (message: string): DOMException => new DOMException(message, 'NotSupportedError');
