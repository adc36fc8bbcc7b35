import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'tap';
import { MediaClock } from '../../../daemon/lib/clock.ts';
import { METHODS, type Method, type SessionState } from '../../../daemon/publish/rtsp/session-states.ts';
import { NTP_UNIX_SECONDS, sequenceDistance, timestampDistance } from '../../../daemon/rtp/packet.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { type ClientResponse, RtspClient } from '../../support/rtsp-client.ts';
import { type TestServer, type TestServerOptions, testServer } from '../../support/rtsp-server.ts';

type Teardown = { teardown(callback: () => unknown): void };

async function serve(t: Teardown, options: TestServerOptions = {}): Promise<TestServer> {
  const server = await testServer(options);
  t.teardown(() => server.stop());
  return server;
}

async function open(t: Teardown, { port }: { port: number }): Promise<RtspClient> {
  const client = await RtspClient.connect(port);
  t.teardown(() => client.close());
  return client;
}

const tcp = (first: number): Record<string, string> => ({
  Transport: `RTP/AVP/TCP;unicast;interleaved=${first}-${first + 1}`,
});
const one = (response: ClientResponse, name: string): string => response.headers.get(name)?.join(' ') ?? '';

/** Sets up picture and sound over TCP, on channels 0-1 and 2-3; returns the session's header. */
async function setUp(client: RtspClient, url: string): Promise<Record<string, string>> {
  const first = await client.request('SETUP', `${url}/trackID=0`, tcp(0));
  const Session = one(first, 'session');
  await client.request('SETUP', `${url}/trackID=1`, { Session, ...tcp(2) });
  return { Session };
}

/** SETUP and PLAY; waits for the first picture. */
async function play(
  client: RtspClient,
  url: string,
): Promise<{ session: Record<string, string>; answer: ClientResponse }> {
  const session = await setUp(client, url);
  const answer = await client.request('PLAY', url, session);
  await client.until(() => client.packets.some(({ channel }) => channel === 0), 'picture');
  return { session, answer };
}

const STATUS: Record<Method, Record<SessionState, [number, number]>> = {
  OPTIONS: { init: [200, 200], ready: [200, 200], playing: [200, 200] },
  DESCRIBE: { init: [200, 200], ready: [200, 200], playing: [200, 200] },
  SETUP: { init: [200, 455], ready: [455, 455], playing: [455, 455] },
  PLAY: { init: [455, 455], ready: [200, 200], playing: [200, 200] },
  PAUSE: { init: [455, 455], ready: [200, 200], playing: [200, 200] },
  GET_PARAMETER: { init: [200, 200], ready: [200, 200], playing: [200, 200] },
  SET_PARAMETER: { init: [200, 200], ready: [200, 200], playing: [200, 200] },
  TEARDOWN: { init: [455, 455], ready: [200, 454], playing: [200, 454] },
};

test('every method in every state, twice', async (t) => {
  const server = await serve(t);
  const keeper = await open(t, server);
  await play(keeper, server.url);
  for (const method of METHODS) {
    for (const state of ['init', 'ready', 'playing'] as const) {
      const client = await open(t, server);
      let headers: Record<string, string> = {};
      if (state === 'ready') headers = await setUp(client, server.url);
      if (state === 'playing') headers = (await play(client, server.url)).session;
      const uri = method === 'SETUP' ? `${server.url}/trackID=0` : server.url;
      if (method === 'SETUP') headers = { ...headers, ...tcp(0) };
      const statuses = [await client.request(method, uri, headers), await client.request(method, uri, headers)].map(
        ({ status }) => status,
      );
      t.same(statuses, STATUS[method][state], `${method} in ${state}`);
      t.equal((await client.request('OPTIONS', '*')).status, 200, 'the connection goes on');
      client.close();
    }
  }
  const seen = keeper.packets.length;
  await keeper.until(() => keeper.packets.length > seen, 'more packets for the one who stays');
});

