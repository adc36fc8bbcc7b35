/** ImageCapture over a real capture: photos and raw frames of the test picture. The lab has it over a V4L2 driver. */
import { test } from 'tap';
import { ImageCapture } from '../../daemon/media/image-capture.ts';
import { createTrack } from '../../daemon/media/media-stream-track.ts';
import { captureTest, live } from '../support/capture-test-source.ts';

/** Width and height in the frame header of a baseline JPEG. */
function jpegSize(jpeg: Buffer): { width: number; height: number } {
  const header = jpeg.indexOf(Buffer.from([0xff, 0xc0]));
  return { width: jpeg.readUInt16BE(header + 7), height: jpeg.readUInt16BE(header + 5) };
}

test('a photo and a frame of a running capture', async (t) => {
  const { source } = captureTest('video');
  t.teardown(() => source.close());
  const track = createTrack(source);
  const size = { width: 320, height: 240 };
  await track.applyConstraints(size);
  const capture = new ImageCapture(track);
  const letGo = source.hold();
  await live(source);

  const photo = await capture.takePhoto();
  t.equal(photo.type, 'image/jpeg');
  t.same(jpegSize(Buffer.from(await photo.arrayBuffer())), size);
  t.same(await capture.getPhotoSettings(), { imageWidth: 320, imageHeight: 240 });
  t.match(await capture.getPhotoCapabilities(), { imageWidth: { max: 3840, step: 1 }, redEyeReduction: 'never' });

  const frame = await capture.grabFrame();
  t.match(frame, size);
  t.equal(frame.data.length, 320 * 240 * 4);
  // The second and the sixth of the seven bars (SMPTE RP 219 at 75 %), above the text.
  const pixel = (x: number, y: number): number[] => [...frame.data.subarray((y * 320 + x) * 4, (y * 320 + x) * 4 + 4)];
  const near = (found: number[], wanted: number[]): boolean =>
    found.every((v, i) => Math.abs(v - (wanted[i] ?? 0)) < 16);
  t.ok(near(pixel(69, 20), [191, 191, 0, 255]), `yellow: ${pixel(69, 20)}`);
  t.ok(near(pixel(251, 20), [191, 0, 0, 255]), `red: ${pixel(251, 20)}`);

  track.enabled = false;
  await t.rejects(capture.takePhoto(), { name: 'InvalidStateError' });
  letGo();
  track.stop();
  await t.rejects(capture.grabFrame(), { name: 'InvalidStateError' });
});
