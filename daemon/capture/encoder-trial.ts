import { readFile, stat } from 'node:fs/promises';
import { release } from 'node:os';
import { delimiter, join } from 'node:path';
import { VIDEO_CODECS, type VideoCodec } from '../../config/codecs.ts';
import type { Log } from '../lib/log.ts';
import { CaptureError } from './capture-error.ts';
import { namesIn } from './device-finder.ts';
import { DRI, NVIDIA } from './encoder-description.ts';
import { ENCODERS, encodersOf, type VideoEncoder } from './encoders.ts';
import { runTool } from './run-tool.ts';

/** How long an encoder may take for ten frames before it counts as not working. */
const TRIAL_TIMEOUT_MS = 8000;
/** The first start on a machine scans all plug-ins: many seconds on a small board. */
const INSPECT_TIMEOUT_MS = 60_000;
const TRIAL_PICTURE = { width: 640, height: 480, frameRate: 30 };

/** What became of looking at an encoder that is installed. */
export interface EncoderTrial {
  readonly name: VideoEncoder;
  readonly works: boolean;
  /** Of its plug-in, and where that is. */
  readonly version?: string;
  readonly file?: string;
  /** Why it does not work, for a person. */
  readonly error?: string;
}

export interface EncoderTrialsOptions {
  /** Of the processes that load GStreamer. */
  environment: Readonly<Record<string, string>>;
  log: Log;
  /** Root of the device nodes; tests pass their own. */
  dev?: string;
}

/** Looks at the encoders of this machine. That an element exists does not mean that it works: hardware is tried with ten frames. */
export class EncoderTrials {
  readonly #options: EncoderTrialsOptions;

  constructor(options: EncoderTrialsOptions) {
    this.#options = options;
  }

  /** Those of a codec that are installed, best first. @throws CaptureError `not-installed` without GStreamer. */
  async of(codec: VideoCodec): Promise<EncoderTrial[]> {
    const trials: EncoderTrial[] = [];
    // One after the other: the first may have to scan all plug-ins, which the others then find done.
    for (const name of await this.#candidates(codec)) {
      const trial = await this.#look(name);
      if (trial !== undefined) trials.push(trial);
    }
    return trials;
  }

  /**
   * What the results hold for, besides the files of the plug-ins: kernel, hardware, drivers of graphics. The tool's file
   * stands for the version of GStreamer: to ask it would delay the first picture.
   * @throws CaptureError `not-installed`.
   */
  async key(): Promise<string> {
    const candidates = (await Promise.all(VIDEO_CODECS.map((codec) => this.#candidates(codec)))).flat();
    const drivers: string[] = [];
    if (candidates.some((name) => ENCODERS[name].nodes === NVIDIA))
      drivers.push((await readFile('/sys/module/nvidia/version', 'utf8').catch(() => '')).trim());
    if (candidates.some((name) => ENCODERS[name].nodes === DRI))
      for (const name of await namesIn('/usr/lib')) {
        const stamp = await fileStamp(`/usr/lib/${name}/dri`);
        if (stamp !== undefined) drivers.push(stamp);
      }
    return [release(), await this.#tool(), ...drivers, ...candidates].join(' ');
  }

  /** Hardware encoders whose device node is there, and all software encoders. */
  async #candidates(codec: VideoCodec): Promise<VideoEncoder[]> {
    const dev = this.#options.dev ?? '/dev';
    const dri = (await namesIn(join(dev, 'dri'))).map((name) => `dri/${name}`);
    const nodes = [...(await namesIn(dev)), ...dri];
    return encodersOf(codec).filter((name) => {
      const wanted = ENCODERS[name].nodes;
      return wanted.length === 0 || wanted.some((pattern) => nodes.some((node) => pattern.test(node)));
    });
  }

  async #tool(): Promise<string> {
    const path = this.#options.environment.PATH ?? process.env.PATH ?? '';
    for (const directory of path.split(delimiter)) {
      const stamp = await fileStamp(join(directory, 'gst-inspect-1.0'));
      if (stamp !== undefined) return stamp;
    }
    throw new CaptureError(
      'not-installed',
      'GStreamer is not installed: gst-inspect-1.0 is missing (gstreamer1.0-tools)',
    );
  }

  /** Undefined where it is not installed. */
  async #look(name: VideoEncoder): Promise<EncoderTrial | undefined> {
    const { ok, stdout } = await this.#run('gst-inspect-1.0', [name], INSPECT_TIMEOUT_MS);
    if (!ok) return undefined;
    const [, file] = /^ +Filename +(\S+)/m.exec(stdout) ?? [];
    const [, version] = /^ +Version +(\S+)/m.exec(stdout) ?? [];
    const found = { name, ...(version !== undefined && { version }), ...(file !== undefined && { file }) };
    // Software needs no trial: it works wherever it is installed.
    if (!ENCODERS[name].hardware) return { ...found, works: true };
    const encode = ENCODERS[name].launch({
      ...TRIAL_PICTURE,
      name: 'encoder',
      bitrate: 1_000_000,
      keyFrameDistance: 30,
      profile: 'baseline',
      content: 'motion',
      threads: 1,
    });
    const { width, height, frameRate } = TRIAL_PICTURE;
    const launch = `videotestsrc num-buffers=10 ! video/x-raw,format=I420,width=${width},height=${height},framerate=${frameRate}/1 ! ${encode} ! fakesink`;
    const trial = await this.#run('gst-launch-1.0', ['-q', ...launch.split(' ')], TRIAL_TIMEOUT_MS);
    if (trial.ok) return { ...found, works: true };
    const told =
      /^ERROR:.*?: (.*)$/m.exec(trial.stderr)?.[1] ?? (trial.late ? 'no answer in time' : 'no frame came out');
    this.#options.log.warn({ encoder: name, error: told }, `${name} is installed but does not encode here: ${told}`);
    return { ...found, works: false, error: told };
  }

  #run(program: string, args: readonly string[], timeout: number): ReturnType<typeof runTool> {
    return runTool(program, args, { timeout, env: this.#options.environment });
  }
}

/** Changes when a file is replaced, or when something is put into a directory; undefined where there is none. */
export async function fileStamp(path: string): Promise<string | undefined> {
  const file = await stat(path).catch(() => undefined);
  return file && `${file.size}:${file.mtimeMs}`;
}
