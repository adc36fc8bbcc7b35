/** Statistics of tracks against Media Capture and Streams Extensions 7. */
import { test } from 'tap';
import { createTrack, type MediaStreamTrack } from '../../daemon/media/media-stream-track.ts';
import type { EncodedStream } from '../../daemon/media/track-source.ts';
import {
  createTrackStats,
  type MediaStreamTrackAudioStats,
  MediaStreamTrackVideoStats,
} from '../../daemon/media/track-stats.ts';
import { QuietSource } from '../support/quiet-source.ts';

test('frames of a picture', async (t) => {
  const source = new QuietSource();
  t.equal(createTrack(source).stats, null, 'for tracks of getUserMedia() only');
  const track = createTrack(source, {}, { captured: new Set<MediaStreamTrack>() });
  const stats = track.stats as MediaStreamTrackVideoStats;
  t.ok(stats instanceof MediaStreamTrackVideoStats);
  t.equal(track.stats, stats, 'the same object');
  t.same(stats.toJSON(), { deliveredFrames: 0, discardedFrames: 0, totalFrames: 0 });
  for (let i = 0; i < 3; i++) source.send();
  t.same(stats.toJSON(), { deliveredFrames: 3, discardedFrames: 0, totalFrames: 3 });
  t.equal(JSON.stringify(stats), '{"deliveredFrames":3,"discardedFrames":0,"totalFrames":3}');
  track.stop();
});

test('latency of sound', async (t) => {
  let listener: (frame: { captureTime: number }) => void = () => undefined;
  const rtp = { onFrame: (added: typeof listener) => (listener = added) };
  const stats = createTrackStats(
    'audio',
    { rtp } as unknown as EncodedStream,
    () => 1000,
  ) as MediaStreamTrackAudioStats;
  t.same(stats.toJSON(), { latency: 0, averageLatency: 0, minimumLatency: 0, maximumLatency: 0 });
  for (const captureTime of [970, 950, 980]) listener({ captureTime });
  t.same(
    { ...stats.toJSON(), averageLatency: Math.round(stats.averageLatency) },
    { latency: 20, averageLatency: 33, minimumLatency: 20, maximumLatency: 50 },
  );
  stats.resetLatency();
  t.same(stats.toJSON(), { latency: 20, averageLatency: 20, minimumLatency: 20, maximumLatency: 20 });
  listener({ captureTime: 960 });
  t.same(stats.toJSON(), { latency: 40, averageLatency: 40, minimumLatency: 20, maximumLatency: 40 });
});
