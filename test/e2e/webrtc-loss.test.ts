import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'tap';
import { startBrowser } from '../support/browser.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { eventually, startWebGateway } from '../support/web-gateway.ts';

/** Packets that the browser loses on their way to it. */
const LOSS = 0.05;

/** A path between one browser and the gateway that loses media; handshakes and feedback pass. */
async function lossyPath(
  gatewayPort: number,
  random: SeededRandom,
): Promise<{ socket: Socket; port: number; lost(): number }> {
  const socket = createSocket('udp4');
  let browser: RemoteInfo | undefined;
  let lost = 0;
  socket.on('message', (packet, from) => {
    if (from.port !== gatewayPort) {
      browser = from;
      socket.send(packet, gatewayPort, '127.0.0.1');
      return;
    }
    // RTP and RTCP begin with version 2 (RFC 7983).
    const media = ((packet[0] ?? 0) & 0xc0) === 0x80 && packet.length > 200;
    if (media && random.next() < LOSS) lost += 1;
    else if (browser !== undefined) socket.send(packet, browser.port, browser.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { socket, port: socket.address().port, lost: () => lost };
}

test('Chromium on a path that loses packets asks for them, gets them, and shows every frame', async (t) => {
  const random = new SeededRandom();
  t.comment(`SEED=${random.seed}`);
  const gateway = await startWebGateway(t, { width: 640, height: 360, fps: 15, kbps: 1500, gop: 150 });
  const path = await lossyPath(gateway.publisher.port, random);
  t.teardown(() => path.socket.close());
  const page = await (await startBrowser(t)).newPage();
  await page.addInitScript(`window.connections = [];
    const Native = RTCPeerConnection;
    window.RTCPeerConnection = class extends Native { constructor(...a) { super(...a); connections.push(this); } };`);
  await page.route('**/whep', async (route) => {
    const response = await route.fetch();
    const body = (await response.text()).replaceAll(` ${gateway.publisher.port} `, ` ${path.port} `);
    await route.fulfill({ response, body });
  });
  t.teardown(() => page.unrouteAll({ behavior: 'ignoreErrors' }));
  await page.goto(gateway.url);
  interface Inbound {
    framesDecoded: number;
    packetsLost: number;
    packetsReceived: number;
    nackCount: number;
  }
  const inbound = (): Promise<Inbound | undefined> =>
    page.evaluate(
      `(async () => [...((await connections.at(-1)?.getStats())?.values() ?? [])].find((r) => r.type === 'inbound-rtp' && r.kind === 'video'))()`,
    );
  await eventually('the picture', async () => ((await inbound())?.framesDecoded ?? 0) > 15, 40_000);
  await eventually('losses', async () => path.lost() > 20 && ((await inbound())?.framesDecoded ?? 0) > 90, 60_000);
  const stats = (await inbound()) as Inbound;
  await eventually('a heartbeat', () => gateway.publisher.statistics.packetsRetransmitted > 10);
  t.comment(JSON.stringify({ ...gateway.publisher.statistics, lost: path.lost(), received: stats.packetsReceived }));
  t.ok(stats.nackCount > 0, 'the browser asked');
  t.ok(stats.packetsLost <= path.lost() / 4, `${stats.packetsLost} of ${path.lost()} packets stayed lost`);
  t.same(gateway.left, []);
});
