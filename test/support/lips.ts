import { readFileSync } from 'node:fs';
import { runPlayer } from './player.ts';

const SAMPLE_RATE = 48_000;

/** Seconds at which the picture of a file changes between black and white. */
export async function flashes(path: string): Promise<number[]> {
  const entries = 'frame=pts_time:frame_tags=lavfi.signalstats.YAVG';
  const source = ['-f', 'lavfi', '-i', `movie=${path},signalstats`];
  const { stdout } = await runPlayer('ffprobe', ['-v', 'error', ...source, '-show_entries', entries, '-of', 'csv=p=0']);
  const frames = stdout
    .trim()
    .split('\n')
    .map((line) => line.split(',').map(Number) as [number, number]);
  return frames.flatMap(([time, light], index) => {
    const before = frames[index - 1]?.[1];
    return before !== undefined && light > 128 !== before > 128 ? [time] : [];
  });
}

/** Seconds at which something is heard in a file after a silence. */
export async function ticks(path: string): Promise<number[]> {
  const raw = `${path}.s16`;
  const filter = [
    '-map',
    '0:a',
    '-af',
    'aresample=async=1:min_hard_comp=0.001:first_pts=0',
    '-ac',
    '1',
    '-ar',
    String(SAMPLE_RATE),
  ];
  await runPlayer('ffmpeg', ['-v', 'error', '-i', path, ...filter, '-f', 's16le', raw]);
  const bytes = readFileSync(raw);
  const samples = new Int16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
  const found: number[] = [];
  let lastLoud = -Infinity;
  samples.forEach((sample, index) => {
    if (Math.abs(sample) < 3000) return;
    if (index - lastLoud > SAMPLE_RATE / 2) found.push(index / SAMPLE_RATE);
    lastLoud = index;
  });
  return found;
}

/** Of a time of a rhythm of seconds, what is over whole ones: -0.5 to 0.5. */
export const beat = (seconds: number): number => seconds - Math.round(seconds);
