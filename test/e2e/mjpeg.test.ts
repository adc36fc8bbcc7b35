/** MJPEG over HTTP: ffmpeg and a second viewer beside it, who are counted, and nobody once they have left; a slow one. */
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
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

/** Counts the pictures that a viewer has taken. */
async function watch(url: string): Promise<{ answer: IncomingMessage; pictures: () => number }> {
  const request = get(url);
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  let [pictures, rest] = [0, ''];
  answer.on('error', () => undefined);
  answer.on('data', (chunk: Buffer) => {
    const text = rest + chunk.toString('latin1');
    pictures += text.split('Content-Type: image/jpeg').length - 1;
    rest = text.slice(-23);
  });
  return { answer, pictures: () => pictures };
}

test('one who does not take what comes misses pictures, others do not', async (t) => {
  const daemon = new Daemon({
    'streams.camera.video.device': 'test',
    'streams.camera.video.width': '1920',
    'streams.camera.video.height': '1080',
    'streams.camera.video.frameRate': '30',
    'streams.camera.audio': 'false',
  });
  t.teardown(() => daemon.stop());
  await daemon.start();
  const url = `${new URL(daemon.page).origin}/streams/camera/mjpeg`;
  const [fast, slow] = [await watch(url), await watch(url)];
  t.ok(await until(() => fast.pictures() >= 20 && slow.pictures() >= 20, 30_000));
  const [before, paused] = [fast.pictures(), slow.pictures()];
  slow.answer.pause();
  await delay(10_000);
  const taken = fast.pictures() - before;
  slow.answer.resume();
  await delay(500);
  const caughtUp = slow.pictures() - paused;
  t.comment(`${taken} pictures for the one, ${caughtUp} for the other`);
  t.ok(caughtUp < taken / 2, 'what was new when it could take something again, not all that had been');
  t.ok(taken > 20, 'the other one saw it all');
  fast.answer.destroy();
  slow.answer.destroy();
});
