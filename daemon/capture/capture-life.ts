import type { MediaTrackSettings } from '../media/track-dictionaries.ts';
import type { BranchTuning, CapturePlan } from './capture-plan.ts';
import type { EncodedTrack } from './encoded-track.ts';
import { framePrefix } from './pushed-frames.ts';
import type { SourceOpening } from './worker-messages.ts';
import type { CaptureWorker } from './worker-process.ts';

/** One life of a source's worker: the tracks that it encodes for, in the order of its pipes, and what it was told. */
export class CaptureLife {
  readonly tracks: readonly EncodedTrack[];
  readonly worker: CaptureWorker;
  #plan: CapturePlan | undefined;
  #dropped: { conversion: number; encoders: readonly number[] } = { conversion: 0, encoders: [] };

  constructor(worker: CaptureWorker, tracks: readonly EncodedTrack[]) {
    this.worker = worker;
    this.tracks = tracks;
  }

  /** What it does; undefined before {@link begin}. */
  get plan(): CapturePlan | undefined {
    return this.#plan;
  }

  begin(plan: CapturePlan, opening: SourceOpening | undefined): void {
    this.#plan = plan;
    this.worker.send({ ...plan.start, opening });
  }

  /** Hands a pushed picture on. @returns false when the worker has not taken the last ones yet: this one is dropped. */
  push(frame: Uint8Array): boolean {
    const pipe = this.worker.pipes[this.tracks.length];
    if (pipe === undefined || this.#plan === undefined || pipe.writableNeedDrain) return false;
    pipe.write(framePrefix(frame.length));
    pipe.write(frame);
    return true;
  }

  /** Buffers that this life has dropped by now, and where. @returns what is new of those before the conversion. */
  dropped(now: { readonly conversion: number; readonly encoders: readonly number[] }): number {
    const before = this.#dropped;
    this.#dropped = now;
    for (const [index, track] of this.tracks.entries())
      track.droppedFrames += (now.encoders[index] ?? 0) - (before.encoders[index] ?? 0);
    return now.conversion - before.conversion;
  }

  /** The frames that a device left out in so many seconds. */
  framesIn(seconds: number): number {
    const rates = this.#plan?.settings.map(({ frameRate = 0 }) => frameRate) ?? [];
    return Math.max(1, Math.round(seconds * Math.max(0, ...rates)));
  }

  has(track: EncodedTrack): boolean {
    return this.tracks.includes(track);
  }

  /** Whether it has these tracks and no others. */
  isFor(tracks: readonly EncodedTrack[]): boolean {
    return tracks.length === this.tracks.length && tracks.every((track) => this.has(track));
  }

  settingsOf(track: EncodedTrack): MediaTrackSettings | undefined {
    return this.#plan?.settings[this.tracks.indexOf(track)];
  }

  /** Lets the media of a track flow, or stops it before its encoder. */
  setGate(track: EncodedTrack, open: boolean): void {
    this.worker.send({ type: 'gate', track: this.tracks.indexOf(track), open });
    // The encoder goes on where it stopped; who comes now has not seen that.
    if (open) track.requestKeyFrame();
  }

  requestKeyFrame(track: EncodedTrack): void {
    if (this.has(track)) this.worker.send({ type: 'key-frame', track: this.tracks.indexOf(track) });
  }

  /** Goes over to another plan while it runs. @returns false where that takes another life. */
  adapt(next: CapturePlan): boolean {
    const before = this.#plan;
    if (before === undefined || before.layout !== next.layout) return false;
    for (const [index, track] of this.tracks.entries()) {
      this.worker.send({ type: 'enable', track: index, enabled: track.configuration.enabled });
      this.#tune(index, before.tunings[index] ?? {}, next.tunings[index] ?? {});
    }
    this.#plan = next;
    return true;
  }

  #tune(track: number, before: BranchTuning, { shape, encoder, keyFrameInterval }: BranchTuning): void {
    if (shape !== undefined && shape.caps !== before.shape?.caps) this.worker.send({ type: 'shape', track, ...shape });
    if (encoder !== undefined && encoder.value !== before.encoder?.value)
      this.worker.send({ type: 'tune', track, ...encoder });
    if (keyFrameInterval !== undefined && keyFrameInterval !== before.keyFrameInterval)
      this.worker.send({ type: 'key-frame-interval', track, seconds: keyFrameInterval });
  }
}
