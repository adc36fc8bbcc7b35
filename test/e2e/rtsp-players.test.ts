import { test } from 'tap';
import { playGstreamer, runPlayer } from '../support/player.ts';
import { testServer } from '../support/rtsp-server.ts';

const FRAMES = 45;

test('ffprobe, ffmpeg and GStreamer over TCP and UDP', async (t) => {
  const server = await testServer();
  t.teardown(() => server.stop());
  for (const transport of ['tcp', 'udp']) {
    const probe = await runPlayer('ffprobe', [
      ...[
        '-v',
        'error',
        '-rtsp_transport',
        transport,
        '-show_entries',
        'stream=codec_name,width,height,sample_rate,channels',
      ],
      ...['-of', 'compact=nk=1:p=0', server.url],
    ]);
    t.match(probe.stdout, /^h264\|320\|240$/m, `ffprobe, ${transport}${probe.stderr}`);
    t.match(probe.stdout, /^opus\|48000\|2$/m);

    const ffmpeg = await runPlayer('ffmpeg', [
      ...['-v', 'error', '-rtsp_transport', transport, '-i', server.url, '-frames:v', `${FRAMES}`],
      ...['-map', '0:v', '-map', '0:a', '-f', 'framecrc', '-'],
    ]);
    t.equal(ffmpeg.code, 0, `ffmpeg, ${transport}`);
    t.equal(ffmpeg.stderr, '', 'decodes without an error');
    t.equal(ffmpeg.stdout.match(/^0,/gm)?.length, FRAMES, 'pictures');
    t.ok((ffmpeg.stdout.match(/^1,/gm)?.length ?? 0) > FRAMES, 'sound');

    const gst = await playGstreamer(
      ...[`location=${server.url}`, `protocols=${transport}`, 'latency=200', 'name=s'],
      ...[
        's.',
        '!',
        'rtph264depay',
        '!',
        'avdec_h264',
        '!',
        'identity',
        `eos-after=${FRAMES}`,
        '!',
        'fakesink',
        'sync=true',
      ],
      ...['s.', '!', 'rtpopusdepay', '!', 'opusdec', '!', 'identity', 'eos-after=100', '!', 'fakesink', 'sync=true'],
    );
    t.equal(gst.code, 0, `rtspsrc, ${transport}: both decoders came to their last frame`);
    t.notMatch(gst.stderr, /ERROR|WARN/);
  }
  t.equal(server.viewers.present.size, 0);
  // Some close the connection before their TEARDOWN could be read.
  const left = server.viewers.history.filter((line) => line.startsWith('left'));
  t.ok(left.length === 6 && left.every((line) => /: (teardown|disconnected)$/.test(line)), left.join());
  t.notOk(server.video.running || server.audio.running, 'nothing runs without viewers');
});