test('a session is of no use on another connection', async (t) => {
  const server = await serve(t);
  const owner = await open(t, server);
  const { session } = await play(owner, server.url);
  const thief = await open(t, server);
  for (const method of METHODS) {
    const answer = await thief.request(method, server.url, { ...session, ...tcp(0) });
    t.equal(answer.status, 454, method);
  }
  // Nor while it has a session of its own.
  await setUp(thief, server.url);
  for (const method of METHODS) t.equal((await thief.request(method, server.url, session)).status, 454, method);
  const seen = owner.packets.length;
  await owner.until(() => owner.packets.length > seen, 'more packets for the owner');
  t.same(server.viewers.history, ['joined cam']);
});

for (const warm of [true, false])
  test(`what PLAY promises, of a stream that ${warm ? 'runs' : 'has to start'}`, async (t) => {
    const server = await serve(t);
    if (warm) {
      const early = await open(t, server);
      await play(early, server.url);
      await early.until(() => early.packets.some(({ channel }) => channel === 2), 'sound');
    }
    const client = await open(t, server);
    const { answer } = await play(client, server.url);
    await client.until(
      () => [0, 1, 2, 3].every((c) => client.packets.some(({ channel }) => channel === c)),
      'all channels',
    );
    t.equal(one(answer, 'range'), 'npt=now-');
    const info = [...one(answer, 'rtp-info').matchAll(/url=([^;]+);seq=(\d+);rtptime=(\d+)/g)].map(
      ([, url, seq, rtptime]) => ({
        url,
        seq: Number(seq),
        rtptime: Number(rtptime),
      }),
    );
    t.same(
      info.map(({ url }) => url),
      [`${server.url}/trackID=0`, `${server.url}/trackID=1`],
    );
    const instants = info.map(({ seq, rtptime }, index) => {
      const of = (channel: number) =>
        client.packets.filter((packet) => packet.channel === channel).map(({ data }) => data);
      const [first] = of(2 * index) as [Buffer];
      const [report] = of(2 * index + 1) as [Buffer];
      const ahead = sequenceDistance(first.readUInt16BE(2), seq);
      t.ok(ahead >= 0 && ahead < 2000, `track ${index}: the first packet is not before seq (${ahead} after it)`);
      t.ok(timestampDistance(first.readUInt32BE(4), rtptime) >= 0, `track ${index}: nor before rtptime`);
      t.equal(report[1], 200, `track ${index}: a sender report`);
      const firstOfTrack = client.packets.find(({ channel }) => channel >> 1 === index);
      t.equal(firstOfTrack?.channel, 2 * index + 1, `track ${index}: it comes ahead of all packets`);
      const wall = report.readUInt32BE(8) - NTP_UNIX_SECONDS + report.readUInt32BE(12) / 2 ** 32;
      return wall + timestampDistance(rtptime, report.readUInt32BE(16)) / (index === 0 ? 90_000 : 48_000);
    }) as [number, number];
    t.ok(Math.abs(instants[0] - instants[1]) < 0.005, `one instant for both tracks (${instants.join(' and ')})`);
    const media = client.packets.filter(({ channel }) => channel % 2 === 0);
    t.equal(media[0]?.channel, 0, 'sound does not begin ahead of the picture');
    const nal = (media[0]?.data[12] ?? 0) & 0x1f;
    t.ok([5, 7, 24].includes(nal), `the picture begins with a key frame (NAL unit type ${nal})`);
    t.ok(server.video.keyFrameRequests >= (warm ? 2 : 1), 'which was asked for');
  });

test('PAUSE and PLAY again', async (t) => {
  const server = await serve(t);
  const client = await open(t, server);
  const { session } = await play(client, server.url);
  t.equal((await client.request('PAUSE', server.url, session)).status, 200);
  client.packets.length = 0;
  await sleep(500);
  t.equal(client.packets.length, 0, 'nothing comes while paused');
  t.ok(server.video.running, 'the device stays warm');
  t.equal((await client.request('PLAY', server.url, { ...session, Range: 'npt=5-' })).status, 200);
  await client.until(() => client.packets.some(({ channel }) => channel === 0), 'picture');
  const nal = (client.packets.find(({ channel }) => channel === 0)?.data[12] ?? 0) & 0x1f;
  t.ok([5, 7, 24].includes(nal), 'from a key frame');
  t.same(server.viewers.history, ['joined cam'], 'it is the same viewer');
});

