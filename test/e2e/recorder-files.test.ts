/** What a MediaRecorder writes, in every container and codec, by ffprobe and ffmpeg. */
import { test } from 'tap';
import { MediaStream } from '../../daemon/media/media-stream.ts';
import { createTrack } from '../../daemon/media/media-stream-track.ts';
import { MediaRecorder } from '../../daemon/record/media-recorder.ts';
import { captureTest } from '../support/capture-test-source.ts';
import { collect, fileOf, once, probe, runningStream } from '../support/recorded-file.ts';

const FPS = 15;
const FRAME = 1 / FPS;

interface Case {
  type: string;
  video?: string;
  audio: string;
  timeslice?: number;
  /** Whether the file tells its duration: WebM cannot once its head was handed out. */
  duration?: boolean;
}

const CASES: Case[] = [
  { type: '', video: 'h264', audio: 'opus' },
  { type: 'video/mp4', video: 'h264', audio: 'opus', timeslice: 300 },
  { type: 'video/mp4;codecs=avc1,mp4a.40.2', video: 'h264', audio: 'aac' },
  { type: 'video/webm', video: 'vp8', audio: 'opus' },
  { type: 'video/webm;codecs="vp9, opus"', video: 'vp9', audio: 'opus', timeslice: 300, duration: false },
  { type: 'video/x-matroska;codecs=avc1', video: 'h264', audio: 'opus' },
  { type: 'audio/mp4', audio: 'opus' },
  { type: 'audio/mp4;codecs=mp4a.40.2', audio: 'aac', timeslice: 300 },
  { type: 'audio/webm;codecs=opus', audio: 'opus' },
  { type: 'audio/ogg', audio: 'opus', timeslice: 300 },
];

for (const { type, video, audio, timeslice, duration = true } of CASES) {
  const slices = timeslice === undefined ? 'one Blob' : `time slices of ${timeslice} ms`;
  test(`${type || 'what the recorder likes'}, ${slices}`, { timeout: 50_000 }, async (t) => {
    const { stream } = await runningStream(t, { fps: FPS });
    const recorded = video === undefined ? new MediaStream(stream.getAudioTracks()) : stream;
    const recorder = new MediaRecorder(recorded, { mimeType: type });
    const { events, bytes } = collect(recorder);
    recorder.start(timeslice as number);
    await once(recorder, 'start');
    const [mime = '', codecs = ''] = recorder.mimeType.split(';codecs=');
    t.match(mime, type === '' ? 'video/mp4' : type.split(';')[0]);
    t.equal(codecs.split(',').length, video === undefined ? 1 : 2, recorder.mimeType);
    const begin = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 2000));
    const seconds = (performance.now() - begin) / 1000;
    recorder.stop();
    await once(recorder, 'stop');

    const file = await probe(fileOf(t, await bytes(), 'recorded'));
    t.equal(file.complaints, '', 'no complaints');
    t.same(file.tracks.map(({ codec }) => codec).sort(), [video, audio].filter((each) => each !== undefined).sort());
    // The start event comes when the first picture has arrived: a little later than it was captured.
    const within = (value: number | undefined, what: string): void => {
      const off = (value ?? Infinity) - seconds;
      t.ok(off > -FRAME && off < FRAME + 0.1, `${what}: ${value} of ${seconds} s`);
    };
    if (duration) within(file.duration, 'duration');
    for (const { kind, start, end, gap } of file.tracks) {
      within(end, `end of ${kind}`);
      t.ok(start < 0.025, `${kind} begins at ${start}`);
      t.ok(gap < 2 * FRAME, `no gap in ${kind}: ${gap}`);
    }
    t.equal(events[0]?.timecode, 0);
    if (timeslice === undefined) {
      t.equal(events.length, 1);
      return;
    }
    t.ok(events.length >= 4, `${events.length} Blobs`);
    events.slice(1).forEach(({ timecode }, index) => {
      const length = timecode - (events[index]?.timecode ?? 0);
      // In fractions of milliseconds, which do not add up to the last digit.
      t.ok(length > timeslice - 0.001 && length < 1.7 * timeslice, `${length} ms`);
    });
  });
}

for (const [codec, type, written] of [
  ['aac', 'audio/mp4', 'aac'],
  ['aac', 'audio/webm', 'opus'],
  ['pcma', 'audio/mp4', 'opus'],
] as const)
  test(`sound that is ${codec}: ${type}`, { timeout: 50_000 }, async (t) => {
    const { source, track: unread } = captureTest('audio', { audioCodec: codec });
    t.teardown(() => source.close());
    const track = createTrack(source, { audioCodec: codec });
    const recorder = new MediaRecorder(new MediaStream([track]), { mimeType: type });
    const { bytes } = collect(recorder);
    recorder.start();
    await once(recorder, 'start');
    await new Promise((resolve) => setTimeout(resolve, 2000));
    recorder.stop();
    await once(recorder, 'stop');
    const file = await probe(fileOf(t, await bytes(), 'recorded'));
    t.equal(file.complaints, '', 'no complaints');
    t.same(
      file.tracks.map((each) => each.codec),
      [written],
    );
    t.ok((file.tracks[0]?.end ?? 0) > 1.8, `${file.tracks[0]?.end} s`);
    unread.close();
    track.stop();
  });
