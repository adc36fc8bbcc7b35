/** The scriptable camera that the conformance suite asks for (test/wpt/), through ImageCapture. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { test } from 'tap';
import { ImageCapture } from '../../daemon/media/image-capture.ts';
import type { MediaStream } from '../../daemon/media/media-stream.ts';
import { createTrack, type MediaStreamTrack, sourceOf } from '../../daemon/media/media-stream-track.ts';
import type { TrackSource } from '../../daemon/media/track-source.ts';
import { projectRoot } from '../support/project-root.ts';
import { QuietSource } from '../support/quiet-source.ts';

interface ScriptedCamera {
  state(): Record<string, { min: number; max: number; current: number; step: number }> &
    Record<'supportedFocusModes' | 'fillLightMode', number[]> &
    Record<'currentFocusMode' | 'redEyeReduction', number>;
  options(): Record<string, unknown> | null;
}

interface ScriptedCameras {
  ImageCaptureTest: new () => { initialize(): void; reset(): Promise<void>; mockImageCapture(): ScriptedCamera };
  scriptable(source: TrackSource, panTiltZoom?: () => boolean): TrackSource;
}

const { ImageCaptureTest, scriptable } = (await import(
  pathToFileURL(join(projectRoot(), 'test/wpt/image-capture-test.mjs')).href
)) as ScriptedCameras;

/** The words by the numbers of the mock. */
const METERING_MODES = ['none', 'manual', 'single-shot', 'continuous'];

test('the camera is there from initialize() to reset()', async (t) => {
  const track = createTrack(scriptable(new QuietSource()));
  const own = track.getSettings();
  const suite = new ImageCaptureTest();
  t.equal(suite.mockImageCapture(), null);
  await t.rejects(suite.reset());
  suite.initialize();
  t.throws(() => suite.initialize());
  t.match(track.getSettings(), { ...own, zoom: 5, exposureMode: 'manual', torch: false });
  await suite.reset();
  t.same(track.getSettings(), own);
  t.equal((await new ImageCapture(track).takePhoto()).type, 'image/jpeg');
});

test('controls', async (t) => {
  const suite = new ImageCaptureTest();
  suite.initialize();
  t.teardown(() => suite.reset());
  const camera = suite.mockImageCapture();
  const track = createTrack(scriptable(new QuietSource()));
  const source = sourceOf(track);
  const { exposureTime = { max: 0 }, supportedFocusModes } = camera.state();
  t.match(source.capabilities(), {
    focusMode: supportedFocusModes.map((mode) => METERING_MODES[mode]),
    exposureTime: { min: 100, max: exposureTime.max, step: 100 },
    torch: [false, true],
  });
  t.equal(camera.options(), null);
  const settings = {
    focusMode: 'single-shot',
    exposureTime: 10_000,
    pointsOfInterest: [{ x: 0.1, y: 0.2 }],
    torch: true,
  };
  await source.setControls(settings);
  t.match(track.getSettings(), settings);
  t.match(camera.options(), {
    hasFocusMode: true,
    focusMode: 2,
    hasExposureTime: true,
    exposureTime: 10_000,
    pointsOfInterest: settings.pointsOfInterest,
    hasTorch: true,
    torch: true,
    hasExposureMode: false,
    exposureMode: 1,
    hasZoom: false,
  });
  t.equal(camera.state().currentFocusMode, 2);
});

test('constraints', async (t) => {
  const suite = new ImageCaptureTest();
  suite.initialize();
  t.teardown(() => suite.reset());
  const camera = suite.mockImageCapture();
  const track = createTrack(scriptable(new QuietSource()));
  const wish = {
    whiteBalanceMode: 'single-shot',
    exposureMode: 'manual',
    focusMode: 'single-shot',
    pointsOfInterest: [
      { x: 0.1, y: 0.2 },
      { x: 0.3, y: 0.4 },
    ],
    // Not on the camera's grid, which starts at -200 in steps of 33: the camera takes what is nearest.
    exposureCompensation: 133.77,
    exposureTime: 10_000,
    colorTemperature: 6000,
    iso: 120,
    brightness: 3,
    contrast: 4,
    saturation: 5,
    sharpness: 6,
    focusDistance: 7,
    pan: 8,
    tilt: 9,
    zoom: 3.3,
    torch: true,
  };
  await track.applyConstraints({ advanced: [wish] });
  t.match(track.getSettings(), wish);
  t.match(camera.options(), { ...wish, whiteBalanceMode: 2, exposureMode: 1, focusMode: 2 });
  t.same(track.getConstraints(), { advanced: [wish] });
  await track.applyConstraints({});
  t.match(track.getSettings(), wish, 'what nobody asks to change stays');
  await t.rejects(track.applyConstraints({ iso: { exact: 12_001 } }), {
    name: 'OverconstrainedError',
    constraint: 'iso',
  });
  await track.applyConstraints({ brightness: 99, zoom: { ideal: -3 } });
  t.match(track.getSettings(), { brightness: 10, zoom: 0, iso: 120 }, 'ideal values as near as it can');
});