test('DESCRIBE', async (t) => {
  const server = await serve(t);
  t.notOk(server.video.running, 'nothing runs before somebody asks');
  const client = await open(t, server);
  const answer = await client.request('DESCRIBE', `${server.url}?a=b`, { Accept: 'application/sdp' });
  t.equal(answer.status, 200);
  t.equal(one(answer, 'content-base'), `${server.url}/`);
  t.equal(one(answer, 'content-type'), 'application/sdp');
  t.match(
    answer.body,
    /m=video 0 RTP\/AVP 96\r\na=rtpmap:96 H264\/90000\r\na=fmtp:96 .*sprop-parameter-sets=[\w+/=]+,[\w+/=]+\r\na=control:trackID=0/,
  );
  t.match(answer.body, /m=audio 0 RTP\/AVP 111\r\na=rtpmap:111 opus\/48000\/2\r\n.*\r\na=control:trackID=1/);
  t.notOk(server.video.running, 'nor after the description');
  for (const [uri, status] of [
    [`${server.url}/`, 200],
    [`${server.url}/main`, 200],
    [`${server.url}/nope`, 404],
    [`rtsp://127.0.0.1:${server.port}/other`, 404],
    [`rtsp://127.0.0.1:${server.port}/`, 404],
    ['*', 400],
  ] as const)
    t.equal((await client.request('DESCRIBE', uri)).status, status, uri);
  t.equal((await client.request('DESCRIBE', server.url, { Accept: 'text/plain' })).status, 406);
});

test('a stream that does not start', async (t) => {
  const server = await serve(t, { formatTimeout: 300 });
  let held = 0;
  server.video.hold = () => {
    held += 1;
    return () => {
      held -= 1;
    };
  };
  const client = await open(t, server);
  server.video.mutedReason = 'camera is unplugged';
  const answer = await client.request('DESCRIBE', server.url);
  t.equal(answer.status, 503);
  t.match(answer.body, /camera is unplugged/);
  t.ok(Number(one(answer, 'retry-after')) > 0);
  t.equal(held, 0, 'it was let go');
  t.equal((await client.request('OPTIONS', '*')).status, 200);
});

test('refusals leave everything as it was', async (t) => {
  const server = await serve(t, { settings: { maxViewers: 2 } });
  const client = await open(t, server);
  const track = `${server.url}/trackID=0`;
  for (const [status, method, uri, headers, body] of [
    [461, 'SETUP', track, { Transport: 'RTP/AVP;multicast' }],
    [461, 'SETUP', track, { Transport: 'RTP/AVP;unicast' }],
    [461, 'SETUP', track, { Transport: 'RTP/SAVP;unicast;client_port=5000-5001' }],
    [400, 'SETUP', track, { Transport: 'RTP/AVP;unicast;client_port=0-1' }],
    [400, 'SETUP', track, {}],
    [404, 'SETUP', `${server.url}/trackID=7`, tcp(0)],
    [459, 'SETUP', server.url, tcp(0)],
    [405, 'RECORD', server.url, {}],
    [405, 'ANNOUNCE', server.url, {}],
    [501, 'FLY', server.url, {}],
    [551, 'DESCRIBE', server.url, { Require: 'www.onvif.org/ver20/backchannel' }],
    [400, 'OPTIONS', '*', { Session: 'a b' }],
    [454, 'OPTIONS', '*', { Session: 'abc' }],
    [451, 'GET_PARAMETER', server.url, {}, 'position'],
    [451, 'SET_PARAMETER', server.url, {}, 'a: b'],
  ] as const) {
    const answer = await client.request(method, uri, headers as Record<string, string>, body);
    t.equal(answer.status, status, `${method} ${JSON.stringify(headers)}`);
    t.ok(answer.body.length > 5, answer.body.trim());
  }
  client.write('OPTIONS * RTSP/2.0\r\nCSeq: 99\r\n\r\n');
  t.equal((await client.response()).status, 505);
  const session = await setUp(client, server.url);
  for (const [status, method, uri, headers] of [
    [460, 'PLAY', track, session],
    [457, 'PLAY', server.url, { ...session, Range: 'clock=20260101T000000Z-' }],
    [459, 'PLAY', `${server.url}/main`, session],
    [455, 'SETUP', track, { ...session, ...tcp(8) }],
  ] as const)
    t.equal((await client.request(method, uri, headers)).status, status, `${method} ${uri}`);
  const second = await open(t, server);
  await play(second, server.url);
  const third = await open(t, server);
  t.equal((await third.request('SETUP', track, tcp(0))).status, 453, 'one viewer too many');
  second.close();
  while (server.viewers.present.size > 0) await sleep(5);
  t.equal((await client.request('PLAY', server.url, session)).status, 200);
});

