import { isAac } from '../rtp/aac.ts';
import type { DeviceCaptureOwner } from './capture-owner.ts';
import { type CapturePlan, planCapture } from './capture-plan.ts';
import type { CaptureDevice } from './device.ts';
import type { EncodedTrack } from './encoded-track.ts';
import { type EncoderChoice, type EncoderRanking, isVideoEncoder, SOFTWARE_ENCODERS } from './encoders.ts';
import type { TestPattern } from './video-pipeline.ts';
import type { WorkerReport } from './worker-messages.ts';

export interface LifePlannerOptions {
  kind: 'video' | 'audio';
  owner: DeviceCaptureOwner;
  encoders: EncoderChoice;
  pattern?: TestPattern;
}

/** What lives of a capture do: what their tracks ask for, by the encoders of this machine. */
export class LifePlanner {
  readonly #options: LifePlannerOptions;
  /** What the encoders of the life that was planned last were chosen from. */
  #ranking: EncoderRanking = {};

  constructor(options: LifePlannerOptions) {
    this.#options = options;
  }

  /** What a life would do with software. @throws CaptureError `invalid-value`. */
  plan(device: CaptureDevice, tracks: readonly EncodedTrack[]): CapturePlan {
    return this.#plan(device, tracks, SOFTWARE_ENCODERS);
  }

  /** What a life begins with. @throws CaptureError `invalid-value`, `not-installed`. */
  async planFirst(device: CaptureDevice, tracks: readonly EncodedTrack[]): Promise<CapturePlan> {
    const { kind, owner } = this.#options;
    const unusual = owner.plan?.(device, tracks);
    this.#ranking = kind === 'video' && unusual === undefined ? await this.#rank(tracks) : {};
    return unusual ?? this.#plan(device, tracks, this.#ranking);
  }

  /** What the life that runs would do now, with the encoders that it began with. @throws CaptureError `invalid-value`. */
  planAgain(device: CaptureDevice, tracks: readonly EncodedTrack[]): CapturePlan {
    return this.#plan(device, tracks, this.#ranking);
  }

  /** The next life takes other encoders where these may be the reason of a failure. */
  blame(plan: CapturePlan | undefined, failure: Extract<WorkerReport, { type: 'failed' }>): void {
    const { encoders } = this.#options;
    const { reason, track = 0, message } = failure;
    const encoder = plan?.encoders[track];
    if (encoder === undefined || !isVideoEncoder(encoder)) return;
    if (reason === 'pipeline') encoders.distrust();
    if (reason === 'encoder') encoders.failed(encoder, message);
  }

  #plan(device: CaptureDevice, tracks: readonly EncodedTrack[], encoders: EncoderRanking): CapturePlan {
    const { owner, pattern = 'smpte75' } = this.#options;
    const plan = owner.plan?.(device, tracks);
    if (plan !== undefined) return plan;
    return planCapture({
      device,
      tracks: tracks.map((track) => ({
        configuration: owner.configuration?.(track) ?? track.configuration,
        codec: track.rtp.codec,
        open: owner.flowsTo(track),
      })),
      encoders,
      aac: tracks.some(({ rtp }) => isAac(rtp.codec)) ? this.#options.encoders.aac : undefined,
      pattern,
      text: owner.text(),
      wallClock: owner.wallClock?.() ?? 0,
      photo: owner.photo?.(),
    });
  }

  /** The encoders of this machine for what the tracks are to be encoded with. @throws CaptureError `not-installed`. */
  async #rank(tracks: readonly EncodedTrack[]): Promise<EncoderRanking> {
    const codecs = new Set(tracks.map(({ codec }) => codec));
    const ranked = [...codecs].map(async (codec) => [codec, await this.#options.encoders.choose(codec)]);
    return Object.fromEntries(await Promise.all(ranked));
  }
}
