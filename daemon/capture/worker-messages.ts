import type { TlsPeer } from './tls-peer.ts';

/** What `source` is told before it opens, and a launch string must not have in it: an address and secrets. */
export interface SourceOpening {
  readonly properties: Readonly<Record<string, string>>;
  /** It is reached through TLS. */
  readonly tls?: TlsPeer;
}

/** What the capture worker is told (over IPC). */
export type WorkerCommand =
  | {
      readonly type: 'start';
      readonly launch: string;
      /** Of each track, in the order of the pipes: whether its media flows from the beginning. */
      readonly gates: readonly boolean[];
      /** Of each track: seconds between key frames that nobody asked for; undefined or missing: the encoder sees to it. */
      readonly keyFrameIntervals: readonly (number | undefined)[];
      /** What comes by the pipe after those of the tracks. */
      readonly input: WorkerInput | undefined;
      /** Text over the picture of each track, with the conversions of strftime(3); empty: none. */
      readonly overlays: readonly string[];
      readonly opening?: SourceOpening | undefined;
      /** Text on the test picture, before its clock; plain, any script. */
      readonly text: string | undefined;
      /** Buffers between the two points at which those of its queues are counted, while none is dropped; undefined: none are. */
      readonly queueRoom: number | undefined;
      /** Pictures that the worker itself makes for `source`, with the time in them: their size and rate. */
      readonly stamped?: { readonly width: number; readonly height: number; readonly frameRate: number };
    }
  /** Lets the media of a track flow, or stops it before its encoder. */
  | { readonly type: 'gate'; readonly track: number; readonly open: boolean }
  /** Black or silence while it is not enabled. */
  | { readonly type: 'enable'; readonly track: number; readonly enabled: boolean }
  | { readonly type: 'key-frame'; readonly track: number }
  | { readonly type: 'key-frame-interval'; readonly track: number; readonly seconds: number }
  /** Makes pictures of another size, or leaves out frames (`reduces`), before an encoder that goes along with it. */
  | { readonly type: 'shape'; readonly track: number; readonly caps: string; readonly reduces: boolean }
  /** Sets a number of the encoder, in its own unit. */
  | { readonly type: 'tune'; readonly track: number; readonly property: string; readonly value: number }
  | { readonly type: 'picture'; readonly id: number; readonly format: PictureFormat }
  /** Every picture goes out as a JPEG, on the last descriptor, or none does. */
  | { readonly type: 'jpegs'; readonly open: boolean }
  /** How loud is it? */
  | { readonly type: 'level'; readonly id: number }
  /** Shows another text on the test picture. */
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'stop' };

/** `frames`: pictures, each behind its length (32 bits, big endian). `rtp`: what an RtpInput writes. */
export type WorkerInput = 'frames' | 'rtp';

/** `rgba`: uncompressed, 4 bytes a pixel. */
export type PictureFormat = 'jpeg' | 'rgba';

/** What the capture worker tells. Its media goes out on a descriptor, not here. */
export type WorkerReport =
  /** GStreamer is loaded; the device is being opened. */
  | { readonly type: 'opening' }
  /** The device delivers, though nothing of it is encoded. */
  | { readonly type: 'flowing' }
  /** Buffers that were dropped because what was to work on them was busy, in this life: before the conversion, and before the encoder of each track. */
  | { readonly type: 'dropped'; readonly conversion: number; readonly encoders: readonly number[] }
  /** The device has left out frames, by its own numbers: of so many seconds. */
  | { readonly type: 'left-out'; readonly seconds: number }
  /**
   * Of a network source there came what is at so many milliseconds of the media's own timestamps; its clock showed that
   * then, in Unix milliseconds, where it tells.
   */
  | { readonly type: 'sender-time'; readonly running: number; readonly shown: number | undefined }
  /** Nothing (more) will come of this life; the worker waits to be ended. */
  | {
      readonly type: 'failed';
      readonly reason: WorkerFailure;
      readonly track?: number | undefined;
      readonly message: string;
    }
  | {
      readonly type: 'tuned';
      readonly track: number;
      readonly property: string;
      readonly value: number;
      readonly accepted: boolean;
    }
  | {
      readonly type: 'picture';
      readonly id: number;
      readonly data: Buffer;
      readonly width: number;
      readonly height: number;
    }
  /** Full scale is 1. */
  | { readonly type: 'level'; readonly id: number; readonly peak: number; readonly rms: number }
  | { readonly type: 'unanswered'; readonly id: number; readonly message: string };

export type WorkerFailure =
  /** The launch string was refused: an element is not installed, or it is wrong. */
  | 'pipeline'
  /** The device is not there, or does not open. */
  | 'device'
  /** Somebody else has the device. */
  | 'busy'
  /** An encoder refused to begin or failed while it ran. */
  | 'encoder'
  /** The pipeline reported an error while it ran. */
  | 'stream'
  /** The source came to its end. */
  | 'ended';

/**
 * What an error on the bus means, by the name of the element that reports it, and its words: they are all that tells of
 * `busy`. Of an encoder also for which track it encodes.
 */
export function failureBy(element: string | undefined, words = ''): { reason: WorkerFailure; track?: number } {
  if (element === 'source' && /\bbusy\b|already in use|being used by another/i.test(words)) return { reason: 'busy' };
  const [, track] = /^encoder(\d+)$/.exec(element ?? '') ?? [];
  return track === undefined ? { reason: 'stream' } : { reason: 'encoder', track: Number(track) };
}
