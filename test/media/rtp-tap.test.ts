import { setImmediate as nextTurn } from 'node:timers/promises';
import { test } from 'tap';
import { createTrack } from '../../daemon/media/media-stream-track.ts';
import { tapRtp } from '../../daemon/media/rtp-tap.ts';
import { testStream } from '../support/gst-source.ts';
import { QuietSource } from '../support/quiet-source.ts';

test('a tap holds the device and reads what it sends', async (t) => {
  const source = new QuietSource();
  const track = createTrack(source);
  t.equal(source.retained, 0, 'a track alone starts no device');
  const frames: boolean[] = [];
  const tap = tapRtp(track, { frame: (frame) => frames.push(frame.keyFrame) });
  const other = tapRtp(track, { frame: () => undefined });
  t.equal(source.retained, 2);
  t.equal(tap.rtp, source.rtp);
  source.send(true);
  source.send(false);
  t.same(frames, [true, false]);
  tap.requestKeyFrame();
  t.equal(source.keyFrameRequests, 1);
  tap.close();
  tap.close();
  t.equal(source.retained, 1, 'closing twice releases once');
  source.send(true);
  t.equal(frames.length, 2, 'nothing after it');
  other.close();
  t.equal(source.retained, 0);
});

test('the track ends', async (t) => {
  for (const [name, end] of [
    ['by stop()', (track) => track.stop()],
    ['by its source', (_track, source) => source.end()],
  ] as [string, (track: ReturnType<typeof createTrack>, source: QuietSource) => void][]) {
    const source = new QuietSource();
    const track = createTrack(source);
    const order: string[] = [];
    const tap = tapRtp(track, {
      frame: () => t.fail('no frame'),
      ended: () => order.push(`ended, ${source.retained} held`),
    });
    end(track, source);
    t.same(order, ['ended, 0 held'], name);
    tap.close();
    t.equal(source.retained, 0);
  }
});

test('a track that has ended before', async (t) => {
  const source = new QuietSource();
  const track = createTrack(source);
  track.stop();
  let ended = 0;
  tapRtp(track, { frame: () => t.fail('no frame'), ended: () => (ended += 1) });
  t.equal(ended, 0, 'not before the caller has its tap');
  const closed = tapRtp(track, { frame: () => t.fail('no frame'), ended: () => t.fail('was closed') });
  closed.close();
  await nextTurn();
  t.equal(ended, 1);
  t.equal(source.retained, 0);
});

test('a real encoder runs while somebody reads, through a crash of it', async (t) => {
  const { stream, video } = testStream();
  const [track] = stream.getVideoTracks();
  if (track === undefined) throw new Error('no video');
  t.equal(video.running, false);
  let wake = (): void => undefined;
  let keyFrames = 0;
  const tap = tapRtp(track, {
    frame: (frame) => {
      if (frame.keyFrame) keyFrames += 1;
      wake();
    },
  });
  t.teardown(() => tap.close());
  const reaches = async (count: number): Promise<void> => {
    while (keyFrames < count) await new Promise<void>((resolve) => (wake = resolve));
  };
  await reaches(2);
  t.equal(video.running, true);
  video.crash();
  await reaches(4);
  t.equal(video.rtp.stats.sources, 2);
  tap.close();
  t.equal(video.running, false);
});
