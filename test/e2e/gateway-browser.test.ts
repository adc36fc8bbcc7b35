import { test } from 'tap';
import { Daemon } from '../support/daemon.ts';
import { PageViewer } from '../support/page-viewer.ts';
import { eventually } from '../support/web-gateway.ts';

test('capture dies under Chromium: the same connection shows the picture again', async (t) => {
  const daemon = await new Daemon().start();
  t.teardown(() => daemon.stop());
  const page = await PageViewer.open(t, daemon.page);
  const decoded = async (): Promise<number> => (await page.frames()).framesDecoded;
  await eventually('the picture', async () => (await decoded()) > 30, 60_000);

  for (const signal of ['SIGKILL', 'SIGSTOP'] as const) {
    const [worker = 0] = daemon.children('capture/worker');
    t.ok(worker > 0);
    const before = await decoded();
    process.kill(worker, signal);
    await eventually(`frames after ${signal}`, async () => (await decoded()) > before + 60, 60_000);
    t.notOk(daemon.children('capture/worker').includes(worker), `${signal}: another worker`);
  }
  t.equal(await page.connections(), 1, 'the page never had to connect again');
});
