import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { type Test, test } from 'tap';
import { FileAccess } from '../../daemon/access/file-access.ts';
import { UsersFile } from '../../daemon/access/users-file.ts';
import { silentLog } from '../../daemon/lib/log.ts';
import { startBrowser } from '../support/browser.ts';
import { eventually, startWebGateway, type WebGateway, type WebGatewayOptions } from '../support/web-gateway.ts';

const SIZE = { width: 640, height: 360, fps: 15, gop: 15 };
/** A picture that a browser can save; what is in it is not looked at. */
const JPEG = Buffer.from('ffd8ffe000104a46494600010100000100010000ffd9', 'hex');

async function openPage(
  t: Test,
  options: WebGatewayOptions = {},
): Promise<{ page: Page; gateway: WebGateway; errors: string[] }> {
  const gateway = await startWebGateway(t, { ...SIZE, jpeg: JPEG, ...options });
  const browser = await startBrowser(t);
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  await page.goto(gateway.url);
  return { page, gateway, errors };
}

const mode = (page: Page): Promise<string | null> => page.getAttribute('#stage', 'data-mode');
const playing = (page: Page): Promise<void> =>
  eventually('the page plays', async () => (await mode(page)) === 'playing', 40_000);
const decoded = (page: Page): Promise<number> =>
  page.$eval(
    'video',
    (video) =>
      (video as { getVideoPlaybackQuality(): { totalVideoFrames: number } }).getVideoPlaybackQuality().totalVideoFrames,
  );

/** How many different colours a grid of points of the picture has. */
function colours(page: Page): Promise<number> {
  return page.evaluate(`(() => {
    const canvas = document.createElement('canvas');
    const picture = canvas.getContext('2d');
    canvas.width = 64;
    canvas.height = 36;
    picture.drawImage(document.querySelector('video'), 0, 0, 64, 36);
    const { data } = picture.getImageData(0, 0, 64, 36);
    const seen = new Set();
    for (let i = 0; i < data.length; i += 4) seen.add((data[i] >> 6) + '/' + (data[i + 1] >> 6) + '/' + (data[i + 2] >> 6));
    return seen.size;
  })()`);
}

test('the page plays at once, and its controls do what they say', async (t) => {
  const { page, gateway, errors } = await openPage(t);
  await playing(page);
  const before = await decoded(page);
  await eventually('frames go on', async () => (await decoded(page)) > before + 20);
  t.ok((await colours(page)) > 6, 'a picture, not a black screen');
  t.equal(await page.textContent('#name'), 'camera');
  t.equal(await page.textContent('#streams .stream-name'), 'camera');
  t.equal(await page.inputValue('.address input'), 'rtsp://127.0.0.1:8554/camera');
  await eventually('figures', async () => (await page.textContent('#figure-size')) === '640 × 360');
  await eventually('its viewer is counted', async () => (await page.textContent('#figure-viewers')) === '1');

  const muted = (): Promise<boolean> => page.$eval('video', (video) => (video as unknown as { muted: boolean }).muted);
  t.equal(await muted(), true, 'browsers let it start without sound only');
  await page.getByRole('button', { name: 'Turn sound on' }).last().click();
  t.equal(await muted(), false);
  t.equal(await page.isVisible('#unmute'), false, 'once chosen, the large button is gone');
  await page.keyboard.press('m');
  t.equal(await muted(), true);

  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Save a picture' }).click(),
  ]);
  t.match(download.suggestedFilename(), /^camera-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.jpg$/);

  await page.getByRole('button', { name: 'Full screen' }).click();
  await eventually('full screen', () => page.evaluate(`document.fullscreenElement?.id === 'stage'`));
  await page.keyboard.press('f');
  await eventually('and back', () => page.evaluate('document.fullscreenElement === null'));

  const unnamed = await page.$$eval(
    'button',
    (buttons) =>
      buttons.filter((button) => (button.getAttribute('aria-label') ?? button.textContent ?? '').trim() === '').length,
  );
  t.equal(unnamed, 0, 'every button has a name');
  await page.goto('about:blank');
  await eventually('leaving the page ends the session', () => gateway.viewers.size === 0, 5000);
  // The page's DELETE and the end of its DTLS are on their way at once; either may come first, and counts once.
  t.equal(gateway.left.length, 1);
  t.match(gateway.left[0], /^(teardown|disconnected)$/);
  t.same(errors, []);
});

test('a crash of the capture worker is a still picture for a moment, in the same connection', async (t) => {
  const { page, gateway } = await openPage(t);
  await playing(page);
  const [viewer] = gateway.viewers.keys();
  gateway.source.video.crash();
  gateway.source.audio.crash();
  const before = await decoded(page);
  await eventually('frames go on', async () => (await decoded(page)) > before + 30, 30_000);
  t.same([...gateway.viewers.keys()], [viewer]);
  t.same(gateway.left, []);
  t.equal(await mode(page), 'playing');
});

test('a crash of the WebRTC worker is over by itself', async (t) => {
  const { page, gateway, errors } = await openPage(t);
  await playing(page);
  const pid = gateway.publisher.workerPid as number;
  process.kill(pid, 'SIGKILL');
  await eventually('the page notices', async () => (await mode(page)) !== 'playing', 10_000);
  await eventually('and plays again', async () => (await mode(page)) === 'playing', 30_000);
  t.same(gateway.left, ['worker died']);
  t.equal(gateway.viewers.size, 1);
  t.same(errors, []);
});

test('a camera that is away: why, and the picture when it is back', async (t) => {
  const { page, gateway } = await openPage(t);
  await playing(page);
  const { video } = gateway.source;
  video.unplug('the camera was unplugged');
  await eventually('it is told', async () => (await mode(page)) === 'away', 20_000);
  t.match(await page.textContent('#notice-title'), 'Camera is away');
  t.match(await page.textContent('#notice-detail'), 'The camera was unplugged');
  t.same(gateway.left, [], 'the connection stays');
  video.plug();
  await playing(page);
  t.same(gateway.left, []);
});

test('where users exist, the page asks for one and then plays', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'vedette-page-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const usersFile = join(directory, 'users.yaml');
  await new UsersFile(usersFile).addUser('ada', 'correct horse', { rights: ['view'], streams: ['camera'] });
  const access = new FileAccess({ usersFile, log: silentLog });
  await access.start();
  t.teardown(() => access.stop());
  const gateway = await startWebGateway(t, { ...SIZE, access });
  const page = await (await startBrowser(t)).newPage();
  await page.goto(gateway.url);
  await eventually('it asks', async () => (await mode(page)) === 'locked');
  t.equal(await page.locator('.stream').count(), 0, 'nothing is told before');
  const signIn = async (name: string, secret: string): Promise<void> => {
    await page.fill('#sign-in-name', name);
    await page.fill('#sign-in-secret', secret);
    await page.getByRole('button', { name: 'Sign in' }).click();
  };
  await signIn('ada', 'wrong horse');
  await eventually('it says so', async () => (await page.textContent('#notice-detail'))?.startsWith('Wrong') ?? false);
  await signIn('ada', 'correct horse');
  await playing(page);
  t.equal([...gateway.viewers.values()][0]?.user, 'ada');
  t.equal(await page.isVisible('#unmute'), false, 'she may view, not listen');
  await page.reload();
  await playing(page);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await eventually('it asks again', async () => (await mode(page)) === 'locked');
  await eventually('the viewer is gone', () => gateway.viewers.size === 0);
});
