import { aacFormatParameters } from './aac.ts';
import type { RtpCodec } from './codec.ts';
import { h264FormatParameters } from './h264.ts';
import { h265FormatParameters } from './h265.ts';
import type { PacketSummary } from './packet-summary.ts';

/** Parameter sets of a stream, as NAL units without start code; `vps` of H.265 only. */
export interface ParameterSets {
  readonly vps?: Buffer;
  readonly sps: Buffer;
  readonly pps: Buffer;
}

/** Of every Opus of ours (RFC 7587, 6.1). */
export const OPUS_PARAMETERS = 'minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1';

/** What codecs say that have no parameter sets. */
const CONSTANT: Partial<Record<RtpCodec['mimeType'], (codec: RtpCodec) => string>> = {
  'video/VP8': () => '',
  'video/JPEG': () => '',
  'audio/opus': () => OPUS_PARAMETERS,
  'audio/mpeg4-generic': aacFormatParameters,
  'audio/PCMA': () => '',
  'audio/PCMU': () => '',
};

/** The `a=fmtp` parameters of a stream: constant, or made of the parameter sets that pass by. */
export class StreamFormat {
  #codec: RtpCodec;
  #settled: boolean;
  readonly #waiters = new Set<() => void>();
  #vps: Buffer | undefined;
  #sps: Buffer | undefined;
  #pps: Buffer | undefined;
  #parameters: string | undefined;

  /** @param settled whether the codec stays: without, nothing is known before {@link settle}. */
  constructor(codec: RtpCodec, settled = true) {
    this.#codec = codec;
    this.#settled = settled;
    if (settled) this.#parameters = CONSTANT[codec.mimeType]?.(codec);
  }

  get codec(): RtpCodec {
    return this.#codec;
  }

  get settled(): boolean {
    return this.#settled;
  }

  /** It is of this codec. */
  settle(codec: RtpCodec): void {
    if (this.#settled && codec === this.#codec) return;
    this.#codec = codec;
    this.#settled = true;
    const parameters = CONSTANT[codec.mimeType]?.(codec);
    if (parameters !== undefined) this.#set(parameters);
  }

  /** Undefined before the first parameter sets; empty where the codec has no parameters. */
  get parameters(): string | undefined {
    return this.#parameters;
  }

  /** The parameter sets that came last. */
  get sets(): ParameterSets | undefined {
    return this.#sps && this.#pps && { ...(this.#vps && { vps: this.#vps }), sps: this.#sps, pps: this.#pps };
  }

  /** Resolves once the parameters are known; rejects with the signal's reason. */
  async known(signal?: AbortSignal): Promise<string> {
    while (this.#parameters === undefined) {
      signal?.throwIfAborted();
      await new Promise<void>((resolve, reject) => {
        const done = (): void => {
          this.#waiters.delete(done);
          signal?.removeEventListener('abort', abort);
          resolve();
        };
        const abort = (): void => {
          this.#waiters.delete(done);
          reject(signal?.reason);
        };
        this.#waiters.add(done);
        signal?.addEventListener('abort', abort, { once: true });
      });
    }
    return this.#parameters;
  }

  /** Takes the parameter sets of a packet, where it has any. */
  learn({ vps, sps, pps }: Readonly<PacketSummary>): void {
    if (sps !== undefined && !this.#sps?.equals(sps)) {
      this.#sps = Buffer.from(sps);
      // A picture parameter set belongs to its sequence parameter set; the one for this comes with it or next.
      this.#pps = undefined;
    }
    const vpsChanged = vps !== undefined && !this.#vps?.equals(vps);
    const ppsChanged = pps !== undefined && !this.#pps?.equals(pps);
    if (vpsChanged) this.#vps = Buffer.from(vps);
    if (ppsChanged) this.#pps = Buffer.from(pps);
    if (vpsChanged || ppsChanged) this.#update();
  }

  /** Goes on with the format of another stream of the same codec. */
  follow({ sets, parameters }: StreamFormat): void {
    if (parameters === undefined || parameters === this.#parameters) return;
    this.#vps = sets?.vps;
    this.#sps = sets?.sps;
    this.#pps = sets?.pps;
    this.#set(parameters);
  }

  #update(): void {
    const { sets } = this;
    if (sets === undefined) return;
    const { vps, ...rest } = sets;
    if (this.#codec.mimeType === 'video/H264') this.#set(h264FormatParameters(rest));
    else if (vps !== undefined) this.#set(h265FormatParameters({ vps, ...rest }));
  }

  #set(parameters: string): void {
    if (parameters === this.#parameters) return;
    this.#parameters = parameters;
    for (const waiter of this.#waiters) waiter();
  }
}
