import { test } from 'tap';
import { FfmpegViewer } from '../support/ffmpeg-viewer.ts';
import { testServer } from '../support/rtsp-server.ts';

for (const transport of ['tcp', 'udp']) {
  test(`the encoder crashes under ffmpeg over ${transport}`, async (t) => {
    const server = await testServer();
    t.teardown(() => server.stop());
    const viewer = new FfmpegViewer(t, '-rtsp_transport', transport, '-i', server.url);
    await viewer.more(20);
    const { sources } = server.video.rtp.stats;
    for (const source of [server.video, server.audio, server.video]) {
      source.crash();
      await viewer.more(20, 15_000);
    }
    t.equal(server.video.rtp.stats.sources, sources + 2, 'two more lives of the encoder');
    t.same(server.viewers.history, ['joined cam'], 'one life of the viewer');
    const { times } = viewer;
    t.ok(
      times.every((time, i) => i === 0 || time > (times[i - 1] as number)),
      'time only moves forward',
    );
    t.same(viewer.damage, [], 'nothing to complain about');
  });
}