test('transports', async (t) => {
  const server = await serve(t);
  const client = await open(t, server);
  const first = await client.request('SETUP', `${server.url}/trackID=0`, tcp(0));
  const Session = one(first, 'session');
  t.match(Session, /^[0-9a-f]{32};timeout=60$/);
  t.match(one(first, 'transport'), /^RTP\/AVP\/TCP;unicast;interleaved=0-1;ssrc=[0-9A-F]{8}$/);
  const udp = { Session, Transport: 'RTP/AVP;unicast;client_port=5000-5001' };
  t.equal((await client.request('SETUP', `${server.url}/trackID=1`, udp)).status, 461, 'not UDP besides TCP');
  const second = await client.request('SETUP', `${server.url}/trackID=1`, { Session, ...tcp(1) });
  t.match(one(second, 'transport'), /interleaved=2-3;/, 'channels that are in use are not given twice');

  const other = await open(t, server);
  const answer = await other.request('SETUP', `${server.url}/trackID=0`, {
    Transport: 'RTP/AVP;unicast;destination=192.0.2.1;client_port=5000-5001',
  });
  t.match(one(answer, 'transport'), /^RTP\/AVP;unicast;client_port=5000-5001;server_port=\d*[02468]-\d+;ssrc=/);

  const withoutUdp = await serve(t, { settings: { udp: false } });
  const third = await open(t, withoutUdp);
  const refused = await third.request('SETUP', `${withoutUdp.url}/trackID=0`, {
    Transport: 'RTP/AVP;client_port=5000-5001',
  });
  t.equal(refused.status, 461);
});

test('byte by byte, with packets between requests, and pipelined', async (t) => {
  const server = await serve(t);
  const client = await open(t, server);
  const pli = Buffer.from([0x24, 1, 0, 12, 0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2]);
  const request = (cseq: number, method: string, path: string, ...headers: string[]): Buffer =>
    Buffer.from(
      `${method} ${server.url}${path} RTSP/1.0\r\nCSeq: ${cseq}\r\nUser-Agent: a\r\nUser-Agent: b\r\n${headers.map((line) => `${line}\r\n`).join('')}\r\n`,
    );
  const dialog = Buffer.concat([
    Buffer.from('\r\n'),
    request(1, 'OPTIONS', ''),
    pli,
    request(2, 'DESCRIBE', '', 'accept: application/sdp'),
    request(3, 'SETUP', '/trackID=0', 'transport: RTP/AVP/TCP;interleaved=0-1'),
    pli,
    request(4, 'PLAY', ''),
    pli,
    request(5, 'GET_PARAMETER', ''),
  ]);
  for (const byte of dialog) {
    client.write(Buffer.from([byte]));
    if (byte % 16 === 0) await sleep(0);
  }
  for (const cseq of [1, 2, 3, 4, 5]) {
    const answer = await client.response();
    t.equal(answer.status, 200, `answer ${cseq}`);
    t.equal(one(answer, 'cseq'), String(cseq));
  }
  await client.until(() => client.packets.some(({ channel }) => channel === 0), 'picture');
  const asked = server.video.keyFrameRequests;
  client.write(pli);
  await client.until(() => server.video.keyFrameRequests > asked, 'a key frame request').catch(t.error);

  client.write(Buffer.concat(Array.from({ length: 16 }, (_, i) => request(10 + i, 'OPTIONS', ''))));
  for (let i = 0; i < 16; i++) t.equal(one(await client.response(), 'cseq'), String(10 + i), 'pipelined, in order');

  const greedy = await open(t, server);
  greedy.write(Buffer.concat(Array.from({ length: 200 }, (_, i) => request(1 + i, 'DESCRIBE', ''))));
  await greedy.end();
  t.ok(
    greedy.responses.some(({ status }) => status === 400),
    'too many at once end the connection',
  );
});

