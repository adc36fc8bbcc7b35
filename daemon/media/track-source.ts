import type { AudioCodec, H264Profile, VideoCodec } from '../../config/codecs.ts';
import type { Orientation } from '../../config/settings.ts';
import type { RtpStream } from '../rtp/rtp-stream.ts';
import type { FillLightMode, PhotoCapabilities, PhotoSettings } from './photo-dictionaries.ts';
import type { MediaTrackCapabilities, MediaTrackSettings } from './track-dictionaries.ts';

/** What a source tells the tracks that stand on it. */
export interface TrackSourceObserver {
  /** `muted` has changed: the device went silent, or is back. */
  mutedChanged(): void;
  /** Its capabilities, or settings of its tracks, are others than before: a control was set, a device was replaced. */
  configurationChanged?(): void;
  /** The source is gone for good; no packet will come any more. */
  ended(): void;
}

/** A size that a camera delivers by itself, in pixels, and the frames per second that it has there (none: not told). */
export interface VideoMode {
  readonly width: number;
  readonly height: number;
  readonly frameRates: readonly number[];
}

/** How a track's media is encoded: RTCRtpEncodingParameters (W3C WebRTC, 5.2.2) and what encoders need besides. */
export interface EncodingParameters {
  /** Of a picture; default `h264`. The same for the whole life of a track. */
  readonly codec?: VideoCodec | undefined;
  /** Of H.264; default `baseline`. */
  readonly profile?: H264Profile | undefined;
  /** Target of the encoder in bit/s. */
  readonly maxBitrate: number;
  /** Frames per second; undefined: as captured. */
  readonly maxFramerate: number | undefined;
  /** 1 or more. */
  readonly scaleResolutionDownBy: number;
  /** Seconds between key frames that nobody asked for. */
  readonly keyFrameInterval: number;
}

/** What is made of the frames and bits that are asked for, while the machine can do no more: shares of 1. */
export interface EncodingReduction {
  readonly frameRate: number;
  readonly bitrate: number;
}

/** The values of MediaStreamTrack.contentHint (W3C MediaStreamTrack Content Hints, 3). */
export const CONTENT_HINTS = {
  audio: ['', 'speech', 'speech-recognition', 'music'],
  video: ['', 'motion', 'detail', 'text'],
} as const;
export type ContentHint = (typeof CONTENT_HINTS)['audio' | 'video'][number];

/** What is done to a picture before it is encoded, in this order. */
export interface PictureAdjustments {
  /** Percent of its size to cut off at each edge. */
  readonly crop: { readonly top: number; readonly right: number; readonly bottom: number; readonly left: number };
  readonly orientation: Orientation;
  /** Text in a corner, with the conversions of strftime(3); empty: none. */
  readonly overlay: string;
}

/** How one track wants its source's media. */
export interface TrackConfiguration {
  /**
   * Size, frame rate and channels. With `resizeMode` "crop-and-scale" exactly these, else the nearest that the device
   * has by itself; what is missing is the source's choice.
   */
  readonly settings: MediaTrackSettings;
  readonly contentHint: ContentHint;
  /** False: a black picture, silence. */
  readonly enabled: boolean;
  /** The device is not to be open for this track: a dark picture that says so, silence. Default: it may. */
  readonly privacy?: boolean | undefined;
  readonly picture?: PictureAdjustments | undefined;
  /** Amplification of a sound in dB; default 0. */
  readonly gain?: number | undefined;
  /** Of a sound; default `auto`: what its device sends, else `opus`. */
  readonly audioCodec?: AudioCodec | 'auto' | undefined;
  /** Whether what the device has encoded itself may go out as it is, whatever `encoding` says of its bits. Default: it may. */
  readonly passthrough?: boolean | undefined;
  /** Undefined: the source's defaults for the size. */
  readonly encoding?: EncodingParameters | undefined;
  /** Of a picture that is encoded here; undefined: none. */
  readonly reduction?: EncodingReduction | undefined;
}

/**
 * One track's media, encoded (RFC 7656, 2.1.7): an RTP stream of its own over the source, whatever other tracks want of
 * the same source. Costs nothing until it is retained.
 */
