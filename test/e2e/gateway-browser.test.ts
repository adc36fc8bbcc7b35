import { test } from 'tap';
import { startBrowser } from '../support/browser.ts';
import { Daemon } from '../support/daemon.ts';
import { eventually } from '../support/web-gateway.ts';

test('capture dies under Chromium: the same connection shows the picture again', async (t) => {
  const daemon = await new Daemon().start();
  t.teardown(() => daemon.stop());
  const page = await (await startBrowser(t)).newPage({ viewport: { width: 1280, height: 800 } });
  // What the page connects with, to be asked for its figures.
  await page.addInitScript(`{
    const Native = RTCPeerConnection;
    window.connections = [];
    window.RTCPeerConnection = class extends Native { constructor(...args) { super(...args); window.connections.push(this); } };
  }`);
  await page.goto(daemon.page);
  const decoded = (): Promise<number> =>
    page.evaluate(`(async () => {
      let frames = 0;
      for (const report of (await connections.at(-1)?.getStats())?.values() ?? []) if (report.kind === 'video') frames += report.framesDecoded ?? 0;
      return frames;
    })()`);
  await eventually('the picture', async () => (await decoded()) > 30, 60_000);

  for (const signal of ['SIGKILL', 'SIGSTOP'] as const) {
    const [worker = 0] = daemon.children('capture/worker');
    t.ok(worker > 0);
    const before = await decoded();
    process.kill(worker, signal);
    await eventually(`frames after ${signal}`, async () => (await decoded()) > before + 60, 60_000);
    t.notOk(daemon.children('capture/worker').includes(worker), `${signal}: another worker`);
  }
  t.equal(await page.evaluate('connections.length'), 1, 'the page never had to connect again');
});
