/** ImageCapture against W3C Image Capture 3 to 8; its shape is seen to in web-idl.test.ts. */
import { type Test, test } from 'tap';
import { CaptureError } from '../../daemon/capture/capture-error.ts';
import { ImageBitmap } from '../../daemon/media/image-bitmap.ts';
import { ImageCapture } from '../../daemon/media/image-capture.ts';
import { createTrack, type MediaStreamTrack } from '../../daemon/media/media-stream-track.ts';
import type { PhotoSettings } from '../../daemon/media/photo-dictionaries.ts';
import type { VideoMode } from '../../daemon/media/track-source.ts';
import { QuietSource } from '../support/quiet-source.ts';

/** A camera with several sizes. */
class Webcam extends QuietSource {
  override modes(): readonly VideoMode[] {
    return [
      [1920, 1080],
      [640, 480],
      [640, 360],
      [1280, 720],
    ].map(([width = 0, height = 0]) => ({ width, height, frameRates: [30] }));
  }
}

/** A camera with a flash. */
class FlashCamera extends QuietSource {
  photoCapabilities() {
    return {
      redEyeReduction: 'controllable' as const,
      imageWidth: { min: 320, max: 3264, step: 3 },
      imageHeight: { min: 240, max: 2448, step: 2 },
      fillLightMode: ['auto' as const, 'flash' as const],
    };
  }

  photoSettings() {
    return { imageWidth: 320, imageHeight: 240, redEyeReduction: false, fillLightMode: 'auto' as const };
  }
}

const rejects = (t: Test, promise: Promise<unknown>, name: string, message: RegExp | string = /./): Promise<unknown> =>
  t.rejects(promise, { constructor: DOMException, name, message });

test('the constructor', async (t) => {
  const track = createTrack(new QuietSource());
  t.equal(new ImageCapture(track).track, track);
  t.throws(() => new ImageCapture(createTrack(new QuietSource('audio'))), {
    constructor: DOMException,
    name: 'NotSupportedError',
    message: "ImageCapture takes video tracks; this one is of kind 'audio'",
  });
  for (const wrong of [undefined, null, {}, 'video', new EventTarget()])
    t.throws(() => new ImageCapture(wrong as unknown as MediaStreamTrack), TypeError);
  track.stop();
  t.equal(new ImageCapture(track).track, track, 'of an ended track too');
});

test('takePhoto()', async (t) => {
  const source = new QuietSource();
  const capture = new ImageCapture(createTrack(source));
  const blob = await capture.takePhoto();
  t.ok(blob instanceof Blob);
  t.equal(blob.type, 'image/jpeg');
  t.same(Buffer.from(await blob.arrayBuffer()), Buffer.from([0xff, 0xd8, 0xff, 0xd9]));
  await capture.takePhoto({});
  await capture.takePhoto(undefined);
  await capture.takePhoto(null as unknown as PhotoSettings);
  await capture.takePhoto({ imageWidth: 320, imageHeight: '240' as unknown as number, fillLightMode: 'off' });
  await capture.takePhoto({ redEyeReduction: false });
  t.same(source.photos, [
    {},
    {},
    {},
    {},
    { width: 320, height: 240, fillLightMode: 'off' },
    { redEyeReduction: false },
  ]);
});

test('settings that are none, and settings that the camera has not', async (t) => {
  const source = new QuietSource();
  const capture = new ImageCapture(createTrack(source));
  const wrong: [unknown, RegExp][] = [
    [1, /takePhoto: not an object/],
    [{ imageWidth: Number.NaN }, /takePhoto.imageWidth/],
    [{ imageHeight: Number.POSITIVE_INFINITY }, /takePhoto.imageHeight/],
    [{ fillLightMode: 'torch' }, /takePhoto.fillLightMode: 'torch' is not one of 'auto', 'off', 'flash'/],
  ];
  for (const [settings, message] of wrong)
    await t.rejects(capture.takePhoto(settings as PhotoSettings), { name: 'TypeError', message });
  await rejects(t, capture.takePhoto({ fillLightMode: 'flash' }), 'NotSupportedError', /'flash'.* it is off$/);
  await rejects(t, capture.takePhoto({ redEyeReduction: true }), 'NotSupportedError', /redEyeReduction true.*never/);
  t.same(source.photos, [], 'the camera was not asked');
});

test('sizes: the camera does what is nearest; a script that knows the limits is held to them', async (t) => {
  const source = new Webcam();
  const capture = new ImageCapture(createTrack(source));
  await capture.takePhoto({ imageWidth: 9999, imageHeight: 9999 });
  await capture.takePhoto({ imageWidth: 1300 });
  await capture.takePhoto({ imageHeight: 1000 });
  t.same(source.photos, [
    { width: 9999, height: 9999 },
    { width: 1280, height: 720 },
    { width: 1920, height: 1080 },
  ]);
  const { imageWidth } = await capture.getPhotoCapabilities();
  (imageWidth as { max: number }).max = 99_999;
  for (const settings of [{ imageWidth: 1921 }, { imageWidth: 639 }, { imageHeight: 1081 }, { imageHeight: 0 }])
    await rejects(t, capture.takePhoto(settings), 'NotSupportedError', /takes photos from/);
  await capture.takePhoto({ imageWidth: 1920, imageHeight: 360 });
  t.equal(source.photos.length, 4);
});

