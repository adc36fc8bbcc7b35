/** MJPEG over HTTP: ffmpeg and a second viewer beside it, who are counted, and nobody once they have left. */
import { test } from 'tap';
import { Daemon } from '../support/daemon.ts';
import { runPlayer, until } from '../support/player.ts';

test('several viewers of one stream, and none', async (t) => {
  const daemon = new Daemon({ 'streams.camera.video.device': 'test', 'streams.camera.audio': 'false' });
  t.teardown(() => daemon.stop());
  await daemon.start();
  const { origin } = new URL(daemon.page);
  const url = `${origin}/streams/camera/mjpeg`;
  let viewers: Record<string, number> = {};
  const count = async (): Promise<number> => {
    const { streams } = (await (await fetch(`${origin}/streams`)).json()) as { streams: { viewers: typeof viewers }[] };
    viewers = streams[0]?.viewers ?? {};
    return viewers.mjpeg ?? 0;
  };
  const other = await fetch(url);
  t.equal(other.status, 200);
  t.match(other.headers.get('content-type'), /^multipart\/x-mixed-replace; *boundary=/);
  const playing = runPlayer('ffmpeg', [
    '-v',
    'error',
    '-f',
    'mpjpeg',
    '-i',
    url,
    ...'-frames:v 40 -f framecrc -'.split(' '),
  ]);
  let most = 0;
  const watching = setInterval(() => void count().then((now) => (most = Math.max(most, now))), 100);
  const { code, stdout, stderr } = await playing;
  clearInterval(watching);
  t.equal(code, 0, stderr);
  t.equal(stderr, '');
  t.equal(stdout.match(/^0,/gm)?.length, 40);
  t.equal(most, 2, 'both are counted');
  await other.body?.cancel();
  const end = Date.now() + 20_000;
  while ((await count()) > 0 && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 100));
  t.same(viewers, {}, 'they have left');
  t.equal((await fetch(`${origin}/streams/nowhere/mjpeg`)).status, 404);
  t.ok(await until(() => daemon.children('capture/worker').length === 0, 60_000), 'nothing runs while nobody looks');
});
