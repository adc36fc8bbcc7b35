import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Test } from 'tap';
import { until } from './player.ts';

/** Words that ffmpeg's decoders and demuxers have for a picture that is not whole. */
const DAMAGE =
  /conceal|corrupt|error while decoding|num gap|reference picture|no frame|missed \d+ packets|invalid data/i;

/** ffmpeg as a viewer who stays: it decodes the picture, and tells of each frame as soon as it has it. */
export class FfmpegViewer {
  /** Presentation times of the frames, in the muxer's unit. */
  readonly times: number[] = [];
  /** A checksum of the pixels of each. */
  readonly checksums: string[] = [];
  /** Milliseconds from its start to the first decoded frame. */
  firstAfter: number | undefined;
  /** Everything that it said. */
  words = '';
  readonly #process: ChildProcess;

  /** @param input options of ffmpeg before its input, and the input. */
  constructor(t: Test, ...input: string[]) {
    const begun = performance.now();
    const output = [...this.taken, '-f', 'framecrc', '-flush_packets', '1', '-'];
    this.#process = spawn('ffmpeg', ['-v', 'warning', ...input, ...output], { stdio: ['ignore', 'pipe', 'pipe'] });
    t.teardown(() => this.stop());
    const { stdout, stderr } = this.#process;
    stderr?.on('data', (text) => (this.words += text));
    if (stdout === null) throw new Error('ffmpeg has no output');
    createInterface({ input: stdout }).on('line', (line) => {
      const [index, , time, , , checksum = ''] = line.split(',');
      if (index !== '0') return;
      this.firstAfter ??= performance.now() - begun;
      this.times.push(Number(time));
      this.checksums.push(checksum.trim());
    });
  }

  /** Every frame that it decodes, at its own time: by itself ffmpeg leaves out those that lie close together, or counts in frames. */
  protected get taken(): readonly string[] {
    return ['-map', '0:v', '-fps_mode', 'passthrough', '-enc_time_base', '-1'];
  }

  /** What it said of pictures that were not whole. */
  get damage(): string[] {
    return this.words.split('\n').filter((line) => DAMAGE.test(line));
  }

  /** Waits for so many frames more. @throws Error where they do not come, with what ffmpeg says. */
  async more(count: number, timeout = 30_000): Promise<void> {
    const target = this.times.length + count;
    await until(() => this.times.length >= target || this.#process.exitCode !== null, timeout);
    if (this.times.length < target) throw new Error(`${this.times.length} of ${target} frames: ${this.words}`);
  }

  stop(): void {
    this.#process.kill('SIGKILL');
  }
}

/** One who takes the sound as it comes, without decoding it: the checksums are those of its packets. */
export class FfmpegPackets extends FfmpegViewer {
  protected override get taken(): readonly string[] {
    return ['-map', '0:a', '-c', 'copy'];
  }
}
