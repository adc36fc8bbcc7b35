/** How a recording ends that cannot go on. */
import { test } from 'tap';
import type { BlobEvent } from '../../daemon/record/blob-event.ts';
import { converterPid, MediaRecorder } from '../../daemon/record/media-recorder.ts';
import { RecorderSession } from '../../daemon/record/recorder-session.ts';
import { chooseFormat } from '../../daemon/record/recording-format.ts';
import { until } from '../support/player.ts';
import { collect, fileOf, once, probe, runningStream } from '../support/recorded-file.ts';

const wait = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

test('the converter crashes', { timeout: 30_000 }, async (t) => {
  const { stream } = await runningStream(t);
  for (const mimeType of ['video/mp4', 'video/webm']) {
    const recorder = new MediaRecorder(stream, { mimeType });
    const events: string[] = [];
    for (const type of ['start', 'error', 'dataavailable', 'stop'])
      recorder.addEventListener(type, () => events.push(`${type} ${recorder.state}`));
    const { bytes } = collect(recorder);
    recorder.start();
    await once(recorder, 'start');
    await wait(2500);
    const error = once(recorder, 'error');
    process.kill(converterPid(recorder) ?? 0, 'SIGKILL');
    t.match(await error, { error: { name: 'UnknownError', message: /ended \(SIGKILL\)/ } });
    await until(() => events.includes('stop inactive'));
    t.same(events, ['start recording', 'error inactive', 'dataavailable inactive', 'stop inactive'], mimeType);
    const { tracks, complaints } = await probe(fileOf(t, await bytes(), 'recorded'));
    t.equal(complaints, '', 'what there was can be played');
    t.ok(tracks.length === 2 && tracks.every(({ end }) => end > 1), `${tracks.map(({ end }) => end)} s of it`);
    recorder.start();
    await once(recorder, 'start');
    recorder.stop();
    await wait(700);
  }
});

test('the converter hangs', { timeout: 58_000 }, async (t) => {
  const { stream } = await runningStream(t);
  const recorder = new MediaRecorder(stream);
  const data: number[] = [];
  recorder.ondataavailable = (event: BlobEvent) => data.push(event.data.size);
  recorder.start();
  await once(recorder, 'start');
  await wait(1500);
  process.kill(converterPid(recorder) ?? 0, 'SIGSTOP');
  const memory = process.memoryUsage().rss;
  const error = once(recorder, 'error');
  t.match(await error, { error: { name: 'UnknownError' } });
  await until(() => data.length > 0);
  t.ok((data[0] ?? 0) > 10_000, `${data[0]} bytes were there before`);
  const grown = (process.memoryUsage().rss - memory) / 2 ** 20;
  t.ok(grown < 40, `${Math.round(grown)} MiB more`);
});

test('nobody fetches the data, and there is too much of it', { timeout: 30_000 }, async (t) => {
  const { stream } = await runningStream(t);
  const format = chooseFormat('video/mp4', new Set(['audio', 'video']));
  if (format === undefined) throw new Error('no MP4 here');
  const sizes: number[] = [];
  const reason = await new Promise<DOMException | undefined>((resolve) => {
    const session = new RecorderSession({
      ...{ tracks: stream.getTracks(), format, wantedType: '', bitRates: { video: 1, audio: 1 } },
      ...{ keyFrameInterval: undefined, timeslice: undefined, memoryLimit: 100_000 },
      handlers: {
        started: () => undefined,
        data: (blob) => sizes.push(blob.size),
        ended: async (error) => {
          await session.stop();
          session.finish();
          resolve(error);
        },
      },
    });
    session.start();
  });
  t.match(reason, { name: 'UnknownError', message: /timeslice/ });
  t.ok(sizes.length === 1 && (sizes[0] ?? 0) > 100_000 && (sizes[0] ?? 0) < 300_000, `${sizes} bytes`);
});
