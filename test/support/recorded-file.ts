import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BlobEvent } from '../../daemon/record/blob-event.ts';
import type { MediaRecorder } from '../../daemon/record/media-recorder.ts';
import { type GstSourceOptions, type TestStream, testStream } from './gst-source.ts';
import { runPlayer, until } from './player.ts';

export interface ProbedTrack {
  codec: string;
  kind: 'video' | 'audio';
  packets: number;
  /** Seconds from the first packet's beginning to the last one's end. */
  start: number;
  end: number;
  /** The longest time between the beginnings of two packets, in seconds. */
  gap: number;
  width?: number;
  height?: number;
}

export interface ProbedFile {
  /** As the container tells it, in seconds; undefined where it does not. */
  duration: number | undefined;
  tracks: ProbedTrack[];
  /** What ffprobe and the decoders complain of. */
  complaints: string;
}

/** Resolves with the event; fails with the recorder's error instead where that comes first. */
export function once(recorder: MediaRecorder, type: string): Promise<Event> {
  return new Promise((resolve, reject) => {
    recorder.addEventListener(type, resolve, { once: true });
    if (type === 'error') return;
    recorder.addEventListener('error', (event) => reject((event as Event & { error: Error }).error), { once: true });
  });
}

/** A stream whose encoders run already, so that a recording of both tracks begins at once. */
export async function runningStream(
  t: { teardown(fn: () => void): void },
  options: GstSourceOptions = {},
): Promise<TestStream> {
  const test = testStream(options);
  const releases = [test.video.hold(), test.audio.hold()];
  t.teardown(() => {
    for (const release of releases) release();
    for (const track of test.tracks) track.stop();
  });
  await until(() => test.video.rtp.stats.frames > 0 && test.audio.rtp.stats.frames > 0);
  return test;
}

/** Gathers a recorder's Blobs from now on. */
export function collect(recorder: MediaRecorder): { events: BlobEvent[]; bytes(): Promise<Buffer> } {
  const events: BlobEvent[] = [];
  recorder.addEventListener('dataavailable', (event) => events.push(event as BlobEvent));
  return {
    events,
    bytes: async () => Buffer.from(await new Blob(events.map(({ data }) => data)).arrayBuffer()),
  };
}

/** Writes bytes to a file that goes with the test. */
export function fileOf(t: { teardown(fn: () => void): void }, bytes: Buffer, name: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'recorded-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

/** What ffprobe says of a file, and what ffmpeg says when it decodes all of it. */
export async function probe(path: string): Promise<ProbedFile> {
  const entries =
    'format=duration:stream=index,codec_name,codec_type,width,height:packet=stream_index,pts_time,duration_time';
  const probed = await runPlayer('ffprobe', ['-v', 'warning', '-show_entries', entries, '-of', 'json', path]);
  // With the times as they are: a pause leaves two pictures closer together than the others.
  const decoded = await runPlayer('ffmpeg', ['-v', 'warning', '-i', path, '-fps_mode', 'vfr', '-f', 'null', '-']);
  const { format, streams, packets } = JSON.parse(probed.stdout) as {
    format: { duration?: string };
    streams: { index: number; codec_name: string; codec_type: 'video' | 'audio'; width?: number; height?: number }[];
    packets: { stream_index: number; pts_time: string; duration_time?: string }[];
  };
  const tracks = streams.map(({ index, codec_name: codec, codec_type: kind, width, height }) => {
    const times = packets.filter(({ stream_index }) => stream_index === index);
    const starts = times.map(({ pts_time }) => Number(pts_time));
    const steps = starts.slice(1).map((start, at) => start - (starts[at] as number));
    const usual = [...steps].sort((a, b) => a - b)[Math.floor(steps.length / 2)] ?? 0;
    const last = Number(times.at(-1)?.duration_time ?? usual);
    return {
      ...{ codec, kind, packets: times.length, start: Math.min(...starts), end: Math.max(...starts) + last },
      ...{ gap: Math.max(0, ...steps), ...(kind === 'video' && { width, height }) },
    };
  });
  const duration = format.duration === undefined ? undefined : Number(format.duration);
  return { duration, tracks: tracks as ProbedTrack[], complaints: probed.stderr + decoded.stderr };
}
