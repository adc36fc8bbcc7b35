/** Cameras on the network whose connection loses nothing: each of their pictures passes. */
import { test } from 'tap';
import { checkContinuity, collect, ENCODING, stepsOf, until } from '../support/capture-test-source.ts';
import { cameraProcess, cameraSettings, networkSource } from '../support/network-camera.ts';

/** Of about two packets each; after one that is lost nothing goes out before the next key frame, one second later at most. */
const PICTURES =
  'videotestsrc is-live=true pattern=snow ! video/x-raw,format=I420,width=64,height=64,framerate=60/1 ! ';
const ENCODER = 'tune=zerolatency speed-preset=ultrafast key-int-max=60 bitrate=800';
const CAMERAS = {
  h264: `${PICTURES} x264enc ${ENCODER} ! rtph264pay name=pay0 pt=96`,
  h265: `${PICTURES} x265enc ${ENCODER} ! rtph265pay name=pay0 pt=96`,
};

for (const codec of ['h264', 'h265'] as const)
  test(`${codec}: nothing is lost on the way through`, { timeout: 90_000 }, async (t) => {
    const camera = await cameraProcess(t, CAMERAS[codec]);
    const encoding = { ...ENCODING, codec };
    const { source, track } = networkSource(t, 'video', cameraSettings(camera.url), { encoding });
    const frames = collect(track);
    track.retain();
    await until(() => frames.length >= 500, 60_000);
    t.same(source.encoders, [], 'passed through');
    const { lost } = source.stats;
    await source.close();
    checkContinuity(t, frames);
    const breaks = stepsOf(frames).filter((step) => step > 5000);
    t.comment(`${breaks.length} breaks, ${lost.source} frames lost`);
    t.ok(breaks.length <= 1 && lost.source <= 60, 'none but where the machine stood still');
  });
