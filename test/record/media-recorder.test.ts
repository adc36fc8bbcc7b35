/** What scripts see of a MediaRecorder: states, events and their order, errors. */
import { type Test, test } from 'tap';
import { ErrorEvent } from '../../daemon/media/error-event.ts';
import { MediaStream, removeTrackByGateway } from '../../daemon/media/media-stream.ts';
import { createTrack } from '../../daemon/media/media-stream-track.ts';
import { BlobEvent, type BlobEventInit } from '../../daemon/record/blob-event.ts';
import { MediaRecorder } from '../../daemon/record/media-recorder.ts';
import type { MediaRecorderOptions } from '../../daemon/record/media-recorder-options.ts';
import { QuietSource } from '../support/quiet-source.ts';

const EVENTS = ['start', 'stop', 'dataavailable', 'pause', 'resume', 'error'];

/** A stream whose tracks say nothing. */
function quietStream(...kinds: ('audio' | 'video')[]): { stream: MediaStream; sources: QuietSource[] } {
  const sources = kinds.map((kind) => new QuietSource(kind));
  return { stream: new MediaStream(sources.map((source) => createTrack(source))), sources };
}

/** A recorder and the events that it fires, with its state at each. */
function watched(stream: MediaStream, options?: MediaRecorderOptions): { recorder: MediaRecorder; events: string[] } {
  const recorder = new MediaRecorder(stream, options);
  const events: string[] = [];
  for (const type of EVENTS) recorder.addEventListener(type, () => events.push(`${type} ${recorder.state}`));
  return { recorder, events };
}

const stopped = (recorder: MediaRecorder): Promise<unknown> =>
  new Promise((resolve) => recorder.addEventListener('stop', resolve, { once: true }));

const throwsDom = (t: Test, name: string, call: () => unknown): void => {
  t.throws(call, { name, constructor: DOMException }, name);
};

test('construction', async (t) => {
  const { stream } = quietStream('audio', 'video');
  const recorder = new MediaRecorder(stream);
  t.equal(recorder.stream, stream);
  t.equal(recorder.state, 'inactive');
  t.equal(recorder.mimeType, '');
  t.equal(recorder.audioBitrateMode, 'variable');
  t.equal(recorder.videoBitsPerSecond, 2_500_000);
  t.equal(recorder.audioBitsPerSecond, 128_000);
  for (const type of EVENTS) t.equal(recorder[`on${type}` as 'onstart'], null);
  const mimeType = 'video/webm; codecs="vp8, opus"';
  t.equal(new MediaRecorder(new MediaStream(), { mimeType }).mimeType, mimeType);
  t.equal(new MediaRecorder(stream, { audioBitrateMode: 'constant' }).audioBitrateMode, 'constant');
  throwsDom(t, 'NotSupportedError', () => new MediaRecorder(new MediaStream(), { mimeType: 'video/pineapple' }));
  t.throws(() => new MediaRecorder({} as MediaStream), TypeError);
  t.throws(() => new MediaRecorder(stream, { audioBitrateMode: 'loud' as 'constant' }), TypeError);
});

test('bit rates', async (t) => {
  const options: [MediaRecorderOptions, video: number, audio: number][] = [
    [{ audioBitsPerSecond: 0 }, 2_500_000, 0],
    [{ videoBitsPerSecond: 1_000_000 }, 1_000_000, 128_000],
    [{ bitsPerSecond: 2_000_000, videoBitsPerSecond: 0, audioBitsPerSecond: 0 }, 1_872_000, 128_000],
  ];
  for (const [option, video, audio] of options) {
    const { videoBitsPerSecond, audioBitsPerSecond } = new MediaRecorder(new MediaStream(), option);
    t.same([videoBitsPerSecond, audioBitsPerSecond], [video, audio], JSON.stringify(option));
  }
  const { stream } = quietStream('audio');
  const recorder = new MediaRecorder(stream, { bitsPerSecond: 500_000 });
  t.same([recorder.videoBitsPerSecond, recorder.audioBitsPerSecond], [450_000, 50_000]);
  recorder.start();
  t.same([recorder.videoBitsPerSecond, recorder.audioBitsPerSecond], [0, 500_000], 'all of it for what there is');
  recorder.stop();
  t.same([recorder.videoBitsPerSecond, recorder.audioBitsPerSecond], [450_000, 50_000]);
  await stopped(recorder);
});

test('what is not allowed in a state', async (t) => {
  const { stream } = quietStream('video');
  const recorder = new MediaRecorder(stream);
  recorder.stop();
  for (const method of ['pause', 'resume', 'requestData'] as const)
    throwsDom(t, 'InvalidStateError', () => recorder[method]());
  throwsDom(t, 'NotSupportedError', () => new MediaRecorder(new MediaStream()).start());
  throwsDom(t, 'NotSupportedError', () => new MediaRecorder(stream, { mimeType: 'audio/mp4' }).start());
  const options = { videoKeyFrameIntervalDuration: 1000, videoKeyFrameIntervalCount: 30 };
  throwsDom(t, 'NotSupportedError', () => new MediaRecorder(stream, options).start());
  recorder.start();
  throwsDom(t, 'InvalidStateError', () => recorder.start());
  recorder.stop();
  await stopped(recorder);
  recorder.stop();
  for (const method of ['pause', 'resume', 'requestData'] as const)
    throwsDom(t, 'InvalidStateError', () => recorder[method]());
});

