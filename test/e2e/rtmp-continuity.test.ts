import { test } from 'tap';
import { decode, until } from '../support/player.ts';
import { startRtmp } from '../support/rtmp-publisher.ts';

test('a camera that starts again is a pause for the viewer', { timeout: 50_000 }, async (t) => {
  const rtmp = await startRtmp();
  t.teardown(() => rtmp.publisher.stop());
  const playing = decode(rtmp.url, 8);
  t.ok(await until(() => rtmp.video.rtp.stats.frames > 30));
  rtmp.video.crash();
  const decoded = await playing;
  t.equal(decoded.code, 0);
  t.ok(decoded.video > 60, `${decoded.video} pictures`);
  t.equal(rtmp.joined.length, 1);
});

test('a converter that dies is replaced under its viewer', { timeout: 50_000 }, async (t) => {
  const rtmp = await startRtmp();
  t.teardown(() => rtmp.publisher.stop());
  const playing = decode(rtmp.url, 8);
  t.ok(await until(() => rtmp.video.rtp.stats.frames > 30));
  const pid = rtmp.publisher.converterPids.get('camera') as number;
  process.kill(pid, 'SIGKILL');
  const decoded = await playing;
  t.equal(decoded.code, 0);
  t.ok(decoded.video > 80, `${decoded.video} pictures`);
  t.equal(rtmp.joined.length, 1);
  t.not(rtmp.publisher.converterPids.get('camera'), pid);
});
