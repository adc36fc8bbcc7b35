/** Pauses of a MediaRecorder in what it writes. */
import { test } from 'tap';
import { MediaRecorder } from '../../daemon/record/media-recorder.ts';
import { collect, fileOf, once, probe, runningStream } from '../support/recorded-file.ts';

const FPS = 15;
const FRAME = 1 / FPS;

test('pause and resume leave no gap', { timeout: 50_000 }, async (t) => {
  for (const type of ['video/mp4', 'video/mp4;codecs=avc1,mp4a.40.2', 'video/webm', 'video/x-matroska']) {
    // A key frame every third of a second: this source makes none on demand.
    const { stream } = await runningStream(t, { fps: FPS, gop: 5 });
    const recorder = new MediaRecorder(stream, { mimeType: type });
    const { bytes } = collect(recorder);
    recorder.start();
    await once(recorder, 'start');
    let seconds = 0;
    for (let round = 0; round < 3; round++) {
      if (round > 0) recorder.resume();
      const begin = performance.now();
      await new Promise((resolve) => setTimeout(resolve, 1000));
      recorder.pause();
      seconds += (performance.now() - begin) / 1000;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    recorder.stop();
    await once(recorder, 'stop');
    const file = await probe(fileOf(t, await bytes(), 'recorded'));
    t.same(file.complaints.split('\n'), [''], `${type}: no complaints`);
    for (const { kind, end, gap } of file.tracks) {
      t.ok(gap < 2 * FRAME, `${type}: no gap in ${kind}: ${gap}`);
      // Each of the two times that it goes on it may wait for a key frame.
      t.ok(end < seconds + FRAME + 0.1 && end > seconds - 2 * (5 * FRAME + 0.1), `${kind}: ${end} of ${seconds} s`);
    }
    const [first, second] = file.tracks.map(({ end }) => end);
    t.ok(Math.abs((first ?? 0) - (second ?? 9)) < FRAME + 0.03, `${type}: both end together`);
  }
});
