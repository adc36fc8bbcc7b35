/** Network cameras that make several slices of a picture, joined between two key frames. */
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'tap';
import { collect, ENCODING, until } from '../support/capture-test-source.ts';
import { pixelsOf } from '../support/decoded.ts';
import { cameraProcess, cameraSettings, networkSource } from '../support/network-camera.ts';

/** A picture that does not change, two seconds between its key frames. */
const CAMERA =
  'videotestsrc is-live=true pattern=smpte75 ! video/x-raw,format=I420,width=320,height=240,framerate=15/1 ! ' +
  'x264enc tune=zerolatency sliced-threads=true threads=4 speed-preset=ultrafast key-int-max=30 bitrate=800 ! ' +
  'video/x-h264,profile=main ! rtph264pay name=pay0 pt=96';
/** How far pixels of the same picture may be apart on average: it is encoded twice. */
const LARGEST_DIFFERENCE = 3;

test('what is decoded for another size is never damaged', { timeout: 90_000 }, async (t) => {
  const camera = await cameraProcess(t, CAMERA);
  // Keeps the camera going, so that others come in between.
  const other = networkSource(t, 'video', cameraSettings(camera.url));
  other.track.retain();
  await until(() => other.source.flowing);
  for (let join = 0; join < 5; join++) {
    await sleep(370 * join);
    const encoding = { ...ENCODING, scaleResolutionDownBy: 2 };
    const { source, track } = networkSource(t, 'video', cameraSettings(camera.url), { encoding });
    const frames = collect(track);
    track.retain();
    await until(() => frames.length >= 20);
    t.same(source.encoders, ['x264enc'], 'decoded and encoded');
    await source.close();
    const pictures = await pixelsOf(frames, 160, 120);
    const last = pictures.at(-1) as Buffer;
    const differences = pictures.map(
      (pixels) => pixels.reduce((sum, pixel, at) => sum + Math.abs(pixel - (last[at] as number)), 0) / pixels.length,
    );
    t.ok(Math.max(...differences) < LARGEST_DIFFERENCE, `${pictures.length} pictures: ${Math.max(...differences)}`);
  }
});