test('what the device says about failures', async (t) => {
  const source = new QuietSource();
  const capture = new ImageCapture(createTrack(source));
  source.refusal = new CaptureError('timeout', 'no picture came');
  await rejects(t, capture.takePhoto(), 'UnknownError', 'no picture came');
  await rejects(t, capture.grabFrame(), 'UnknownError', 'no picture came');
});

test('tracks that give no picture', async (t) => {
  const source = new QuietSource();
  const track = createTrack(source);
  const capture = new ImageCapture(track);
  const pictures = async (message: string): Promise<void> => {
    await rejects(t, capture.takePhoto(), 'InvalidStateError', message);
    await rejects(t, capture.grabFrame(), 'InvalidStateError', message);
  };
  track.enabled = false;
  await pictures('the track is disabled');
  track.enabled = true;
  source.setMuted(true);
  await pictures('the track is muted: unplugged');
  t.match(await capture.getPhotoCapabilities(), { redEyeReduction: 'never' }, 'its limits are known all the same');
  source.setMuted(false);
  await capture.takePhoto();
  track.stop();
  await pictures('the track has ended');
  await rejects(t, capture.getPhotoCapabilities(), 'InvalidStateError', 'the track has ended');
  await rejects(t, capture.getPhotoSettings(), 'InvalidStateError', 'the track has ended');
});

test('a track that ends before the answer', async (t) => {
  const attempts: [string, (capture: ImageCapture) => Promise<unknown>][] = [
    ['OperationError', (capture) => capture.getPhotoCapabilities()],
    ['OperationError', (capture) => capture.getPhotoSettings()],
    ['UnknownError', (capture) => capture.takePhoto()],
    ['UnknownError', (capture) => capture.grabFrame()],
  ];
  for (const [name, attempt] of attempts) {
    const track = createTrack(new QuietSource());
    const answer = attempt(new ImageCapture(track));
    track.stop();
    await rejects(t, answer, name, 'the track has ended meanwhile');
  }
});

test('photo capabilities and settings', async (t) => {
  const webcam = new ImageCapture(createTrack(new Webcam()));
  t.same(
    await webcam.getPhotoCapabilities(),
    {
      redEyeReduction: 'never',
      imageHeight: { min: 360, max: 1080, step: 120 },
      imageWidth: { min: 640, max: 1920, step: 640 },
    },
    'up to the largest mode of the device',
  );
  t.same(await webcam.getPhotoSettings(), { imageHeight: 480, imageWidth: 640 }, 'as captured');
  class AnySize extends QuietSource {
    override modes(): readonly VideoMode[] {
      return [];
    }
  }
  t.same(await new ImageCapture(createTrack(new AnySize())).getPhotoCapabilities(), {
    redEyeReduction: 'never',
    imageHeight: { min: 1, max: 480, step: 1 },
    imageWidth: { min: 1, max: 640, step: 1 },
  });
});

test('a camera with a flash', async (t) => {
  const source = new FlashCamera();
  const capture = new ImageCapture(createTrack(source));
  t.same(await capture.getPhotoCapabilities(), source.photoCapabilities());
  t.same(await capture.getPhotoSettings(), source.photoSettings());
  await capture.takePhoto({ fillLightMode: 'flash', redEyeReduction: true, imageWidth: 1000 });
  t.same(source.photos, [{ fillLightMode: 'flash', redEyeReduction: true, width: 1000 }]);
  await rejects(t, capture.takePhoto({ fillLightMode: 'off' }), 'NotSupportedError', /it is auto, flash$/);
});

test('grabFrame() gives the size that the track has', async (t) => {
  class Scaled extends QuietSource {
    override settings() {
      return { width: 32, height: 18, frameRate: 5 };
    }
  }
  const frame = await new ImageCapture(createTrack(new Scaled())).grabFrame();
  t.same([frame.width, frame.height, frame.data.length], [32, 18, 32 * 18 * 4]);
});

test('grabFrame()', async (t) => {
  const capture = new ImageCapture(createTrack(new QuietSource()));
  const frames = await Promise.all([capture.grabFrame(), capture.grabFrame()]);
  const [frame] = frames as [ImageBitmap, ImageBitmap];
  t.ok(frame instanceof ImageBitmap);
  t.equal(Object.prototype.toString.call(frame), '[object ImageBitmap]');
  t.same([frame.width, frame.height, frame.data.length], [640, 480, 640 * 480 * 4]);
  t.ok(frame.data instanceof Uint8ClampedArray);
  frame.close();
  t.same([frame.width, frame.height, frame.data.length], [0, 0, 0]);
  frame.close();
  t.equal(frames[1]?.width, 640, 'the other is not touched');
  t.throws(() => new (ImageBitmap as unknown as new () => object)(), { name: 'TypeError' });
});
