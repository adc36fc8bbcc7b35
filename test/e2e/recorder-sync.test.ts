/** Lips: pictures that flash and sound that ticks each second come out of a recording as they were captured. */
import { test } from 'tap';
import { MediaRecorder } from '../../daemon/record/media-recorder.ts';
import { testStream } from '../support/gst-source.ts';
import { beat, flashes, ticks } from '../support/lips.ts';
import { collect, fileOf, once } from '../support/recorded-file.ts';

const FLASHES = 'videotestsrc is-live=true pattern=blink ! video/x-raw,framerate=1/1 ! videorate';
const TICKS = 'audiotestsrc is-live=true wave=ticks samplesperbuffer=960';

test('picture and sound keep the sync they were captured with', { timeout: 58_000 }, async (t) => {
  const { stream, video, audio } = testStream({ pictures: FLASHES, sound: TICKS });
  // The first tick is the first sound; a picture that changes takes more bytes than one that stands.
  let ticked: number | undefined;
  audio.rtp.onFrame(({ captureTime }) => {
    ticked ??= captureTime;
  });
  const changes: { captureTime: number; byteLength: number }[] = [];
  video.rtp.onFrame(({ keyFrame, captureTime, byteLength }) => {
    if (!keyFrame) changes.push({ captureTime, byteLength });
  });
  const releases = [video.hold(), audio.hold()];
  t.teardown(() => {
    for (const release of releases) release();
  });
  const types = ['video/mp4', 'video/mp4;codecs=avc1,mp4a.40.2', 'video/webm', 'video/x-matroska'];
  const recordings = types.map((mimeType) => {
    const recorder = new MediaRecorder(stream, { mimeType });
    return { recorder, data: collect(recorder) };
  });
  for (const { recorder } of recordings) recorder.start();
  await Promise.all(recordings.map(({ recorder }) => once(recorder, 'start')));
  const wait = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));
  await wait(3500);
  for (const { recorder } of recordings) recorder.pause();
  await wait(700);
  for (const { recorder } of recordings) recorder.resume();
  await wait(3500);
  for (const { recorder } of recordings) recorder.stop();
  await Promise.all(recordings.map(({ recorder }) => once(recorder, 'stop')));

  const largest = Math.max(...changes.map(({ byteLength }) => byteLength));
  const flashed = changes.find(({ byteLength }) => byteLength > largest / 2)?.captureTime;
  const captured = beat(((ticked ?? Number.NaN) - (flashed ?? Number.NaN)) / 1000);
  for (const [index, { data }] of recordings.entries()) {
    const path = fileOf(t, await data.bytes(), 'recorded');
    const [seen, heard] = [await flashes(path), await ticks(path)];
    t.ok(seen.length >= 4 && heard.length >= 4, `${types[index]}: ${seen.length} flashes, ${heard.length} ticks`);
    for (const [name, pick] of [['at the beginning', 0] as const, ['after a pause', -1] as const]) {
      const [flash = Number.NaN, tick = Number.NaN] = [seen.at(pick), heard.at(pick)];
      const off = beat(tick - flash - captured);
      // An encoder of AAC looks ahead by a frame, 21 ms, which MP4 does not tell.
      t.ok(Math.abs(off) < 0.03, `${types[index]}, ${name}: sound is ${Math.round(off * 1000)} ms late`);
    }
  }
});
