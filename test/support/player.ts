import { spawn } from 'node:child_process';

export interface PlayerResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a player to its end, or kills it after the time-out. */
export function runPlayer(program: string, args: readonly string[], timeout = 40_000): Promise<PlayerResult> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout, killSignal: 'SIGKILL' });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (text) => (stdout += text));
    child.stderr.on('data', (text) => (stderr += text));
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
}

/**
 * Plays with `gst-launch-1.0` over rtspsrc. At its end that (1.22) may say PAUSE after its own TEARDOWN, and fail at that:
 * once in some hundred times, all that was to be played having been played.
 */
export async function playGstreamer(...launch: string[]): Promise<PlayerResult> {
  const result = await runPlayer('gst-launch-1.0', ['-q', 'rtspsrc', ...launch]);
  const [, ...errors] = result.stderr.split(/^ERROR: /m);
  const late = errors.length > 0 && errors.every((error) => /gst_rtspsrc_(try_send|pause) \(\)/.test(error));
  return late && result.stderr.includes('gst_rtspsrc_pause ()') ? { ...result, code: 0, stderr: '' } : result;
}

export interface DecodedStream {
  /** Decoded frames of each medium. */
  video: number;
  audio: number;
  /** Complaints of the decoders and the demuxer. */
  errors: string;
  code: number | null;
}

/** Decodes some seconds of a URL with ffmpeg and counts the frames. */
export async function decode(url: string, seconds: number): Promise<DecodedStream> {
  const output = ['-map', '0:v?', '-map', '0:a?', '-t', String(seconds), '-f', 'framecrc', '-'];
  const { code, stdout, stderr } = await runPlayer('ffmpeg', ['-v', 'error', '-i', url, ...output]);
  const count = (index: number): number => stdout.match(new RegExp(`^${index},`, 'gm'))?.length ?? 0;
  const video = /^#media_type 0: video/m.test(stdout);
  return { video: video ? count(0) : 0, audio: count(video ? 1 : 0), errors: stderr, code };
}

/** Resolves when the condition holds; false after the time-out. */
export async function until(condition: () => boolean, timeout = 20_000): Promise<boolean> {
  const end = Date.now() + timeout;
  while (!condition()) {
    if (Date.now() > end) return false;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return true;
}

/** Whether a process of this id is there. */
export function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
