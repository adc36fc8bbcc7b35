import { type ChildProcess, spawn } from 'node:child_process';

/** ffmpeg that decodes the picture of a URL until it is ended, and tells of every frame. */
export class FrameWatcher {
  frames = 0;
  /** Frames that are missing between those that came. */
  missing = 0;
  errors = '';
  ended = false;
  readonly #child: ChildProcess;
  #last: number | undefined;
  #rest = '';

  /** @param options of the input, for example `-rtsp_transport tcp`. */
  constructor(url: string, ...options: string[]) {
    const output = ['-map', '0:v', '-f', 'framecrc', '-flush_packets', '1', '-'];
    const args = ['-v', 'error', ...options, '-i', url, ...output];
    this.#child = spawn('ffmpeg', args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#read(text));
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.errors += text;
    });
    this.#child.once('exit', () => {
      this.ended = true;
    });
  }

  end(): void {
    this.#child.kill('SIGKILL');
  }

  /** Lines `stream, dts, pts, duration, size, checksum`; in units of a frame at the output's constant rate. */
  #read(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      const [stream, , pts, duration] = line.split(',').map((field) => field.trim());
      if (stream !== '0') continue;
      this.frames += 1;
      const place = Number(pts) / Number(duration);
      if (this.#last !== undefined) this.missing += Math.max(0, Math.round(place - this.#last) - 1);
      this.#last = place;
    }
  }
}
