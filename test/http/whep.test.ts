import { test } from 'tap';
import { httpRequest } from '../support/http-request.ts';
import { eventually, startWebGateway } from '../support/web-gateway.ts';

const FINGERPRINT = `sha-256 ${Array.from({ length: 32 }, () => 'AB').join(':')}`;
const SDP = 'application/sdp';
const FRAGMENT = 'application/trickle-ice-sdpfrag';

function offer(direction = 'recvonly', codec = 'H264/90000'): string {
  const lines = [
    'v=0',
    'o=- 1 1 IN IP4 127.0.0.1',
    's=-',
    't=0 0',
    'a=group:BUNDLE 0',
    'm=video 9 UDP/TLS/RTP/SAVPF 96',
    'c=IN IP4 0.0.0.0',
    'a=mid:0',
    `a=${direction}`,
    'a=rtcp-mux',
    `a=rtpmap:96 ${codec}`,
    'a=fmtp:96 packetization-mode=1;profile-level-id=42e01f',
    'a=ice-ufrag:abcd',
    'a=ice-pwd:0123456789012345678901',
    `a=fingerprint:${FINGERPRINT}`,
    'a=setup:actpass',
  ];
  return `${lines.join('\r\n')}\r\n`;
}

/** RFC 9725 (whose rules WHEP shares) and draft-ietf-wish-whep-03, request by request. */
test('conformance', async (t) => {
  const { url, publisher } = await startWebGateway(t, {
    iceServers: ['stun:stun.example:3478', 'turn:ada:s%22t@turn.example?transport=tcp'],
  });
  const endpoint = `${url}streams/camera/whep`;
  const post = { method: 'POST', headers: { 'Content-Type': SDP }, body: offer() };
  const created = await httpRequest(endpoint, post);
  const { etag = '', location = '' } = created.headers;
  t.equal(created.status, 201);
  t.equal(created.headers['content-type'], SDP);
  t.match(etag, /^"[0-9a-f]{16}"$/, 'a strong entity tag');
  t.match(location, /^\/streams\/camera\/whep\/[\w-]{22}$/, '128 bits that nobody guesses');
  t.equal(created.headers['accept-patch'], FRAGMENT);
  t.equal(
    created.headers.link,
    '<stun:stun.example:3478>; rel="ice-server", <turn:turn.example?transport=tcp>; rel="ice-server"; username="ada"; credential="s\\"t"; credential-type="password"',
  );
  const answer = created.body.toString();
  t.match(answer, /^v=0\r\n/);
  t.match(answer, /a=sendonly\r\n/);
  t.match(answer, /a=candidate:\S+ 1 UDP \d+ 127\.0\.0\.1 \d+ typ host/);
  t.equal((answer.match(/a=candidate/g) ?? []).length, 1);
  t.match(answer, new RegExp(` 127\\.0\\.0\\.1 ${publisher.port} `), 'the one port');

  const session = new URL(location, url).href;
  const patch = (type: string, ifMatch: string | undefined, body: string) => ({
    method: 'PATCH',
    headers: { 'Content-Type': type, ...(ifMatch !== undefined && { 'If-Match': ifMatch }) },
    body,
  });
  const fragment =
    'a=mid:0\r\na=candidate:1 1 udp 1 127.0.0.1 5000 typ host\r\na=candidate:2 1 udp 1 x.local 5000 typ host\r\n';
  type Request = Parameters<typeof httpRequest>[1];
  const table: [string, string, Request, number, Record<string, string | undefined>][] = [
    ['what may be posted', endpoint, { method: 'OPTIONS' }, 200, { 'accept-post': SDP, link: undefined }],
    ['no content to get', endpoint, { method: 'GET' }, 204, {}],
    ['discovery', endpoint, { method: 'HEAD' }, 200, { 'content-type': SDP }],
    ['another method', endpoint, { method: 'PUT' }, 405, { allow: 'OPTIONS, GET, HEAD, POST' }],
    ['another type', endpoint, { ...post, headers: { 'Content-Type': 'text/plain' } }, 415, { 'accept-post': SDP }],
    ['no type', endpoint, { ...post, headers: {} }, 415, {}],
    [
      'parameters of the type',
      endpoint,
      { ...post, headers: { 'Content-Type': 'Application/SDP; charset=utf-8' } },
      201,
      {},
    ],
    ['no description', endpoint, { ...post, body: 'hello' }, 400, {}],
    ['no body', endpoint, { method: 'POST', headers: { 'Content-Type': SDP } }, 400, {}],
    ['it would send', endpoint, { ...post, body: offer('sendonly') }, 406, {}],
    ['it does neither', endpoint, { ...post, body: offer('inactive') }, 406, {}],
    ['no codec of ours', endpoint, { ...post, body: offer('recvonly', 'VP8/90000') }, 406, {}],
    ['no such stream', `${url}streams/attic/whep`, post, 404, {}],
    ['session', session, { method: 'OPTIONS' }, 200, { 'accept-patch': FRAGMENT }],
    ['session', session, { method: 'GET' }, 204, { etag }],
    ['trickle', session, patch(FRAGMENT, etag, fragment), 204, { etag: undefined }],
    ['trickle without precondition', session, patch(FRAGMENT, undefined, fragment), 428, {}],
    ['trickle for another session', session, patch(FRAGMENT, '"0"', fragment), 412, {}],
    ['ICE restart', session, patch(FRAGMENT, '*', fragment), 422, {}],
    ['another type', session, patch(SDP, etag, fragment), 415, { 'accept-patch': FRAGMENT }],
    ['an empty fragment', session, patch(FRAGMENT, etag, ''), 204, {}],
    ['an offer to a session', session, post, 405, {}],
    ['a session of another stream', session.replace('camera', 'attic'), { method: 'GET' }, 404, {}],
    ['a guess', `${endpoint}/AAAAAAAAAAAAAAAAAAAAAA`, { method: 'DELETE' }, 404, {}],
    ['the end', session, { method: 'DELETE' }, 200, {}],
    ['after the end', session, { method: 'DELETE' }, 404, {}],
    ['after the end', session, { method: 'GET' }, 404, {}],
    ['after the end', session, patch(FRAGMENT, etag, fragment), 404, {}],
  ];
  for (const [name, target, request, status, headers] of table) {
    const got = await httpRequest(target, request);
    t.equal(got.status, status, `${request?.method} ${name}`);
    for (const [header, value] of Object.entries(headers)) t.equal(got.headers[header], value, `${name}: ${header}`);
    if (status >= 400) t.match(JSON.parse(got.body.toString()), { status, detail: String }, `${name}: problem details`);
    if (status === 204) t.equal(got.body.length, 0);
  }
});

test('when there is no room, no worker, or nothing live', async (t) => {
  const gateway = await startWebGateway(t, { maxViewers: 1 });
  const endpoint = `${gateway.url}streams/camera/whep`;
  const post = () => httpRequest(endpoint, { method: 'POST', headers: { 'Content-Type': SDP }, body: offer() });
  const first = await post();
  t.equal(first.status, 201);
  const full = await post();
  t.equal(full.status, 503);
  t.ok(full.headers['retry-after']);
  process.kill(gateway.publisher.workerPid as number, 'SIGKILL');
  const session = new URL(first.headers.location ?? '', gateway.url).href;
  await eventually('the session is gone with the worker', async () => (await httpRequest(session)).status === 404);
  t.equal((await post()).status, 201, 'the next worker takes it');
  gateway.source.video.end();
  gateway.source.audio.end();
  const over = await post();
  t.equal(over.status, 409);
  t.ok(over.headers['retry-after']);
});
