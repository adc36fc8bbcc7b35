/** Several tracks of a kind, distances of key frames, and bit rates, in what a MediaRecorder writes. */
import { test } from 'tap';
import { MediaStream } from '../../daemon/media/media-stream.ts';
import { MediaRecorder } from '../../daemon/record/media-recorder.ts';
import type { MediaRecorderOptions } from '../../daemon/record/media-recorder-options.ts';
import { runPlayer } from '../support/player.ts';
import { collect, fileOf, once, type ProbedFile, probe, runningStream } from '../support/recorded-file.ts';

interface Recorded extends ProbedFile {
  path: string;
  bytes: number;
}

async function record(
  t: { teardown(fn: () => void): void },
  stream: MediaStream,
  options: MediaRecorderOptions,
): Promise<Recorded> {
  const recorder = new MediaRecorder(stream, options);
  const data = collect(recorder);
  recorder.start();
  await once(recorder, 'start');
  await new Promise((resolve) => setTimeout(resolve, 2000));
  recorder.stop();
  await once(recorder, 'stop');
  const bytes = await data.bytes();
  const path = fileOf(t, bytes, 'recorded');
  return { ...(await probe(path)), path, bytes: bytes.length };
}

test('several tracks of a kind are all in the file', { timeout: 50_000 }, async (t) => {
  const streams = [await runningStream(t, { gop: 5 }), await runningStream(t, { gop: 5, width: 160, height: 120 })];
  const stream = new MediaStream(streams.flatMap(({ tracks }) => tracks));
  for (const mimeType of ['video/mp4', 'video/x-matroska;codecs=vp8,mp4a.40.2']) {
    const { tracks, complaints } = await record(t, stream, { mimeType });
    t.equal(complaints, '', `${mimeType}: no complaints`);
    t.same(tracks.map(({ width }) => width ?? 'sound').sort(), [160, 320, 'sound', 'sound']);
    // Two seconds, and what a busy machine takes to come round to stop().
    for (const { kind, end } of tracks) t.ok(end > 1.2 && end < 6, `${kind} ends at ${end} s`);
  }
});

test('distances of key frames', { timeout: 50_000 }, async (t) => {
  const { stream, video } = await runningStream(t, { gop: 15 });
  const pictures = new MediaStream(stream.getVideoTracks());
  const entries = ['-select_streams', 'v', '-show_entries', 'packet=flags', '-of', 'csv=p=0'];
  for (const option of [{ videoKeyFrameIntervalCount: 5 }, { videoKeyFrameIntervalDuration: 333 }]) {
    const { path } = await record(t, pictures, { mimeType: 'video/webm', ...option });
    const { stdout } = await runPlayer('ffprobe', ['-v', 'error', ...entries, path]);
    const flags = stdout.trim().split('\n');
    const keyFrames = flags.flatMap((flag, index) => (flag.startsWith('K') ? [index] : []));
    t.same(keyFrames.slice(0, 4), [0, 5, 10, 15], JSON.stringify(option));
    // Copied pictures come from the source, which is asked.
    const before = video.keyFrameRequests;
    await record(t, pictures, { mimeType: 'video/mp4', ...option });
    t.ok(video.keyFrameRequests - before > 10, `${video.keyFrameRequests - before} requests`);
  }
  const before = video.keyFrameRequests;
  await record(t, pictures, { mimeType: 'video/mp4' });
  t.ok(video.keyFrameRequests - before < 10, 'nobody cares');
});

test('bit rates', { timeout: 50_000 }, async (t) => {
  const { stream } = await runningStream(t, { width: 640, height: 480, kbps: 2000 });
  const [low, high] = [
    await record(t, stream, { mimeType: 'video/webm', videoBitsPerSecond: 100_000 }),
    await record(t, stream, { mimeType: 'video/webm', videoBitsPerSecond: 1_500_000 }),
  ];
  t.ok(high.bytes > 2 * low.bytes, `${low.bytes} and ${high.bytes} bytes of pictures`);
  const sound = new MediaStream(stream.getAudioTracks());
  const mimeType = 'audio/mp4;codecs=mp4a.40.2';
  const [quiet, loud] = [
    await record(t, sound, { mimeType, audioBitsPerSecond: 32_000 }),
    await record(t, sound, { mimeType, bitsPerSecond: 192_000 }),
  ];
  t.ok(loud.bytes > 1.5 * quiet.bytes, `${quiet.bytes} and ${loud.bytes} bytes of sound`);
});