test('input that is no RTSP ends the connection, with an answer', async (t) => {
  const server = await serve(t);
  for (const bytes of ['GET / HTTP/1.1\r\n\r\n', '\x16\x03\x01\x02\0', `OPTIONS * RTSP/1.0\r\n${'x'.repeat(9000)}`]) {
    const client = await open(t, server);
    client.write(bytes);
    await client.end();
    t.equal(client.responses[0]?.status, 400, JSON.stringify(bytes.slice(0, 20)));
  }
  const client = await open(t, server);
  t.equal((await client.request('OPTIONS', '*')).status, 200, 'others are served');
});

test('who does not come to the point is let go', async (t) => {
  const clock = new ManualClock();
  const server = await serve(t, { clock: new MediaClock(clock) });
  const [idle, slow, busy] = await Promise.all([open(t, server), open(t, server), open(t, server)]);
  slow.write('OPTIONS * RTSP/1.0\r\nCS');
  await busy.request('OPTIONS', '*');
  clock.advance(9000);
  slow.write('e');
  await busy.request('OPTIONS', '*');
  clock.advance(2000);
  await slow.end();
  t.pass('a request has to be complete within 10 s, however it trickles');
  t.equal((await busy.request('OPTIONS', '*')).status, 200);
  clock.advance(20_000);
  await idle.end();
  t.pass('and a connection without a session has to ask for something within 30 s');
  t.equal((await busy.request('OPTIONS', '*')).status, 200);
});

test('over UDP: reports keep a session alive, silence ends it', async (t) => {
  const clock = new ManualClock();
  const server = await serve(t, { clock: new MediaClock(clock) });
  const client = await open(t, server);
  const [rtp, rtcp] = [createSocket('udp4'), createSocket('udp4')] as const;
  t.teardown(() => {
    rtp.close();
    rtcp.close();
  });
  for (const socket of [rtp, rtcp]) await once(socket.bind(0, '127.0.0.1'), 'listening');
  const ports = `${rtp.address().port}-${rtcp.address().port}`;
  const setup = await client.request('SETUP', `${server.url}/trackID=0`, {
    Transport: `RTP/AVP;unicast;client_port=${ports}`,
  });
  const Session = one(setup, 'session');
  const serverPort = Number(/server_port=\d+-(\d+)/.exec(one(setup, 'transport'))?.[1]);
  const first = once(rtp, 'message');
  const report = once(rtcp, 'message');
  t.equal((await client.request('PLAY', server.url, { Session })).status, 200);
  const [packet, { port }] = (await first) as [Buffer, { port: number }];
  t.equal(port, serverPort - 1, 'RTP comes from the even port');
  t.equal(packet[0], 0x80);
  t.equal(((await report) as [Buffer, { port: number }])[1].port, serverPort, 'RTCP from the next one');

  const receiverReport = Buffer.from([0x80, 201, 0, 1, 0, 0, 0, 9]);
  const pli = Buffer.from([0x81, 206, 0, 2, 0, 0, 0, 9, 0, 0, 0, 0]);
  clock.advance(50_000);
  const asked = server.video.keyFrameRequests;
  rtcp.send(Buffer.concat([receiverReport, pli]), serverPort, '127.0.0.1');
  const stranger = createSocket('udp4');
  stranger.send(receiverReport, serverPort, '127.0.0.1', () => stranger.close());
  while (server.video.keyFrameRequests === asked) await sleep(5);
  t.pass('PLI asks for a key frame');
  clock.advance(50_000);
  t.equal((await client.request('GET_PARAMETER', server.url, { Session })).status, 200, 'alive after 100 s');
  clock.advance(65_000);
  t.equal(server.viewers.present.size, 1, 'and within the grace after the timeout');
  clock.advance(10_000);
  await client.end();
  t.same(server.viewers.history, ['joined cam', 'left cam: timeout']);
});

