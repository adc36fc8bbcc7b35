/** How old a picture is at its viewer: by the time that stands in it, and by what RTP says of its capture. */
import { test } from 'tap';
import { stampAge } from '../../daemon/capture/picture-stamp.ts';
import { Daemon } from '../support/daemon.ts';
import { until } from '../support/player.ts';
import { StampViewer } from '../support/stamp-viewer.ts';

const FRAMES = 60;

test('the time in the picture and the clock of the RTP agree', async (t) => {
  const size = { width: 640, height: 360 };
  const daemon = new Daemon({
    'streams.camera.video.device': 'latency',
    'streams.camera.video.width': String(size.width),
    'streams.camera.video.height': String(size.height),
    'streams.camera.video.frameRate': '15',
    'streams.camera.audio': 'false',
  });
  t.teardown(() => daemon.stop());
  await daemon.start();
  const viewer = await StampViewer.play(daemon.rtsp, size);
  t.teardown(() => viewer.close());
  await until(() => viewer.frames.length >= FRAMES, 30_000);
  const frames = viewer.frames.slice(0, FRAMES);
  t.equal(frames.filter(({ stamp }) => stamp === undefined).length, 0, 'every time can be read');
  const wall = (at: number): number => performance.timeOrigin + at;
  const since = (moment: (frame: (typeof frames)[number]) => number): number[] =>
    frames.map((frame) => stampAge(frame.stamp ?? Number.NaN, moment(frame))).sort((one, other) => one - other);
  const captured = since(({ arrival }) => viewer.capturedAt(arrival.timestamp) ?? Number.NaN);
  const arrived = since(({ arrival }) => wall(arrival.at));
  const decoded = since(({ decodedAt }) => wall(decodedAt));
  const [apart, wire, glass] = [captured, arrived, decoded].map((ages) => ages[FRAMES / 2] ?? Number.NaN);
  t.comment(
    `capture ${apart?.toFixed(1)} ms after the time in the picture, viewer ${wire?.toFixed(1)}, decoded ${glass?.toFixed(1)}`,
  );
  t.ok(Math.abs(apart ?? Number.NaN) < 25, 'the middle one of them');
  // A clock that is set has steps of a millisecond and its reading some jitter.
  t.ok((arrived[0] ?? Number.NaN) > -5, 'nothing arrives before it was made');
  t.ok((glass ?? Number.NaN) > (wire ?? Number.NaN), 'it is seen after it has come');
});
