import { join } from 'node:path';
import { VIDEO_CODECS, type VideoCodec } from '../../config/codecs.ts';
import { type AacEncoder, findAacEncoder } from '../convert/aac-encoder.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { CaptureError } from './capture-error.ts';
import { EncoderCache } from './encoder-cache.ts';
import { type EncoderTrial, EncoderTrials } from './encoder-trial.ts';
import { ENCODERS, type EncoderChoice, encodersOf, type VideoEncoder } from './encoders.ts';

/** How long an encoder that failed is left alone, in milliseconds. */
const REST_MS = 600_000;

/** An encoder that is installed. */
export interface EncoderReport {
  name: VideoEncoder;
  codec: VideoCodec;
  hardware: boolean;
  chosen: boolean;
  /** Of its plug-in. */
  version?: string;
  /** Why it is not used, or left alone for a while. */
  failed?: string;
}

/** Whether a codec can be encoded here. */
export interface CodecReport {
  codec: VideoCodec;
  encodes: boolean;
  /** Why not, and what would help. */
  reason?: string;
}

/** An encoder has failed while it ran. */
export interface EncoderFailure {
  encoder: VideoEncoder;
  codec: VideoCodec;
  reason: string;
  /** What takes its place. */
  replacement: VideoEncoder;
  /** Seconds for which it is left alone. */
  rests: number;
}

export interface EncoderSelectorOptions {
  /** Where the result is kept from start to start. */
  stateDirectory: string;
  /** Of the processes that load GStreamer. */
  environment: Readonly<Record<string, string>>;
  log: Log;
  /** {@link EncoderSelector.report} has changed. */
  changed?: () => void;
  failed?: (failure: EncoderFailure) => void;
  /** Root of the device nodes; tests pass their own. */
  dev?: string;
  clock?: Clock;
}

/** Knows the machine's encoders: looked for once, tried where they are hardware, remembered, and left alone when they fail. */
export class EncoderSelector implements EncoderChoice {
  readonly #options: EncoderSelectorOptions;
  readonly #clock: Clock;
  readonly #trials: EncoderTrials;
  readonly #cache: EncoderCache;
  #searches = new Map<VideoCodec, Promise<void>>();
  readonly #found = new Map<VideoCodec, readonly EncoderTrial[]>();
  /** Those that failed: why, and until when they are left alone. */
  readonly #resting = new Map<VideoEncoder, { reason: string; until: number }>();
  /** What was found of them is not believed. */
  readonly #distrusted = new Set<VideoCodec>();

  constructor(options: EncoderSelectorOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#trials = new EncoderTrials(options);
    this.#cache = new EncoderCache(join(options.stateDirectory, 'encoders.json'));
  }

  get aac(): AacEncoder | undefined {
    return findAacEncoder();
  }

  /** Software where no hardware can be present is known within milliseconds. A codec that nobody can encode is looked for again by the next call. */
  async choose(codec: VideoCodec): Promise<readonly VideoEncoder[]> {
    await this.#search(codec);
    const working = this.#working(codec);
    if (working.length === 0) {
      // What there is instead belongs to the answer.
      await this.survey();
      this.#searches.delete(codec);
      throw new CaptureError('not-installed', this.#lacking(codec));
    }
    const rested = working.filter((name) => this.#restReason(name) === undefined);
    return rested.length > 0 ? rested : working;
  }

  /** Looks for the encoders of every codec. */
  async survey(): Promise<void> {
    for (const codec of VIDEO_CODECS) await this.#search(codec);
  }

  problem(codec: VideoCodec): string | undefined {
    return this.#found.has(codec) && this.#working(codec).length === 0 ? this.#lacking(codec) : undefined;
  }

  distrust(): void {
    this.#searches.clear();
    for (const codec of VIDEO_CODECS) this.#distrusted.add(codec);
  }

  failed(encoder: VideoEncoder, reason: string): void {
    const { codec } = ENCODERS[encoder];
    const replacement = this.#working(codec).find((name) => name !== encoder && this.#restReason(name) === undefined);
    // Nothing comes after the last one: it is tried again.
    if (replacement === undefined) return;
    this.#resting.set(encoder, { reason, until: this.#clock.now() + REST_MS });
    this.#options.log.warn(
      { encoder, reason, replacement },
      `${encoder} failed; ${replacement} takes its place for ten minutes`,
    );
    this.#clock.setTimeout(() => this.#options.changed?.(), REST_MS).unref?.();
    this.#options.failed?.({ encoder, codec, reason, replacement, rests: REST_MS / 1000 });
    this.#options.changed?.();
  }

  /** The encoders that are installed, best first for each codec, as far as they are known. */
  report(): EncoderReport[] {
    return [...this.#found].flatMap(([codec, trials]) => {
      const working = this.#working(codec);
      const chosen = working.find((name) => this.#restReason(name) === undefined) ?? working[0];
      return trials.map(({ name, version, error }) => {
        const failed = error ?? this.#restReason(name);
        return {
          name,
          codec,
          hardware: ENCODERS[name].hardware,
          chosen: name === chosen,
          ...(version !== undefined && { version }),
          ...(failed !== undefined && { failed }),
        };
      });
    });
  }

  /** What is known of each codec. */
  codecs(): CodecReport[] {
    return [...this.#found.keys()].map((codec) => {
      const reason = this.problem(codec);
      return { codec, encodes: reason === undefined, ...(reason !== undefined && { reason }) };
    });
  }

  #working(codec: VideoCodec): VideoEncoder[] {
    return (this.#found.get(codec) ?? []).filter(({ works }) => works).map(({ name }) => name);
  }

  #restReason(name: VideoEncoder): string | undefined {
    const rest = this.#resting.get(name);
    return rest !== undefined && rest.until > this.#clock.now() ? rest.reason : undefined;
  }

  #lacking(codec: VideoCodec): string {
    const software = encodersOf(codec).filter((name) => !ENCODERS[name].hardware);
    const packages = software.map((name) => `${ENCODERS[name].package} (${name})`).join(' or ');
    const others = VIDEO_CODECS.filter((other) => this.#working(other).length > 0);
    const instead = others.length === 0 ? 'no codec at all' : others.join(', ');
    return `${codec} cannot be encoded here: install ${packages}, or use hardware that encodes it; this machine encodes ${instead}`;
  }

  #search(codec: VideoCodec): Promise<void> {
    let search = this.#searches.get(codec);
    if (search === undefined) {
      search = this.#find(codec).catch((error: unknown) => {
        this.#searches.delete(codec);
        throw error;
      });
      this.#searches.set(codec, search);
    }
    return search;
  }

  async #find(codec: VideoCodec): Promise<void> {
    const { log, changed } = this.#options;
    const key = await this.#trials.key();
    const cached = this.#distrusted.has(codec) ? undefined : (await this.#cache.read(key)).get(codec);
    const trials = cached ?? (await this.#trials.of(codec));
    this.#found.set(codec, trials);
    this.#distrusted.delete(codec);
    const working = this.#working(codec);
    if (working.length > 0) log.info({ codec, working }, `${codec} is encoded by ${working[0]}`);
    if (cached === undefined) void this.#keep(key);
    changed?.();
  }

  async #keep(key: string): Promise<void> {
    try {
      await this.#cache.write(key, this.#found);
    } catch (error) {
      this.#options.log.warn({ err: error }, 'cannot keep the result of the encoder trial');
    }
  }
}
