import { test } from 'tap';
import { startBrowser } from '../support/browser.ts';
import { leadOverLossyPath } from '../support/lossy-path.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { eventually, startWebGateway } from '../support/web-gateway.ts';

/** Packets that the browser loses on their way to it. */
const LOSS = 0.05;

test('Chromium on a path that loses packets asks for them, gets them, and shows every frame', async (t) => {
  const random = new SeededRandom();
  t.comment(`SEED=${random.seed}`);
  const gateway = await startWebGateway(t, { width: 640, height: 360, fps: 15, kbps: 1500, gop: 150 });
  const page = await (await startBrowser(t)).newPage();
  await page.addInitScript(`window.connections = [];
    const Native = RTCPeerConnection;
    window.RTCPeerConnection = class extends Native { constructor(...a) { super(...a); connections.push(this); } };`);
  const path = await leadOverLossyPath(t, page, { random, share: LOSS, forGood: false });
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