export interface EncodedStream {
  readonly rtp: RtpStream;
  /** Of H.264: the profile that is asked of the encoder, for those who have to know before the first picture tells. */
  readonly profile?: H264Profile | undefined;
  /** Why nothing can be encoded for it here, though its source may flow; for a person. */
  readonly problem?: string | undefined;
  /** Frames that were dropped because the encoder was busy; of a sound, buffers as the device delivers them. */
  readonly droppedFrames?: number;
  /** Somebody consumes it. */
  readonly wanted: boolean;
  /** What is delivered: size, frame rate, channels, identity of the device, values of its controls. */
  settings(): MediaTrackSettings;
  /**
   * Changes what the track wants. Resolves when it is in force, for a source that does not run at once.
   * @throws CaptureError (as a rejection) when the source refuses or fails; then nothing has changed.
   */
  configure(configuration: TrackConfiguration): Promise<void>;
  /** Somebody consumes the media: encoding begins with the first call and stops after the last release. */
  retain(): () => void;
  /** The same sound as Opus, encoded while that is retained; itself where it is Opus already. Closed with this one. */
  inOpus?(): EncodedStream;
  /** Asks for a key frame; may be called by every joining viewer, the source coalesces. No effect on audio. */
  requestKeyFrame(): void;
  /**
   * A picture (JPEG) as viewers of this track see it now: of the device, or what stands for it.
   * @throws CaptureError (as a rejection) `not-live`, `timeout`, `failed`.
   */
  photo(): Promise<StillPicture>;
  /**
   * Hands on every picture as a JPEG, in the size that is captured, as viewers of this track see it: of the device, or what
   * stands for it. Costs nothing until it is called; made once for all readers.
   * @returns what ends it.
   */
  watchJpegs?(reader: (jpeg: Buffer) => void): () => void;
  /** The track stopped; when the last one of the source has, the source closes its device and may be forgotten. Idempotent. */
  close(): void;
}

/** How a photo is wished; the source does what is nearest to it. */
export interface PhotoWish {
  /** Pixels. */
  readonly width?: number;
  readonly height?: number;
  readonly fillLightMode?: FillLightMode;
  readonly redEyeReduction?: boolean;
}

/** A still picture (JPEG) with its size in pixels. */
export interface StillPicture {
  readonly jpeg: Buffer;
  /** MIME type, where it is no JPEG. */
  readonly type?: string;
  readonly width: number;
  readonly height: number;
}

/** How loud a sound is, in dB relative to full scale: 0 is the loudest, -96 is silence. */
export interface SoundLevel {
  readonly peak: number;
  readonly rms: number;
}

/** One uncompressed picture: `data` has 4 bytes a pixel, R G B A, rows from the top without padding. */
export interface RawPicture {
  readonly data: Buffer;
  readonly width: number;
  readonly height: number;
}

/**
 * What a MediaStreamTrack stands on: a device (or a test picture, or a program's frames) that makes RTP. One source
 * serves any number of tracks (Media Capture and Streams, 3: "source"). Implemented by the capture room.
 */
export interface TrackSource {
  readonly kind: 'audio' | 'video';
  /** What a person calls the device. */
  readonly label: string;
  /** The source cannot deliver for the moment: unplugged, stalled, restarting. */
  readonly muted: boolean;
  /** Why it is muted, in words for a person; undefined while it is not. */
  readonly mutedReason: string | undefined;
  /** What the device can do: limits and choices of every constrainable property that it has. */
  capabilities(): MediaTrackCapabilities;
  /** Sizes and rates that need no scaling; none: everything within the capabilities. */
  modes(): readonly VideoMode[];
  observe(observer: TrackSourceObserver): () => void;
  /** Begins an encoded stream for a live track. */
  encode(configuration: TrackConfiguration): EncodedStream;
  /** Opens the device and keeps it open though nobody may consume its media, until the returned function is called. */
  hold(): () => void;
  /** Resolves when media flows; rejects with the signal's reason. */
  live(signal?: AbortSignal): Promise<void>;
  /**
   * Sets controls of the device (brightness, zoom, focus ...), in the standard's units, for all its tracks.
   * @param settings Only what is to change: a value of another mode (`exposureTime`) without a word on the mode
   *   (`exposureMode`) changes that too.
   * @throws CaptureError (as a rejection) `invalid-value`, `failed`; then nothing has changed.
   */
  setControls(settings: MediaTrackSettings): Promise<void>;
  /**
   * A picture as it is now, in the captured size; `wish` may ask for another, the device's largest included.
   * @throws CaptureError (as a rejection) `not-live`, `timeout`, `failed`.
   */
  photo(wish?: PhotoWish): Promise<StillPicture>;
  /** What photos may be wished like and how they are without a wish, where the source has more to say than its modes. */
  photoCapabilities?(): PhotoCapabilities;
  photoSettings?(): PhotoSettings;
  /** The next picture, uncompressed, in the captured size. */
  grab(): Promise<RawPicture>;
}
