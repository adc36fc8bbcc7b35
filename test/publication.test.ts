/** publish(): what a program serves, and what it is told when that cannot be. */
import { createServer } from 'node:net';
import { test } from 'tap';
import { MediaStream } from '../daemon/media/media-stream.ts';
import { publish } from '../daemon/publication.ts';
import { testStream } from './support/gst-source.ts';
import { decode, until } from './support/player.ts';

const ANY_PORT = { rtsp: { port: 0 }, http: { port: 0 }, webrtc: { port: 0 } };

test('what is no name, stream or option is refused', async (t) => {
  const stream = new MediaStream();
  const refused: [string, Promise<unknown>, RegExp][] = [
    ['name', publish({ 'a b': stream }), /'a b' is no name of a stream; allowed are/],
    ['stream', publish({ a: {} as MediaStream }), /'a' is not a MediaStream/],
    ['port', publish({ a: stream }, { rtsp: { port: 70_000 } }), /\/rtsp\/port: 70000 must be an integer/],
    ['option', publish({ a: stream }, { rtsp: { prot: 1 } as object }), /\/rtsp\/prot/],
  ];
  for (const [name, promise, message] of refused) await t.rejects(promise, { name: 'TypeError', message }, name);
});

test('a port that is taken: one that was asked for is an error, the default gives way', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => taken.once('listening', resolve));
  t.teardown(() => taken.close());
  const { port } = taken.address() as { port: number };
  await t.rejects(publish({ a: new MediaStream() }, { ...ANY_PORT, rtsp: { port } }), { name: 'PortTakenError' });
});

test('viewers come, are listed and are let go; the tracks live on', async (t) => {
  const { stream, tracks } = testStream();
  const publication = await publish({ front: stream }, ANY_PORT);
  t.teardown(() => publication.close());
  const { rtsp = '', snapshot = '' } = publication.urls.front ?? {};
  t.same(publication.viewers, []);
  const watching = decode(rtsp, 4);
  t.ok(await until(() => publication.viewers.length === 1, 20_000));
  t.match(publication.viewers, [{ protocol: 'rtsp', stream: 'front' }]);
  t.ok((await watching).video > 20);
  t.equal((await fetch(snapshot)).status, 500, 'this source has no photos');
  t.equal((await fetch(snapshot.replace('front', 'back'))).status, 404);
  t.equal((await fetch(new URL('/metrics', snapshot))).status, 404);
  await publication.close();
  await publication.close();
  t.equal(tracks[0]?.readyState, 'live');
  await t.rejects(fetch(snapshot));
  for (const track of tracks) track.stop();
});
