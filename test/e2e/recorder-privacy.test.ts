/** A recording while its stream gets private: what is in it then. */
import { type Test, test } from 'tap';
import { MediaStream } from '../../daemon/media/media-stream.ts';
import { configureTrack, createTrack } from '../../daemon/media/media-stream-track.ts';
import { MediaRecorder } from '../../daemon/record/media-recorder.ts';
import { captureTest, until } from '../support/capture-test-source.ts';
import { brightness, loudness } from '../support/lips.ts';
import { collect, fileOf, once, probe } from '../support/recorded-file.ts';

const SPAN_MS = 3000;
const wait = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** A camera that shows colours and a microphone that hears a tone, as a stream. */
async function runningStream(
  t: Test,
): Promise<{ stream: MediaStream; sources: ReturnType<typeof captureTest>['source'][] }> {
  const made = (['video', 'audio'] as const).map((kind) => captureTest(kind));
  const sources = made.map(({ source }) => source);
  const tracks = made.map(({ source, track }) => createTrack(source, track.configuration));
  for (const { track } of made) track.close();
  t.teardown(async () => {
    for (const track of tracks) track.stop();
    await Promise.all(sources.map((source) => source.close()));
  });
  return { stream: new MediaStream(tracks), sources };
}

test('picture and sound before and after, the slate and silence meanwhile', { timeout: 120_000 }, async (t) => {
  for (const mimeType of ['video/mp4', 'video/webm', 'video/x-matroska']) {
    const { stream, sources } = await runningStream(t);
    const tracks = stream.getTracks();
    const setPrivacy = (privacy: boolean) => Promise.all(tracks.map((track) => configureTrack(track, { privacy })));
    const recorder = new MediaRecorder(stream, { mimeType });
    const { bytes } = collect(recorder);
    recorder.start();
    await once(recorder, 'start');
    const begin = performance.now();
    const now = (): number => (performance.now() - begin) / 1000;
    await wait(SPAN_MS);
    const from = now();
    await setPrivacy(true);
    await until(() => sources.every(({ pid }) => pid === undefined));
    await wait(SPAN_MS);
    const to = now();
    await setPrivacy(false);
    await until(() => sources.every(({ flowing }) => flowing));
    await wait(SPAN_MS);
    recorder.stop();
    await once(recorder, 'stop');
    const path = fileOf(t, await bytes(), 'recorded');
    const { complaints, tracks: recorded } = await probe(path);
    t.equal(complaints, '', `${mimeType}: ffmpeg has no complaints`);
    const end = Math.min(...recorded.map((track) => track.end));
    // Each side of a change may take a moment, and a slate more: a process begins for it. With its first packet a decoder
    // of Opus also gives the milliseconds by which it lags behind: the end of the tone.
    for (const [what, first, last, seen] of [
      ['before', 0.5, from - 0.6, true],
      ['meanwhile', from + 1.2, to - 0.1, false],
      ['after', to + 2, end, true],
    ] as const) {
      const within = ([time]: readonly [number, number]): boolean => time >= first && time <= last;
      const [lights, levels] = [(await brightness(path)).filter(within), (await loudness(path)).filter(within)];
      t.ok(levels.length > 5, `${mimeType}, ${what}: ${levels.length} levels`);
      t.ok(
        lights.length > 0 && lights.every(([, light]) => light > 60 === seen),
        `${mimeType}, ${what}: ${seen ? 'the picture' : 'the slate'}: ${spanOf(lights)}`,
      );
      t.ok(
        levels.every(([, level]) => level > 1000 === seen),
        `${mimeType}, ${what}: ${seen ? 'the tone' : 'silence'}: ${spanOf(levels)}`,
      );
    }
    for (const track of tracks) track.stop();
  }
});

const spanOf = (values: readonly (readonly [number, number])[]): string =>
  `${Math.min(...values.map(([, value]) => value))} to ${Math.max(...values.map(([, value]) => value))}`;
