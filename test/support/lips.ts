import { readFileSync } from 'node:fs';
import { runPlayer } from './player.ts';

const SAMPLE_RATE = 48_000;

/** Of each picture of a file: its time in seconds, and how bright it is (0 to 255). */
export async function brightness(path: string): Promise<[time: number, light: number][]> {
  const entries = 'frame=pts_time:frame_tags=lavfi.signalstats.YAVG';
  const source = ['-f', 'lavfi', '-i', `movie=${path},signalstats`];
  const { stdout } = await runPlayer('ffprobe', ['-v', 'error', ...source, '-show_entries', entries, '-of', 'csv=p=0']);
  return stdout
    .trim()
    .split('\n')
    .map((line) => line.split(',').map(Number) as [number, number]);
}

/** Seconds at which the picture of a file changes between black and white. */
export async function flashes(path: string): Promise<number[]> {
  const frames = await brightness(path);
  return frames.flatMap(([time, light], index) => {
    const before = frames[index - 1]?.[1];
    return before !== undefined && light > 128 !== before > 128 ? [time] : [];
  });
}

/** The sound of a file from its time 0 on, as one channel. */
async function samplesOf(path: string): Promise<Int16Array> {
  const raw = `${path}.s16`;
  const filter = 'aresample=async=1:min_hard_comp=0.001:first_pts=0';
  await runPlayer('ffmpeg', [
    ...['-v', 'error', '-i', path, '-map', '0:a', '-af', filter],
    ...['-ac', '1', '-ar', String(SAMPLE_RATE), '-f', 's16le', raw],
  ]);
  const bytes = readFileSync(raw);
  return new Int16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
}

/** Of each tenth of a second of a file: its time in seconds, and the greatest sample (0 to 32767). */
export async function loudness(path: string): Promise<[time: number, peak: number][]> {
  const samples = await samplesOf(path);
  const tenth = SAMPLE_RATE / 10;
  return Array.from({ length: Math.floor(samples.length / tenth) }, (_, index) => {
    const peak = samples
      .subarray(index * tenth, (index + 1) * tenth)
      .reduce((most, each) => Math.max(most, Math.abs(each)), 0);
    return [index / 10, peak];
  });
}

/** Seconds at which something is heard in a file after a silence. */
export async function ticks(path: string): Promise<number[]> {
  const found: number[] = [];
  let lastLoud = -Infinity;
  for (const [index, sample] of (await samplesOf(path)).entries()) {
    if (Math.abs(sample) < 3000) continue;
    if (index - lastLoud > SAMPLE_RATE / 2) found.push(index / SAMPLE_RATE);
    lastLoud = index;
  }
  return found;
}

/** Of a time of a rhythm of seconds, what is over whole ones: -0.5 to 0.5. */
export const beat = (seconds: number): number => seconds - Math.round(seconds);
