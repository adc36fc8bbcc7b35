/** H.264 of a camera goes out as it is; what needs pixels of it is decoded beside that. */
import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'tap';
import { systemClock } from '../../daemon/lib/clock.ts';
import { createTrack } from '../../daemon/media/media-stream-track.ts';
import { tapRtp } from '../../daemon/media/rtp-tap.ts';
import { sequenceDistance, sequenceNumber } from '../../daemon/rtp/packet.ts';
import type { RtpFrame } from '../../daemon/rtp/rtp-frame.ts';
import {
  checkContinuity,
  collect,
  decode,
  ENCODING,
  live,
  temporaryFolder,
  until,
} from '../support/capture-test-source.ts';
import { lumaOf } from '../support/decoded.ts';
import { cameraSettings, dumbCamera, networkSource, slicesOf } from '../support/network-camera.ts';

test('what goes out is what came in, to the byte; no encoder runs', async (t) => {
  const camera = await dumbCamera(t);
  const sent = collect({ rtp: camera.video.rtp } as never);
  const { source, track } = networkSource(t, 'video', cameraSettings(camera.url));
  const frames = collect(track);
  track.retain();
  await until(() => frames.length >= 30);
  await source.close();
  t.same(source.encoders, []);
  t.match(track.settings(), { width: 320, height: 240, resizeMode: 'none' });
  const [came, went] = [slicesOf(sent), slicesOf(frames)];
  const begin = came.lastIndexOf(went[0] as string);
  t.ok(begin >= 0 && went.length >= 30);
  t.ok(
    went.every((nal, index) => nal === came[begin + index]),
    `${went.length} NAL units untouched`,
  );
  checkContinuity(t, frames);
});

test('a frame has the time at which it came, wherever the camera says that its times begin', async (t) => {
  const camera = await dumbCamera(t, { source: { gop: 15 } });
  const release = camera.video.hold();
  // A camera that has run for a while, with a group to begin with.
  await until(() => camera.video.rtp.stats.frames >= 40);
  const sentAt = new Map<string, number>();
  const key = (frame: RtpFrame): string => slicesOf([frame]).at(-1) as string;
  camera.video.rtp.onFrame((frame) => sentAt.set(key(frame), systemClock.now()));
  const { source, track } = networkSource(t, 'video', cameraSettings(camera.url));
  const ages: number[] = [];
  track.rtp.onFrame((frame) => ages.push(frame.captureTime - (sentAt.get(key(frame)) ?? Number.NaN)));
  track.retain();
  await until(() => ages.length >= 75);
  await source.close();
  release();
  const later = ages.slice(-30).sort((one, other) => one - other);
  t.comment(
    `captured ${later[15]?.toFixed(1)} ms after it was sent, ${later[0]?.toFixed(1)} to ${later.at(-1)?.toFixed(1)}`,
  );
  t.ok(Math.abs(later[15] ?? Number.NaN) < 100);
});

test('who joins between two key frames has a picture at once', async (t) => {
  const folder = await temporaryFolder(t);
  const camera = await dumbCamera(t);
  const { source } = networkSource(t, 'video', cameraSettings(camera.url));
  const track = createTrack(source, { encoding: ENCODING });
  const first: RtpFrame[] = [];
  tapRtp(track, { frame: (frame) => first.push(frame) });
  await until(() => first.length >= 45);
  const late: RtpFrame[] = [];
  const begun = performance.now();
  let tookMs = 0;
  const tap = tapRtp(track, {
    frame: (frame) => {
      if (late.length === 0) tookMs = performance.now() - begun;
      late.push(frame);
    },
  });
  const joinsAt = tap.rtp.joinsAt?.sequence;
  t.ok(tap.join());
  await until(() => late.length >= 75);
  t.comment(`first picture after ${tookMs.toFixed(1)} ms`);
  t.ok(tookMs < 1000);
  t.ok(late[0]?.keyFrame);
  t.equal(sequenceNumber(late[0]?.packets[0] as Buffer), joinsAt, 'as RTP-Info would have said');
  checkContinuity(t, late);
  const squeezed = (late.at(-1) as RtpFrame).captureTime - (late[0] as RtpFrame).captureTime;
  t.ok(squeezed < 3500, 'a player does not stay behind');
  track.stop();
  const { frames, complaints } = await decode(folder, late);
  t.equal(complaints, '');
  t.equal(frames.length, late.length);
});

