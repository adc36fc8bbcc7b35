import { readFileSync } from 'node:fs';
import { test } from 'tap';
import { decode, until } from '../support/player.ts';
import { startRtmp } from '../support/rtmp-publisher.ts';
import { BAD_CONNECT, CONNECT, CREATE_STREAM, chunk, command, HANDSHAKE, rtmpConnect } from '../support/rtmp-wire.ts';

const rssKiB = (pid: number): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);

test('hostile connections end alone', { timeout: 55_000 }, async (t) => {
  const rtmp = await startRtmp();
  t.teardown(() => rtmp.publisher.stop());
  const { port } = rtmp.publisher;
  const playing = decode(rtmp.url, 6);
  t.ok(await until(() => rtmp.video.rtp.stats.frames > 15));
  const pid = rtmp.publisher.workerPid as number;
  const before = rssKiB(pid);

  const killer = rtmpConnect(port);
  killer.socket.write(Buffer.concat([HANDSHAKE, BAD_CONNECT]));
  await killer.closed;
  t.ok(killer.received().length >= 3073, 'it got its handshake');

  const hog = rtmpConnect(port);
  const claims = Array.from({ length: 60 }, (_, i) => chunk(3 + i, 20, Buffer.alloc(128), 0xffffff));
  hog.socket.write(Buffer.concat([HANDSHAKE, ...claims]));
  await hog.closed;
  t.ok(rssKiB(pid) - before < 100_000, 'lengths that are only claimed cost nothing');

  const publisher = rtmpConnect(port);
  publisher.socket.write(Buffer.concat([HANDSHAKE, CONNECT, CREATE_STREAM, command('publish', 'camera')]));
  await publisher.closed;
  const stranger = rtmpConnect(port);
  stranger.socket.write(Buffer.concat([HANDSHAKE, CONNECT, CREATE_STREAM, command('publish', 'elsewhere')]));
  await stranger.closed;

  const twice = rtmpConnect(port);
  twice.socket.write(
    Buffer.concat([HANDSHAKE, CONNECT, CREATE_STREAM, command('play', 'camera'), command('play', 'other')]),
  );
  await twice.closed;

  const idle = rtmpConnect(port);
  idle.socket.write(HANDSHAKE);
  await idle.closed;

  const decoded = await playing;
  t.equal(decoded.code, 0);
  t.equal(decoded.errors, '');
  t.ok(decoded.video > 80, `${decoded.video} pictures`);
  t.equal(rtmp.publisher.workerPid, pid, 'the worker lives');
  t.equal(rtmp.publisher.workerDeaths, 0);
});