test('states change at once, events come later and in order', async (t) => {
  const { stream } = quietStream('video');
  const { recorder, events } = watched(stream);
  recorder.start();
  t.equal(recorder.state, 'recording');
  t.equal(recorder.mimeType, '', 'not before the start event');
  recorder.pause();
  recorder.pause();
  t.equal(recorder.state, 'paused');
  recorder.requestData();
  recorder.resume();
  recorder.resume();
  t.equal(recorder.state, 'recording');
  t.same(events, []);
  await new Promise((resolve) => recorder.addEventListener('resume', resolve));
  t.equal(recorder.mimeType, 'video/mp4;codecs=avc1');
  recorder.stop();
  t.equal(recorder.state, 'inactive');
  await stopped(recorder);
  const data = events.splice(events.indexOf('dataavailable recording'), 1);
  t.same(data, ['dataavailable recording'], 'the data that was requested');
  t.same(events, ['start recording', 'pause recording', 'resume recording', 'dataavailable inactive', 'stop inactive']);
});

test('stopped before anything came', async (t) => {
  const { stream, sources } = quietStream('audio', 'video');
  const { recorder, events } = watched(stream);
  let data: BlobEvent | undefined;
  recorder.ondataavailable = (event) => {
    data = event;
  };
  recorder.start();
  t.ok(
    sources.every(({ retained }) => retained === 1),
    'the devices run',
  );
  recorder.stop();
  await stopped(recorder);
  t.same(events, ['start inactive', 'dataavailable inactive', 'stop inactive']);
  t.ok(data instanceof BlobEvent);
  t.equal(data?.data.size, 0);
  t.equal(data?.data.type, 'video/mp4;codecs=avc1,opus');
  t.equal(data?.timecode, 0);
  t.ok(
    sources.every(({ retained }) => retained === 0),
    'the devices are free',
  );
});

test('without a picture it still says that it has started', async (t) => {
  const { recorder, events } = watched(quietStream('video').stream);
  recorder.start();
  await new Promise((resolve) => recorder.addEventListener('start', resolve));
  t.same(events, ['start recording']);
  recorder.stop();
  await stopped(recorder);
});

test('a change of the track set', async (t) => {
  const changes: Record<string, (stream: MediaStream) => void> = {
    addTrack: (stream) => stream.addTrack(createTrack(new QuietSource('audio'))),
    removeTrack: (stream) => stream.removeTrack(stream.getTracks()[0]!),
    'by the gateway': (stream) => removeTrackByGateway(stream, stream.getTracks()[0]!),
  };
  for (const [name, change] of Object.entries(changes)) {
    const { stream } = quietStream('audio', 'video');
    const { recorder, events } = watched(stream);
    let error: Event | undefined;
    recorder.onerror = (event) => {
      error = event;
    };
    recorder.start();
    change(stream);
    t.equal(recorder.state, 'recording', `${name}: later`);
    await stopped(recorder);
    t.same(events, ['start recording', 'error inactive', 'dataavailable inactive', 'stop inactive'], name);
    t.ok(error instanceof ErrorEvent);
    t.match((error as ErrorEvent).error, { name: 'InvalidModificationError' });
  }
  const { stream } = quietStream('audio', 'video');
  const { recorder, events } = watched(stream);
  recorder.start();
  stream.addTrack(stream.getTracks()[0]!);
  t.equal(events.length, 0, 'a track that is in already changes nothing');
  stream.removeTrack(stream.getTracks()[0]!);
  recorder.stop();
  await stopped(recorder);
  t.same(events, ['start inactive', 'dataavailable inactive', 'stop inactive'], 'stop() was faster');
});

test('ended tracks', async (t) => {
  const { stream, sources } = quietStream('audio', 'video');
  const { recorder, events } = watched(stream);
  recorder.start();
  stream.getTracks()[0]?.stop();
  await new Promise((resolve) => setTimeout(resolve, 50));
  t.equal(recorder.state, 'recording', 'one is left');
  sources[1]?.end();
  t.equal(recorder.state, 'recording');
  await stopped(recorder);
  t.same(events, ['start recording', 'dataavailable inactive', 'stop inactive']);
});

test('a codec that nobody has heard of', async (t) => {
  const { recorder, events } = watched(quietStream('video').stream, { mimeType: 'video/mp4;codecs=futura' });
  let error: unknown;
  recorder.onerror = (event) => {
    error = event.error;
  };
  recorder.start();
  t.equal(recorder.state, 'recording');
  await stopped(recorder);
  t.same(events, ['error inactive', 'stop inactive']);
  t.match(error, { name: 'NotSupportedError' });
});

test('one recorder, again and again, also before the last recording is all out', async (t) => {
  const { recorder, events } = watched(quietStream('video').stream);
  recorder.start();
  recorder.stop();
  recorder.start(500);
  t.equal(recorder.state, 'recording');
  await stopped(recorder);
  t.equal(recorder.state, 'recording', 'that was the first one');
  recorder.stop();
  await stopped(recorder);
  t.equal(events.filter((event) => event.startsWith('stop')).length, 2);
});

test('BlobEvent', async (t) => {
  const data = new Blob(['x']);
  const event = new BlobEvent('type', { data, timecode: 0.5, bubbles: true });
  t.equal(event.type, 'type');
  t.equal(event.data, data);
  t.equal(event.timecode, 0.5);
  t.equal(event.bubbles, true);
  t.equal(event.isTrusted, false);
  t.throws(() => new BlobEvent('type', {} as BlobEventInit), TypeError);
  t.throws(() => new BlobEvent('type', { data: {} as Blob }), TypeError);
  t.throws(() => new BlobEvent('type', { data, timecode: Number.NaN }), TypeError);
});
