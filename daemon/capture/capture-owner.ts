import type { TrackConfiguration } from '../media/track-source.ts';
import type { CaptureLife } from './capture-life.ts';
import type { CapturePlan } from './capture-plan.ts';
import type { CaptureDevice } from './device.ts';
import type { EncodedTrack } from './encoded-track.ts';
import type { SourceOpening, WorkerFailure, WorkerReport } from './worker-messages.ts';

/** Why a life was of no use. */
export interface CaptureFailure {
  /** Its worker's own; `absent`: the device is not to be had, no life has begun with it. */
  readonly reason: WorkerFailure | 'crash' | 'stall' | 'absent';
  /** Why the driver did not begin, where it was that. */
  readonly errno?: number;
  readonly message: string;
}

/** Where frames are lost for all tracks. */
export type LossStage = 'capture' | 'conversion';

/** Whose tracks a `DeviceCapture` captures for, and who hears of it. */
export interface DeviceCaptureOwner {
  /** What to capture from, as of now; undefined: the worker stands by for it. */
  device(): CaptureDevice | undefined;
  /** What a life with these tracks does, where it is not the usual. @throws CaptureError `invalid-value`. */
  plan?(device: CaptureDevice, tracks: readonly EncodedTrack[]): CapturePlan | undefined;
  opening?(): SourceOpening | undefined;
  /** Called before each life with the device: what it returns is captured. @throws CaptureError `not-live`: it is asked again. */
  prepare?(device: CaptureDevice): Promise<CaptureDevice>;
  /** It could not be prepared; the worker stands by for the next attempt, in so many milliseconds. */
  unprepared?(failure: CaptureFailure, delay: number): void;
  /** Which tracks the next life encodes for. */
  tracks(): EncodedTrack[];
  /** Whether the media of a track is to flow from here. */
  flowsTo(track: EncodedTrack): boolean;
  /** How it is to be encoded, where that is not the track's own configuration. */
  configuration?(track: EncodedTrack): TrackConfiguration;
  /** Text on a test picture. */
  text(): string | undefined;
  /** The size of a photo that the capture has to serve. */
  photo?(): { width: number; height: number } | undefined;
  /** What a program pushed last. */
  pushed?(): Uint8Array | undefined;
  /** Unix milliseconds at the beginning of the times that coming RTP has. */
  wallClock?(): number;
  packet(track: EncodedTrack, packet: Buffer, life: CaptureLife): void;
  /** A life of the worker begins. */
  begun?(): void;
  /** It knows what it has to do. */
  launched?(life: CaptureLife): void;
  /** How long it may be silent, where that is not for the frame rate to say, in milliseconds. */
  patience?(): number | undefined;
  /** Frames were lost before any track could have them: left out by the device, or dropped because their conversion was busy. */
  lost?(stage: LossStage, frames: number): void;
  /** See the report of that name. */
  senderTime?(life: CaptureLife, report: Extract<WorkerReport, { type: 'sender-time' }>): void;
  /** A sign of life: media flows. */
  flows(): void;
  died(failure: CaptureFailure, delay: number): void;
}
