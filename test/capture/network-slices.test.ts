/** Network cameras that make several slices of a picture, joined between two key frames, and over a path that loses packets. */
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'tap';
import { AS_CAPTURED } from '../../daemon/capture/capture-plan.ts';
import { checkContinuity, collect, ENCODING, until } from '../support/capture-test-source.ts';
import { pixelsOf } from '../support/decoded.ts';
import { cameraProcess, cameraSettings, networkSource } from '../support/network-camera.ts';

/** A picture that does not change, two seconds between its key frames. */
const CAMERA =
  'videotestsrc is-live=true pattern=smpte75 ! video/x-raw,format=I420,width=320,height=240,framerate=15/1 ! ' +
  'x264enc tune=zerolatency sliced-threads=true threads=4 speed-preset=ultrafast key-int-max=30 bitrate=800 ! ' +
  'video/x-h264,profile=main ! rtph264pay name=pay0 pt=96';
/** How far pixels of the same picture may be apart on average: it is encoded twice. */
const LARGEST_DIFFERENCE = 3;

/** Of two pictures, on average; one of them is moved to the left. */
function difference(picture: Buffer, other: Buffer, width = 1, moved = 0): number {
  let sum = 0;
  for (let row = 0; row < picture.length; row += width)
    for (let x = 0; x < width; x++)
      sum += Math.abs((picture[row + x] as number) - (other[row + ((x + moved) % width)] as number));
  return sum / picture.length;
}

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
    const largest = Math.max(...pictures.map((picture) => difference(picture, last)));
    t.ok(largest < LARGEST_DIFFERENCE, `${pictures.length} pictures: ${largest}`);
  }
});

const [WIDTH, HEIGHT, STEP] = [160, 128, 16];
/** A picture that moves with each frame, so that what is missing of one does not look like it, and of which packets are lost. */
const lossy = (encode: string, packets: string): string =>
  `videotestsrc is-live=true pattern=smpte75 horizontal-speed=${STEP} ! ` +
  `video/x-raw,format=I420,width=${WIDTH},height=${HEIGHT},framerate=30/1 ! ${encode} ! ` +
  `${packets} pt=96 ! identity name=pay0 drop-probability=0.03`;

for (const [name, launch, picture] of [
  [
    'H.264, written on',
    lossy(
      'x264enc tune=zerolatency sliced-threads=true threads=4 speed-preset=ultrafast key-int-max=2 bitrate=2000 ! ' +
        'video/x-h264,profile=main',
      'rtph264pay',
    ),
    { ...AS_CAPTURED, overlay: ' ' },
  ],
  [
    'H.265, to H.264',
    lossy(
      'x265enc tune=zerolatency speed-preset=ultrafast key-int-max=2 bitrate=2000 option-string=slices=4',
      'rtph265pay',
    ),
    AS_CAPTURED,
  ],
] as const)
  test(`packets are lost: what is decoded is never damaged: ${name}`, { timeout: 90_000 }, async (t) => {
    const camera = await cameraProcess(t, launch);
    const { source, track } = networkSource(t, 'video', cameraSettings(camera.url, { transport: 'udp' }), {
      encoding: { ...ENCODING, maxBitrate: 2_000_000 },
      picture,
    });
    const frames = collect(track);
    track.retain();
    await until(() => frames.length >= 200, 60_000);
    t.same(source.encoders, ['x264enc'], 'decoded and encoded');
    t.same(source.stats.restarts, {});
    t.ok(source.stats.lost.source > 0, `${source.stats.lost.source} pictures of it were lost`);
    await source.close();
    checkContinuity(t, frames);
    const pictures = await pixelsOf(frames, WIDTH, HEIGHT);
    const last = pictures.at(-1) as Buffer;
    const moved = pictures.map((each) => {
      const differences = [];
      for (let by = 0; by < WIDTH; by += STEP) differences.push(difference(each, last, WIDTH, by));
      return Math.min(...differences);
    });
    const damaged = moved.filter((least) => least > LARGEST_DIFFERENCE);
    t.same(damaged, [], `${pictures.length} pictures, ${Math.max(...moved)}`);
  });