test('viewers come and go', async (t) => {
  const server = await serve(t);
  const clients = await Promise.all([open(t, server), open(t, server), open(t, server)]);
  const [polite, rude, unwanted] = clients as [RtspClient, RtspClient, RtspClient];
  const { session } = await play(polite, server.url);
  await play(rude, server.url);
  await play(unwanted, server.url);
  t.ok(server.video.running);
  const [, second, third] = [...server.viewers.present.values()];
  t.match(second, { protocol: 'rtsp', stream: 'cam', remoteAddress: '127.0.0.1', user: undefined });
  t.equal((await polite.request('TEARDOWN', `${server.url}/`, session)).status, 200);
  rude.close();
  t.notOk(server.server.closeViewer('nobody'));
  t.ok(server.server.closeViewer(third?.id ?? ''));
  await unwanted.end();
  t.equal(unwanted.packets.at(-1)?.data[1], 203, 'the last packet is a BYE');
  while (server.viewers.present.size > 0) await sleep(5);
  t.same(server.viewers.history.slice(3).sort(), ['left cam: closed', 'left cam: disconnected', 'left cam: teardown']);
  t.notOk(server.video.running, 'without viewers nothing runs');
});

test('a track that ends for good ends its viewers; another one does not', async (t) => {
  const server = await serve(t);
  const client = await open(t, server);
  await play(client, server.url);
  await client.until(() => client.packets.some(({ channel }) => channel === 2), 'sound');
  server.audio.end();
  await client.until(
    () => client.packets.some(({ channel, data }) => channel === 3 && data[1] === 203),
    'BYE of the sound',
  );
  const seen = client.packets.length;
  await client.until(() => client.packets.slice(seen).some(({ channel }) => channel === 0), 'more picture');
  server.video.end();
  await client.end();
  t.same(server.viewers.history, ['joined cam', 'left cam: ended']);
});

test('stop() says goodbye and is quick', async (t) => {
  const server = await serve(t);
  const clients = await Promise.all([open(t, server), open(t, server)]);
  for (const client of clients) await play(client, server.url);
  const idle = connect(server.port, '127.0.0.1');
  idle.on('error', () => undefined);
  await once(idle, 'connect');
  const begin = Date.now();
  await Promise.all([server.server.stop(), server.server.stop()]);
  t.ok(Date.now() - begin < 2000, `${Date.now() - begin} ms`);
  for (const client of clients) {
    await client.end();
    t.equal(client.packets.at(-1)?.data[1], 203);
  }
  t.same(server.viewers.history.slice(2), ['left cam: shutdown', 'left cam: shutdown']);
});

test('one address cannot take all connections', async (t) => {
  const server = await serve(t, { settings: { maxViewers: 1 } });
  const clients = await Promise.all(Array.from({ length: 17 }, () => open(t, server)));
  for (const client of clients) t.equal((await client.request('OPTIONS', '*')).status, 200);
  const refused = await open(t, server);
  await refused.end();
  t.same(refused.responses, [], 'the one too many is closed without a word');
  clients[0]?.close();
  await clients[0]?.end();
  let answer: ClientResponse | undefined;
  while (answer === undefined) answer = await (await open(t, server)).request('OPTIONS', '*').catch(() => undefined);
  t.equal(answer.status, 200, 'there is room again');
});
