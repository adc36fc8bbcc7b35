/** A track whose pictures a program writes, from the program to the encoded stream. */
import { execFileSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { type Test, test } from 'tap';
import type { CaptureSource } from '../../daemon/capture/capture-source.ts';
import { pushedDevice } from '../../daemon/capture/device.ts';
import { framePrefix, PushedFrameReader } from '../../daemon/capture/pushed-frames.ts';
import { encodedOf, MediaStreamTrack } from '../../daemon/media/media-stream-track.ts';
import {
  type PushedFormat,
  PushedMediaStreamTrack,
  pushedTrack,
} from '../../daemon/media/pushed-media-stream-track.ts';
import { tapRtp } from '../../daemon/media/rtp-tap.ts';
import type { RtpFrame } from '../../daemon/rtp/rtp-frame.ts';
import { captureTest, checkContinuity, decode, temporaryFolder, until } from '../support/capture-test-source.ts';
import { lumaOf } from '../support/decoded.ts';

const [WIDTH, HEIGHT] = [160, 120];
const grey = (level: number): Buffer => Buffer.alloc(WIDTH * HEIGHT * 4, level);

interface Pushed {
  source: CaptureSource;
  track: PushedMediaStreamTrack;
  frames: RtpFrame[];
}

function pushed(t: Test, options: Partial<PushedFormat> = {}): Pushed {
  const format: PushedFormat = { format: 'rgba', width: WIDTH, height: HEIGHT, frameRate: undefined, ...options };
  const device = pushedDevice({ ...format, deviceId: 'pushed', label: 'Drawing', frameRate: format.frameRate || 30 });
  const { source, track: unused } = captureTest('video', { device, idleTimeout: 0 });
  const track = pushedTrack(source, format);
  unused.close();
  const frames: RtpFrame[] = [];
  tapRtp(track, { frame: (frame) => frames.push(frame) });
  t.teardown(() => source.close());
  return { source, track, frames };
}

test('what is written is what viewers see, again for those who come between two pictures', async (t) => {
  const { source, track, frames } = pushed(t);
  t.equal(track.label, 'Drawing');
  t.ok(track instanceof MediaStreamTrack);
  const drawing = grey(200);
  track.write(drawing);
  drawing.fill(0);
  await until(() => frames.length >= 1);
  t.match(track.getSettings(), { width: WIDTH, height: HEIGHT, deviceId: 'pushed' });
  const shown = frames.length;
  encodedOf(track).requestKeyFrame();
  await until(() => frames.slice(shown).some(({ keyFrame }) => keyFrame), 5000);
  const before = frames.length;
  track.write(grey(40));
  await until(() => frames.length > before);
  // A picture that stands is repeated.
  await until(() => frames.length > before + 1, 5000);
  const { width, data } = await source.grab();
  t.equal(width, WIDTH);
  t.ok(Math.abs((data[0] ?? 0) - 40) < 6, `the picture of now: ${data[0]}`);
  track.stop();
  checkContinuity(t, frames);
  const luma = await lumaOf(frames, WIDTH, HEIGHT);
  t.ok(Math.abs((luma[0]?.mean ?? 0) - 200) < 8, `${luma[0]?.mean}`);
  t.ok(Math.abs((luma.at(-1)?.mean ?? 0) - 40) < 8, `${luma.at(-1)?.mean}`);
  t.equal(track.readyState, 'ended');
});

test('a crash of the encoder: the last picture is still there', async (t) => {
  const { source, track, frames } = pushed(t);
  track.write(grey(150));
  await until(() => frames.length >= 2);
  process.kill(source.pid as number, 'SIGKILL');
  await until(() => source.muted);
  const before = frames.length;
  await until(() => frames.length > before);
  checkContinuity(t, frames);
  const luma = await lumaOf(frames, WIDTH, HEIGHT);
  t.ok(Math.abs((luma.at(-1)?.mean ?? 0) - 150) < 8);
});

test('JPEGs, at most so many a second', async (t) => {
  const { track, frames } = pushed(t, { format: 'jpeg', frameRate: 5 });
  const jpeg = execFileSync('ffmpeg', [
    ...'-v error -f lavfi -i color=gray:size=160x120 -frames:v 1 -f mjpeg -'.split(' '),
  ]);
  track.write(jpeg);
  await until(() => frames.length >= 1);
  const [before, begin] = [frames.length, Date.now()];
  for (let i = 0; i < 100; i++) {
    track.write(jpeg);
    await delay(10);
  }
  const allowed = ((Date.now() - begin) / 1000) * 5 + 3;
  t.ok(frames.length - before <= allowed, `${frames.length - before} of 100 pictures, allowed ${allowed}`);
  t.ok(frames.length > before);
  const folder = await temporaryFolder(t);
  const { frames: pictures } = await decode(folder, frames);
  t.match(pictures[0], { width: WIDTH, height: HEIGHT });
});

test('a frame rate of 0: only on request', async (t) => {
  const { track, frames } = pushed(t, { frameRate: 0 });
  track.write(grey(100));
  await delay(1000);
  t.equal(frames.length, 0);
  track.requestFrame();
  await until(() => frames.length >= 1);
  t.pass('then it is there');
});

test('what does not fit is refused', async (t) => {
  const { track } = pushed(t);
  t.throws(() => track.write(Buffer.alloc(5)), { name: 'TypeError', message: /5 bytes; .* 160x120 has 76800/ });
  t.throws(() => track.write('x' as unknown as Buffer), { name: 'TypeError', message: /Uint8Array/ });
  t.throws(() => (track.write as () => void)(), { name: 'TypeError', message: /1 argument/ });
  const { track: photos } = pushed(t, { format: 'jpeg' });
  t.throws(() => photos.write(Buffer.from('hello')), { name: 'TypeError', message: /not a JPEG/ });
  const small = execFileSync('ffmpeg', [
    ...'-v error -f lavfi -i color=gray:size=64x48 -frames:v 1 -f mjpeg -'.split(' '),
  ]);
  t.throws(() => photos.write(small), { name: 'TypeError', message: /a JPEG of 64x48; .* 160x120/ });
  const Open = PushedMediaStreamTrack as unknown as new () => PushedMediaStreamTrack;
  t.throws(() => new Open(), { name: 'TypeError', message: 'Illegal constructor' });
});

test('a clone shows the same pictures', async (t) => {
  const { track, frames } = pushed(t);
  const clone = track.clone();
  t.ok(clone instanceof PushedMediaStreamTrack);
  t.not(clone.id, track.id);
  const others: RtpFrame[] = [];
  tapRtp(clone, { frame: (frame) => others.push(frame) });
  clone.write(grey(90));
  await until(() => frames.length >= 1 && others.length >= 1);
  t.pass('both');
});

test('pictures on the pipe, however it cuts them', async (t) => {
  const sent = [grey(1), Buffer.from('x'), grey(3)];
  const stream = Buffer.concat(sent.flatMap((frame) => [framePrefix(frame.length), frame]));
  for (const size of [1, 3, 4, 5, 1000, stream.length]) {
    const got: Buffer[] = [];
    const reader = new PushedFrameReader((frame) => got.push(frame));
    for (let at = 0; at < stream.length; at += size) reader.push(stream.subarray(at, at + size));
    t.ok(got.length === 3 && got.every((frame, i) => frame.equals(sent[i] as Buffer)), `by ${size}`);
  }
});
