import { test } from 'tap';
import { decode, until } from '../support/player.ts';
import { startRtmp } from '../support/rtmp-publisher.ts';

test('a microphone that is away holds nothing up, and is heard when it is back', { timeout: 50_000 }, async (t) => {
  const rtmp = await startRtmp();
  t.teardown(() => rtmp.publisher.stop());
  const { audio } = rtmp;
  const plugIn = audio.hold.bind(audio);
  audio.muted = true;
  audio.hold = () => () => undefined;
  const before = await decode(rtmp.url, 3);
  t.equal(before.code, 0);
  t.ok(before.video > 30, `${before.video} pictures`);
  t.equal(before.audio, 0);

  audio.muted = false;
  const unplug = plugIn();
  t.teardown(unplug);
  t.ok(await until(() => rtmp.publisher.converterPids.size === 0), 'the first viewer is gone');
  const after = await decode(rtmp.url, 3);
  t.equal(after.code, 0);
  t.ok(after.video > 30, `${after.video} pictures`);
  t.ok(after.audio > 100, `${after.audio} AAC frames`);
});

test('the end of the stream is the end for its viewers', { timeout: 25_000 }, async (t) => {
  const rtmp = await startRtmp();
  t.teardown(() => rtmp.publisher.stop());
  const playing = decode(rtmp.url, 60);
  t.ok(await until(() => rtmp.joined.length === 1));
  t.ok(await until(() => rtmp.video.rtp.stats.frames > 15));
  rtmp.audio.end();
  rtmp.video.end();
  t.ok((await playing).video > 5);
  t.ok(await until(() => rtmp.left.length === 1));
  t.ok(await until(() => rtmp.publisher.converterPids.size === 0));
  t.not((await decode(rtmp.url, 1)).code, 0, 'it is not there any more');
});
