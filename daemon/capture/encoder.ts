import { readdir, readFile, stat } from 'node:fs/promises';
import { release } from 'node:os';
import { delimiter, join } from 'node:path';
import { writeFileAtomic } from '../lib/atomic-file.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { CaptureError } from './capture-error.ts';
import { ENCODERS, type EncoderChoice, H264_ENCODERS, type H264Encoder } from './encoders.ts';
import { runTool } from './run-tool.ts';

/** How long an encoder may take for ten frames before it counts as not working. */
const TRIAL_TIMEOUT_MS = 8000;
/** The first start on a machine scans all plug-ins: many seconds on a small board. */
const INSPECT_TIMEOUT_MS = 60_000;

/** How long an encoder that failed is left alone, in milliseconds. */
const REST_MS = 600_000;

export interface EncoderReport {
  name: H264Encoder;
  hardware: boolean;
  chosen: boolean;
  /** Why it is left alone for a while. */
  failed?: string;
}

export interface EncoderSelectorOptions {
  /** Where the result is kept from start to start. */
  stateDirectory: string;
  /** Of the processes that load GStreamer. */
  environment: Readonly<Record<string, string>>;
  log: Log;
  /** Root of the device nodes; tests pass their own. */
  dev?: string;
  clock?: Clock;
}

/**
 * Finds the machine's H.264 encoder. That an element exists does not mean that it works: hardware encoders are tried with
 * ten frames in a process of their own. The result is kept for this kernel, this GStreamer and these device nodes.
 */
export class EncoderSelector implements EncoderChoice {
  readonly #options: EncoderSelectorOptions;
  readonly #cacheFile: string;
  #choice: Promise<H264Encoder> | undefined;
  #working: H264Encoder[] = [];
  readonly #clock: Clock;
  /** Those that failed: why, and until when they are left alone. */
  readonly #resting = new Map<H264Encoder, { reason: string; until: number }>();
  #distrusted = false;

  constructor(options: EncoderSelectorOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#cacheFile = join(options.stateDirectory, 'encoders.json');
  }

