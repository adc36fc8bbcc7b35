import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import type { Page } from 'playwright-core';
import type { Test } from 'tap';
import type { SeededRandom } from './seeded-random.ts';

export interface LossyPath {
  /** Packets that were lost so far. */
  lost(): number;
}

/**
 * Leads a page's WebRTC over a path that loses media on its way to the browser; handshakes and feedback pass.
 * @param forGood what is lost does not come through when it is sent again either.
 */
export async function leadOverLossyPath(
  t: Test,
  page: Page,
  { random, share, forGood }: { random: SeededRandom; share: number; forGood: boolean },
): Promise<LossyPath> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  t.teardown(() => socket.close());
  const { port } = socket.address();
  let gatewayPort = 0;
  let browser: RemoteInfo | undefined;
  let lost = 0;
  const gone = new Set<string>();
  const loses = (packet: Buffer): boolean => {
    // RTP and RTCP begin with version 2 (RFC 7983).
    if (((packet[0] ?? 0) & 0xc0) !== 0x80 || packet.length <= 200) return false;
    // Sequence number and SSRC (RFC 3550, 5.1).
    const name = `${packet.readUInt16BE(2)} ${packet.readUInt32BE(8)}`;
    if (gone.has(name)) return true;
    if (random.next() >= share) return false;
    if (forGood) gone.add(name);
    return true;
  };
  socket.on('message', (packet, from) => {
    if (from.port !== gatewayPort) {
      browser = from;
      socket.send(packet, gatewayPort, '127.0.0.1');
    } else if (loses(packet)) lost += 1;
    else if (browser !== undefined) socket.send(packet, browser.port, browser.address);
  });
  await page.route('**/whep', async (route) => {
    const response = await route.fetch();
    const answer = await response.text();
    gatewayPort = Number(/^a=candidate:\S+ 1 UDP \d+ 127\.0\.0\.1 (\d+) /im.exec(answer)?.[1]);
    await route.fulfill({ response, body: answer.replaceAll(` ${gatewayPort} `, ` ${port} `) });
  });
  t.teardown(() => page.unrouteAll({ behavior: 'ignoreErrors' }));
  return { lost: () => lost };
}