test('photos', async (t) => {
  const suite = new ImageCaptureTest();
  suite.initialize();
  t.teardown(() => suite.reset());
  const camera = suite.mockImageCapture();
  const capture = new ImageCapture(createTrack(scriptable(new QuietSource())));
  const photo = { imageWidth: 1080, imageHeight: 100, redEyeReduction: true, fillLightMode: 'flash' } as const;
  const blob = await capture.takePhoto(photo);
  t.same([blob.type, blob.size], ['image/cat', 2]);
  t.match(camera.options(), {
    hasWidth: true,
    width: 1080,
    hasHeight: true,
    height: 100,
    redEyeReduction: true,
    hasFillLightMode: true,
    fillLightMode: 2,
  });
  t.same(await capture.getPhotoSettings(), { imageWidth: 1080, imageHeight: 100 });
  camera.state().redEyeReduction = 0;
  t.same(await capture.getPhotoCapabilities(), {
    redEyeReduction: 'never',
    imageWidth: { min: 320, max: 3264, step: 3 },
    imageHeight: { min: 240, max: 2448, step: 2 },
    fillLightMode: ['auto', 'flash'],
  });
  for (const wrong of [{ redEyeReduction: true }, { imageWidth: 3265 }, { fillLightMode: 'off' as const }])
    await t.rejects(capture.takePhoto(wrong), { name: 'NotSupportedError' });
});

test('without the permission to move it', async (t) => {
  const suite = new ImageCaptureTest();
  suite.initialize();
  t.teardown(() => suite.reset());
  const track = createTrack(scriptable(new QuietSource(), () => false));
  for (const name of ['pan', 'tilt', 'zoom'])
    t.notOk(name in sourceOf(track).capabilities() || name in track.getSettings());
  await t.rejects(sourceOf(track).setControls({ pan: 8 }));
  await sourceOf(track).setControls({ brightness: 8 });
  t.equal(track.getSettings().brightness, 8);
});

test('through the door of the suite, over the test devices', async (t) => {
  const door = (await import(pathToFileURL(join(projectRoot(), 'test/wpt/target.mjs')).href)) as {
    mediaDevices: { getUserMedia(constraints: object): Promise<MediaStream> };
    ImageCapture: typeof ImageCapture;
    wptHooks: {
      createVideoStream(size: { width: number; height: number }): MediaStream;
      setPermission(descriptor: object, state: string): void;
      ImageCaptureTest: typeof ImageCaptureTest;
    };
  };
  const { mediaDevices, wptHooks } = door;
  const suite = new wptHooks.ImageCaptureTest();
  suite.initialize();
  t.teardown(() => suite.reset());
  const camera = suite.mockImageCapture();

  wptHooks.setPermission({ name: 'camera', panTiltZoom: true }, 'granted');
  const [track] = (await mediaDevices.getUserMedia({ video: true })).getVideoTracks() as [MediaStreamTrack];
  t.match(track.getCapabilities(), { zoom: { max: 10 }, focusMode: ['manual', 'single-shot'] });
  await track.applyConstraints({ advanced: [{ zoom: 3.3, torch: true, exposureMode: 'manual' }] });
  t.match(camera.options(), { zoom: 3.3, torch: true, exposureMode: METERING_MODES.indexOf('manual') });
  const clone = track.clone();
  t.match(clone.getSettings(), { zoom: 3.3, torch: true });

  wptHooks.setPermission({ name: 'camera', panTiltZoom: true }, 'denied');
  const [still] = (await mediaDevices.getUserMedia({ video: true })).getVideoTracks() as [MediaStreamTrack];
  for (const name of ['pan', 'tilt', 'zoom'])
    t.notOk(name in still.getCapabilities() || name in still.getSettings(), name);

  const [drawn] = wptHooks.createVideoStream({ width: 40, height: 30 }).getVideoTracks() as [MediaStreamTrack];
  const capture = new door.ImageCapture(drawn);
  t.same((await capture.takePhoto()).type, 'image/cat');
  t.match(await capture.getPhotoSettings(), { imageWidth: 320, imageHeight: 240 });
  const frame = await capture.grabFrame();
  t.match(frame, { width: 40, height: 30 }, 'frames are those of the source');
  for (const each of [track, clone, still, drawn]) each.stop();
});
