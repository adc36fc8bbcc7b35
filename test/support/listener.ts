import { type ChildProcess, spawn } from 'node:child_process';
import type { Test } from 'tap';

/** 50 ms of 16-bit samples of one channel at 8 kHz. */
const WINDOW_BYTES = 800;

/** ffmpeg as a listener who stays: it decodes the sound and tells how loud it is. */
export class Listener {
  /** RMS of each twentieth of a second so far, full scale is 1. */
  readonly levels: number[] = [];
  /** Everything that it said. */
  words = '';
  readonly #process: ChildProcess;

  /** @param input options of ffmpeg before its input, and the input. */
  constructor(t: Test, ...input: string[]) {
    const output = ['-map', '0:a', '-ac', '1', '-ar', '8000', '-flush_packets', '1', '-f', 's16le', '-'];
    this.#process = spawn('ffmpeg', ['-v', 'warning', ...input, ...output], { stdio: ['ignore', 'pipe', 'pipe'] });
    t.teardown(() => this.#process.kill('SIGKILL'));
    let rest = Buffer.alloc(0);
    this.#process.stdout?.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      for (; rest.length >= WINDOW_BYTES; rest = rest.subarray(WINDOW_BYTES)) this.levels.push(level(rest));
    });
    this.#process.stderr?.on('data', (text) => (this.words += text));
  }

  get running(): boolean {
    return this.#process.exitCode === null;
  }

  /** What the last second was: `sound`, `silence`, or some of each, or nothing new. */
  heard(since: number): 'sound' | 'silence' | undefined {
    const last = this.levels.slice(since).slice(-20);
    if (last.length < 20) return undefined;
    if (last.every((each) => each > 0.02)) return 'sound';
    return last.every((each) => each < 0.002) ? 'silence' : undefined;
  }
}

function level(bytes: Buffer): number {
  let squares = 0;
  for (let at = 0; at < WINDOW_BYTES; at += 2) squares += (bytes.readInt16LE(at) / 32_768) ** 2;
  return Math.sqrt((2 * squares) / WINDOW_BYTES);
}
