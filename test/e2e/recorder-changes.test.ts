/** What a recording lives through. */
import { type Test, test } from 'tap';
import { MediaRecorder } from '../../daemon/record/media-recorder.ts';
import { runPlayer } from '../support/player.ts';
import { collect, fileOf, once, type ProbedFile, probe, runningStream } from '../support/recorded-file.ts';

const FRAME = 1 / 15;
const wait = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Records two seconds and more, in which `meanwhile` happens after the first. */
async function record(
  t: Test,
  recorder: MediaRecorder,
  meanwhile: () => Promise<void>,
): Promise<ProbedFile & { seconds: number; path: string }> {
  const { bytes } = collect(recorder);
  recorder.start();
  await once(recorder, 'start');
  const begin = performance.now();
  await wait(1000);
  await meanwhile();
  await wait(1000);
  const seconds = (performance.now() - begin) / 1000;
  recorder.stop();
  await once(recorder, 'stop');
  const path = fileOf(t, await bytes(), 'recorded');
  return { ...(await probe(path)), seconds, path };
}

test('the picture changes its size', { timeout: 50_000 }, async (t) => {
  for (const mimeType of ['video/mp4', 'video/webm', 'video/x-matroska']) {
    const { stream, video } = await runningStream(t);
    const file = await record(t, new MediaRecorder(stream, { mimeType }), async () => video.resize(480, 270));
    t.equal(file.complaints, '', `${mimeType}: no complaints`);
    const entries = ['-select_streams', 'v', '-show_entries', 'frame=width', '-of', 'csv=p=0'];
    const { stdout } = await runPlayer('ffprobe', ['-v', 'error', ...entries, file.path]);
    const widths = [...new Set(stdout.match(/\d+/g))];
    t.same(widths, mimeType === 'video/webm' ? ['320'] : ['320', '480'], 'sizes of the decoded pictures');
    for (const { kind, end } of file.tracks)
      t.ok(Math.abs(end - file.seconds) < 0.3, `${kind} ends at ${end} of ${file.seconds} s`);
  }
});

test('devices that go away for a while', { timeout: 50_000 }, async (t) => {
  const { stream, video, audio } = await runningStream(t);
  for (const [source, other] of [
    [audio, 'video'],
    [video, 'audio'],
  ] as const) {
    const { tracks, complaints, seconds } = await record(t, new MediaRecorder(stream), async () => {
      source.unplug('test');
      await wait(2500);
      source.plug();
    });
    t.equal(complaints, '', `${source.kind}: no complaints`);
    for (const { kind, end, gap } of tracks) {
      t.ok(Math.abs(end - seconds) < 2 * FRAME + 0.1, `${source.kind} away: ${kind} ends at ${end} of ${seconds} s`);
      if (kind === other) t.ok(gap < 3 * FRAME, `nothing is missing of ${kind}: ${gap}`);
    }
  }
});

test('one of the tracks ends', { timeout: 30_000 }, async (t) => {
  const { stream } = await runningStream(t);
  const { tracks, complaints, seconds } = await record(t, new MediaRecorder(stream), async () => {
    stream.getAudioTracks()[0]?.stop();
  });
  t.equal(complaints, '');
  for (const { kind, end } of tracks) {
    const expected = kind === 'audio' ? 1 : seconds;
    t.ok(Math.abs(end - expected) < 0.2, `${kind} ends at ${end} s`);
  }
});