  /**
   * The encoder to use; found with the first call. Software where no hardware can be present is known within
   * milliseconds.
   * @throws CaptureError `not-installed`; the next call looks again.
   */
  async choose(): Promise<H264Encoder> {
    this.#choice ??= this.#find().catch((error: unknown) => {
      this.#choice = undefined;
      throw error;
    });
    const best = await this.#choice;
    return this.#working.find((name) => this.#restReason(name) === undefined) ?? best;
  }

  /** A pipeline with the choice did not come up: the next {@link choose} tries all encoders again. */
  distrust(): void {
    this.#choice = undefined;
    this.#distrusted = true;
  }

  failed(encoder: H264Encoder, reason: string): void {
    // Nothing comes after the last one: it is tried again.
    if (this.#working.every((name) => name === encoder || this.#restReason(name) !== undefined)) return;
    this.#resting.set(encoder, { reason, until: this.#clock.now() + REST_MS });
    this.#options.log.warn({ encoder, reason }, `${encoder} failed; another encoder takes its place for ten minutes`);
  }

  /** The encoders that work here, best first; empty before {@link choose} has come to a result. */
  report(): EncoderReport[] {
    const chosen = this.#working.find((name) => this.#restReason(name) === undefined) ?? this.#working[0];
    return this.#working.map((name) => {
      const failed = this.#restReason(name);
      return {
        name,
        hardware: ENCODERS[name].hardware,
        chosen: name === chosen,
        ...(failed !== undefined && { failed }),
      };
    });
  }

  #restReason(name: H264Encoder): string | undefined {
    const rest = this.#resting.get(name);
    return rest !== undefined && rest.until > this.#clock.now() ? rest.reason : undefined;
  }

  async #find(): Promise<H264Encoder> {
    const { log } = this.#options;
    const candidates = await this.#candidates();
    const key = await this.#key(candidates);
    const cached = this.#distrusted ? undefined : await this.#readCache(key);
    const working = cached ?? (await this.#tryAll(candidates));
    const chosen = working[0];
    if (chosen === undefined) {
      const message = 'no H.264 encoder works; install gstreamer1.0-plugins-ugly (x264enc) or a hardware encoder';
      throw new CaptureError('not-installed', message);
    }
    this.#working = working;
    this.#distrusted = false;
    log.info({ encoder: chosen, working }, `pictures are encoded by ${chosen}`);
    if (cached === undefined) void this.#writeCache(key, working);
    return chosen;
  }

  /** Hardware encoders whose device node is there, and all software encoders. */
  async #candidates(): Promise<H264Encoder[]> {
    const dev = this.#options.dev ?? '/dev';
    const dri = (await names(join(dev, 'dri'))).map((name) => `dri/${name}`);
    const nodes = [...(await names(dev)), ...dri];
    return H264_ENCODERS.filter((name) => {
      const wanted = ENCODERS[name].nodes;
      return wanted.length === 0 || wanted.some((pattern) => nodes.some((node) => pattern.test(node)));
    });
  }

  /** What the result holds for. The tool's file stands for the version of GStreamer: to ask it would delay the first picture. */
  async #key(candidates: readonly H264Encoder[]): Promise<string> {
    const path = this.#options.environment.PATH ?? process.env.PATH ?? '';
    for (const directory of path.split(delimiter)) {
      const file = await stat(join(directory, 'gst-inspect-1.0')).catch(() => undefined);
      if (file !== undefined) return [release(), file.size, file.mtimeMs, ...candidates].join(' ');
    }
    throw new CaptureError(
      'not-installed',
      'GStreamer is not installed: gst-inspect-1.0 is missing (gstreamer1.0-tools)',
    );
  }

  async #tryAll(candidates: readonly H264Encoder[]): Promise<H264Encoder[]> {
    const working: H264Encoder[] = [];
    // One after the other: the first may have to scan all plug-ins, which the others then find done.
    for (const name of candidates) if (await this.#works(name)) working.push(name);
    return working;
  }

  async #works(name: H264Encoder): Promise<boolean> {
    const exists = await this.#run('gst-inspect-1.0', ['--exists', name], INSPECT_TIMEOUT_MS);
    // Software needs no trial: it works wherever it is installed.
    if (!exists.ok || !ENCODERS[name].hardware) return exists.ok;
    const encode = ENCODERS[name].launch({
      name: 'encoder',
      bitrate: 1_000_000,
      keyFrameDistance: 30,
      width: 640,
      height: 480,
      frameRate: 30,
      content: 'motion',
    });
    const launch = `videotestsrc num-buffers=10 ! video/x-raw,format=I420,width=640,height=480,framerate=30/1 ! ${encode} ! fakesink`;
    const trial = await this.#run('gst-launch-1.0', ['-q', ...launch.split(' ')], TRIAL_TIMEOUT_MS);
    if (!trial.ok) this.#options.log.warn({ encoder: name }, `${name} is installed but does not encode here`);
    return trial.ok;
  }

  #run(program: string, args: readonly string[], timeout: number): ReturnType<typeof runTool> {
    return runTool(program, args, { timeout, env: this.#options.environment });
  }

  async #readCache(key: string): Promise<H264Encoder[] | undefined> {
    try {
      const cache = JSON.parse(await readFile(this.#cacheFile, 'utf8')) as { key?: unknown; working?: unknown };
      if (cache.key !== key || !Array.isArray(cache.working)) return undefined;
      const known = H264_ENCODERS.filter((name) => (cache.working as unknown[]).includes(name));
      return known.length > 0 ? known : undefined;
    } catch {
      return undefined;
    }
  }

  async #writeCache(key: string, working: readonly H264Encoder[]): Promise<void> {
    try {
      await writeFileAtomic(this.#cacheFile, `${JSON.stringify({ key, working })}\n`);
    } catch (error) {
      this.#options.log.warn({ err: error }, 'cannot keep the result of the encoder trial');
    }
  }
}

async function names(directory: string): Promise<string[]> {
  return readdir(directory).catch(() => []);
}