test('the first viewer of a camera that runs has a picture at once, too', async (t) => {
  const camera = await dumbCamera(t);
  const { source } = networkSource(t, 'video', cameraSettings(camera.url));
  const track = createTrack(source, { encoding: ENCODING });
  const release = source.hold();
  await live(source);
  await delay(2000);
  const frames: RtpFrame[] = [];
  const tap = tapRtp(track, { frame: (frame) => frames.push(frame) });
  t.ok(tap.join(), 'from the frames that are kept');
  await until(() => frames.length >= 60);
  t.ok(frames[0]?.keyFrame);
  t.equal(frames.filter(({ keyFrame }) => keyFrame).length, 1, 'no key frame has come since');
  checkContinuity(t, frames);
  release();
  track.stop();
});

test('pictures and other sizes are decoded in a process of their own, from the current group', async (t) => {
  const folder = await temporaryFolder(t);
  const camera = await dumbCamera(t);
  const { source, track } = networkSource(t, 'video', cameraSettings(camera.url));
  const frames = collect(track);
  track.retain();
  await until(() => frames.length >= 30);
  const pid = source.pid;
  const begun = performance.now();
  const photo = await track.photo();
  t.comment(`photo after ${(performance.now() - begun).toFixed(0)} ms`);
  t.same([photo.width, photo.height], [320, 240]);
  const { data } = await source.grab();
  t.equal(data.length, 320 * 240 * 4);
  const sub = source.encode({ ...track.configuration, encoding: { ...ENCODING, scaleResolutionDownBy: 2 } });
  const small = collect(sub);
  sub.retain();
  const asked = performance.now();
  await until(() => small.length >= 1);
  t.comment(`the smaller size after ${(performance.now() - asked).toFixed(0)} ms`);
  await until(() => small.length >= 20);
  const last = small.at(-1) as RtpFrame;
  const twin = frames.reduce((one, other) =>
    Math.abs(other.captureTime - last.captureTime) < Math.abs(one.captureTime - last.captureTime) ? other : one,
  );
  t.ok(Math.abs(twin.captureTime - last.captureTime) < 2, 'the same instants, so that lips stay in sync');
  t.equal(source.pid, pid, 'the capture went on');
  t.same(source.stats.restarts, {});
  await source.close();
  checkContinuity(t, frames);
  checkContinuity(t, small);
  const { frames: pictures, complaints } = await decode(folder, small);
  t.equal(complaints, '');
  t.same([pictures[0]?.width, pictures[0]?.height], [160, 120]);
});

test('enabled = false is black, though nothing encodes; then the camera again, at once', async (t) => {
  const camera = await dumbCamera(t);
  const { source, track } = networkSource(t, 'video', cameraSettings(camera.url));
  const frames = collect(track);
  track.retain();
  await until(() => frames.length >= 20);
  await track.configure({ ...track.configuration, enabled: false });
  const before = frames.length;
  await delay(300);
  t.ok(frames.length <= before + 2, 'nothing of the camera goes out any more');
  await until(() => frames.length >= before + 8);
  const dark = frames.length;
  await track.configure({ ...track.configuration, enabled: true });
  t.ok(frames.length > dark && frames[dark]?.keyFrame, 'from the current group');
  await until(() => frames.length >= dark + 45);
  await source.close();
  checkContinuity(t, frames);
  const luma = await lumaOf(frames, 320, 240);
  t.ok((luma[10]?.deviation ?? 0) > 20, 'a picture');
  t.ok((luma[dark - 1]?.mean ?? 99) < 20 && (luma[dark - 1]?.deviation ?? 99) < 2, 'black');
  t.ok((luma.at(-1)?.deviation ?? 0) > 20, 'a picture again');
});

test('a second track that comes later begins with the current group', async (t) => {
  const camera = await dumbCamera(t);
  const { source, track } = networkSource(t, 'video', cameraSettings(camera.url));
  const frames = collect(track);
  track.retain();
  await until(() => frames.length >= 30);
  const clone = source.encode(track.configuration);
  const others = collect(clone);
  clone.retain();
  t.ok(others[0]?.keyFrame);
  await until(() => others.length >= 60);
  checkContinuity(t, others);
  t.not(clone.rtp.ssrc, track.rtp.ssrc);
  const distance = sequenceDistance(
    sequenceNumber((others.at(-1) as RtpFrame).packets[0] as Buffer),
    sequenceNumber((others[0] as RtpFrame).packets[0] as Buffer),
  );
  t.ok(distance > 0);
});

test('never: it is encoded here', async (t) => {
  const camera = await dumbCamera(t);
  const { source, track } = networkSource(t, 'video', cameraSettings(camera.url));
  await track.configure({ ...track.configuration, passthrough: false });
  const frames = collect(track);
  track.retain();
  await until(() => frames.length >= 20);
  t.same(source.encoders, ['x264enc']);
});
