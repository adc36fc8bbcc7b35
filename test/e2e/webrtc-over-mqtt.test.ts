import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { type Test, test } from 'tap';
import { startBrowser } from '../support/browser.ts';
import { Daemon } from '../support/daemon.ts';
import { freePort, Listener, Mosquitto, until } from '../support/mosquitto.ts';
import { projectRoot } from '../support/project-root.ts';

const B = 'vedette/porch';
const LIBRARY = join(dirname(createRequire(import.meta.url).resolve('mqtt/package.json')), 'dist/mqtt.min.js');

/** A site on this machine: browsers let no other one connect to a broker here. */
async function serve(t: Test, page: Buffer): Promise<string> {
  const server = createServer((_request, response) => response.setHeader('Content-Type', 'text/html').end(page));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

test('a browser that has nothing but the broker sees the picture', { timeout: 55_000 }, async (t) => {
  const broker = new Mosquitto();
  const webSocketPort = await freePort();
  await broker.start(`listener ${webSocketPort} 127.0.0.1`, 'protocol websockets');
  const daemon = new Daemon({ 'mqtt.url': broker.url, 'http.enabled': 'false' });
  const listener = new Listener(broker.url);
  t.teardown(async () => {
    await listener.stop();
    await daemon.stop();
    await broker.stop();
  });
  await listener.subscribe(`${B}/#`);
  await daemon.start();

  const page = await (await startBrowser(t)).newPage();
  await page.route('https://unpkg.com/**', (route) => route.fulfill({ path: LIBRARY, contentType: 'text/javascript' }));
  const site = await serve(t, readFileSync(join(projectRoot(), 'docs/mqtt-viewer.html')));
  const query = (stream: string) => new URLSearchParams({ broker: `ws://127.0.0.1:${webSocketPort}`, base: B, stream });
  await page.goto(`${site}?${query('camera')}`);
  const width = () => page.evaluate<number>('document.querySelector("#video").videoWidth');
  const frames = () =>
    page.evaluate<number>('document.querySelector("#video").getVideoPlaybackQuality().totalVideoFrames');
  await until(async () => (await width()) === 1280 && (await frames()) > 30, 'the picture', 60_000);
  t.equal(await page.evaluate('document.querySelector("#state").textContent'), 'connected');

  const ask = async (command: string, request: object) => {
    const place = listener.on(`${B}/response/${command}`).length;
    await listener.client.publishAsync(`${B}/request/${command}`, JSON.stringify(request), { qos: 1 });
    return JSON.parse((await listener.message(`${B}/response/${command}`, place)).text);
  };
  const { data } = await ask('session/list', {});
  t.match(data.sessions, [{ protocol: 'webrtc', stream: 'camera', remoteAddress: 'mqtt' }]);
  t.match(await ask('session/close', { id: data.sessions[0].id }), { status: 'ok', data: { id: data.sessions[0].id } });
  await until(
    async () => /closed|disconnected|failed/.test(await page.evaluate('document.querySelector("#state").textContent')),
    'the page is told',
  );
  t.same((await ask('session/list', {})).data.sessions, []);
  t.match(await ask('session/close', { id: data.sessions[0].id }), { error: { code: 'not_found', path: '/id' } });

  await page.goto(`${site}?${query('nothing')}`);
  await until(
    async () =>
      /there is no stream 'nothing'/.test(await page.evaluate('document.querySelector("#state").textContent')),
    'the error is shown',
  );
  await page.goto(`${site}?${query('camera')}`);
  await until(async () => (await frames()) > 5, 'the picture again', 60_000);
  await page.goto('about:blank');
  await until(async () => (await ask('session/list', {})).data.sessions.length === 0, 'closed with the page');
});
