import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream';
import { test } from 'tap';
import { MediaStream } from '../../daemon/media/media-stream.ts';
import type { RtmpPublisher } from '../../daemon/publish/rtmp/publisher.ts';
import { alive, decode, runPlayer, until } from '../support/player.ts';
import { startRtmp } from '../support/rtmp-publisher.ts';

/** HTTP-FLV as the gateway's listener serves it: any path, the stream `camera`. */
async function serveFlv(publisher: RtmpPublisher): Promise<{ url: string; server: Server }> {
  const server = createServer((request, response) => {
    publisher.flv('camera', { remoteAddress: request.socket.remoteAddress ?? '', user: undefined }).then(
      (flv) => {
        response.writeHead(200, { 'content-type': 'video/x-flv' });
        pipeline(flv, response, () => undefined);
      },
      () => response.writeHead(503).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/live.flv`, server };
}

test('H.264 and AAC over RTMP and HTTP-FLV at once, while somebody plays', { timeout: 58_000 }, async (t) => {
  const rtmp = await startRtmp({ fps: 15, width: 320, height: 240 });
  t.teardown(() => rtmp.publisher.stop());
  const { url, server } = await serveFlv(rtmp.publisher);
  t.teardown(() => server.close());
  t.equal(rtmp.video.running, false, 'nobody watches, nothing runs');

  const entries = 'stream=codec_name,codec_type,width,height,sample_rate,channels,start_time';
  const probe = await runPlayer('ffprobe', ['-v', 'error', '-show_entries', entries, '-of', 'json', rtmp.url]);
  const { streams } = JSON.parse(probe.stdout) as { streams: Record<string, string | number>[] };
  const video = streams.find(({ codec_type }) => codec_type === 'video');
  const audio = streams.find(({ codec_type }) => codec_type === 'audio');
  t.equal(streams.length, 2, 'picture and sound, nothing else');
  t.match(video, { codec_name: 'h264', width: 320, height: 240 });
  t.match(audio, { codec_name: 'aac', sample_rate: '48000', channels: 2 });
  // A second lies between two key frames.
  t.ok(Math.abs(Number(video?.start_time) - Number(audio?.start_time)) < 0.25, 'both begin together');

  const [first, second] = await Promise.all([decode(rtmp.url, 4), decode(url, 4)]);
  for (const decoded of [first, second]) {
    t.equal(decoded.code, 0);
    t.equal(decoded.errors, '');
    t.ok(decoded.video >= 55 && decoded.video <= 65, `${decoded.video} pictures`);
    t.ok(decoded.audio >= 170, `${decoded.audio} AAC frames`);
  }
  t.same(new Set(rtmp.joined.map(({ protocol }) => protocol)), new Set(['rtmp', 'http-flv']));
  t.match(rtmp.joined[0], { stream: 'camera', remoteAddress: '127.0.0.1', id: /^[0-9a-f]{32}$/ });

  const converter = rtmp.publisher.converterPids.get('camera');
  t.ok(converter !== undefined && alive(converter), 'one converter for both');
  t.ok(await until(() => rtmp.publisher.converterPids.size === 0), 'no converter without viewers');
  t.ok(await until(() => converter !== undefined && !alive(converter)));
  t.ok(await until(() => !rtmp.video.running), 'the camera is released');
  t.equal(rtmp.left.length, rtmp.joined.length);
  for (const { viewer } of rtmp.left) {
    const { sentBytes = 0, droppedFrames } = viewer.traffic?.() ?? {};
    t.ok(sentBytes > 10_000, `${viewer.protocol}: ${sentBytes} bytes`);
    t.equal(droppedFrames, 0);
  }
});

test('a stream without sound, and a viewer whom the gateway closes', { timeout: 50_000 }, async (t) => {
  const streams: Record<string, MediaStream> = {};
  const rtmp = await startRtmp({ streams });
  t.teardown(() => rtmp.publisher.stop());
  streams.camera = new MediaStream(rtmp.stream.getVideoTracks());
  const playing = decode(rtmp.url, 60);
  t.ok(await until(() => rtmp.joined.length === 1));
  t.ok(await until(() => rtmp.video.rtp.stats.frames > 20));
  const id = rtmp.joined[0]?.id ?? '';
  t.equal(rtmp.publisher.closeViewer(id), true);
  const decoded = await playing;
  t.ok(decoded.video > 5, `${decoded.video} pictures`);
  t.equal(decoded.audio, 0);
  // The player may end before the process that served it has told.
  t.ok(await until(() => rtmp.left.length === 1));
  t.equal(rtmp.left[0]?.viewer.id, id);
  t.equal(rtmp.publisher.closeViewer(id), false);
});
