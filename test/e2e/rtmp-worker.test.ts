import { test } from 'tap';
import { decode, until } from '../support/player.ts';
import { startRtmp } from '../support/rtmp-publisher.ts';

test('the worker dies: RTMP is back on the same port, the source never knew', { timeout: 55_000 }, async (t) => {
  const rtmp = await startRtmp();
  t.teardown(() => rtmp.publisher.stop());
  const { port } = rtmp.publisher;
  const release = rtmp.video.hold();
  t.teardown(release);
  const watching = decode(rtmp.url, 30);
  t.ok(await until(() => rtmp.joined.length === 1));
  t.ok(await until(() => rtmp.video.rtp.stats.frames > 15));
  process.kill(rtmp.publisher.workerPid as number, 'SIGKILL');
  await watching;
  t.ok(await until(() => rtmp.left.length === 1));
  t.equal(rtmp.publisher.workerDeaths, 1);
  t.equal(rtmp.publisher.port, port);
  const again = await decode(rtmp.url, 3);
  t.equal(again.code, 0);
  t.equal(again.errors, '');
  t.ok(again.video > 30, `${again.video} pictures`);
  t.equal(rtmp.video.rtp.stats.sources, 1, 'one life of the camera');
});

test('the worker hangs: it is replaced', { timeout: 55_000 }, async (t) => {
  const rtmp = await startRtmp();
  t.teardown(() => rtmp.publisher.stop());
  t.equal((await decode(rtmp.url, 1)).code, 0);
  process.kill(rtmp.publisher.workerPid as number, 'SIGSTOP');
  t.ok(await until(() => rtmp.publisher.workerDeaths === 1, 20_000));
  t.equal((await decode(rtmp.url, 1)).code, 0);
});
