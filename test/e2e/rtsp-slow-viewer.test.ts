import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'tap';
import { sequenceDistance } from '../../daemon/rtp/packet.ts';
import { RtspClient } from '../support/rtsp-client.ts';
import { testServer } from '../support/rtsp-server.ts';

/** Joins the picture over TCP. */
async function join({ port, url }: { port: number; url: string }): Promise<RtspClient> {
  const client = await RtspClient.connect(port);
  await client.request('SETUP', `${url}/trackID=0`, { Transport: 'RTP/AVP/TCP;interleaved=0-1' });
  await client.request('PLAY', url);
  await client.until(() => client.packets.some(({ channel }) => channel === 0), 'picture');
  return client;
}

const picture = (client: RtspClient): Buffer[] =>
  client.packets.filter(({ channel }) => channel === 0).map(({ data }) => data);

/** Packets that are missing between those that came, one number for each gap. */
function gaps(packets: readonly Buffer[]): number[] {
  const missing: number[] = [];
  for (const [i, packet] of packets.entries()) {
    const before = packets[i - 1];
    if (before === undefined) continue;
    const lost = sequenceDistance(packet.readUInt16BE(2), before.readUInt16BE(2)) - 1;
    if (lost !== 0) missing.push(lost);
  }
  return missing;
}

test('slow viewers next to a good one', async (t) => {
  const server = await testServer({ source: { width: 640, height: 480, fps: 30, kbps: 12_000, gop: 30 } });
  t.teardown(() => server.stop());
  const good = await join(server);
  const pausing = await join(server);
  const stuck = await join(server);
  t.teardown(() => {
    for (const client of [good, pausing, stuck]) client.close();
  });
  const begin = Date.now();
  stuck.socket.pause();
  pausing.socket.pause();
  const joined = [...server.viewers.history];
  t.same(joined, ['joined cam', 'joined cam', 'joined cam']);

  // More than the sockets of the system hold, and not so long as to be let go.
  const bytes = (): number => picture(good).reduce((sum, { length }) => sum + length, 0);
  while (bytes() < 8_000_000 && Date.now() - begin < 9500) await sleep(100);
  const missed = picture(pausing).length;
  const newest = picture(good).at(-1) as Buffer;
  pausing.socket.resume();
  const live = (): boolean =>
    sequenceDistance(picture(pausing).at(-1)?.readUInt16BE(2) ?? 0, newest.readUInt16BE(2)) > 0;
  await pausing.until(live, 'a live picture');
  t.ok(Date.now() - begin < 15_000);
  const late = picture(pausing);
  const lost = gaps(late);
  t.equal(lost.length, 1, `what it missed was dropped in one piece (${lost})`);
  const resumed = late.findIndex((packet, i) => {
    const before = late[i - 1];
    return before !== undefined && sequenceDistance(packet.readUInt16BE(2), before.readUInt16BE(2)) !== 1;
  });
  t.ok((late[resumed - 1]?.[1] ?? 0) & 0x80, 'up to the end of a frame');
  t.ok([5, 7, 24].includes((late[resumed]?.[12] ?? 0) & 0x1f), 'and from a key frame on');
  t.ok(missed < late.length);

  while (server.viewers.history.length === joined.length && Date.now() - begin < 40_000) await sleep(100);
  t.same(server.viewers.history.slice(3), ['left cam: slow'], 'who never reads is let go');
  t.same(gaps(picture(good)), [], 'the good one lost nothing');
  t.ok(picture(good).length > 200);
});
