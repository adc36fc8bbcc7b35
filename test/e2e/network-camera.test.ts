/** A camera on the network with ten seconds between its key frames, through the real daemon to real players. */
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { type Test, test } from 'tap';
import { FfmpegViewer } from '../support/ffmpeg-viewer.ts';
import { AAC, cameraGateway, cameraProcess, H264_10_SECONDS } from '../support/network-camera.ts';
import { PageViewer } from '../support/page-viewer.ts';
import { decode } from '../support/player.ts';
import { eventually } from '../support/web-gateway.ts';

/** So long after a key frame that waiting for the next one would be noticed, in milliseconds. */
const INTO_THE_GROUP_MS = 3000;
/** A player's own start on a loaded machine; without the group of pictures it would wait for longer. */
const AT_ONCE_MS = 5000;

/** Joins; every picture is one that the camera sent. @returns after how many milliseconds the first of them was there. */
async function joins(t: Test, name: string, sent: FfmpegViewer, ...input: string[]): Promise<number> {
  const viewer = new FfmpegViewer(t, ...input);
  await viewer.more(20);
  const { firstAfter = Infinity } = viewer;
  viewer.stop();
  t.comment(`${name}: the first picture after ${Math.round(firstAfter)} ms`);
  t.same(viewer.damage, [], `${name}: no broken picture`);
  const last = viewer.checksums.at(-1) as string;
  await eventually('the same picture from the camera', () => sent.checksums.includes(last));
  const unknown = viewer.checksums.filter((checksum) => !sent.checksums.includes(checksum));
  t.same(unknown, [], `${name}: pixel for pixel what the camera sent`);
  return firstAfter;
}

/** Far from a key frame. */
async function joinsAtOnce(t: Test, name: string, sent: FfmpegViewer, ...input: string[]): Promise<void> {
  t.ok((await joins(t, name, sent, ...input)) < AT_ONCE_MS, `${name}: at once`);
}

test('to every player, untouched and at once; the password is nowhere to be read', async (t) => {
  const camera = await cameraProcess(t, `${H264_10_SECONDS} ${AAC}`, { user: 'admin', password: 'open-sesame' });
  const sent = new FfmpegViewer(t, '-rtsp_transport', 'tcp', '-i', camera.url.replace('//', '//admin:open-sesame@'));
  await sent.more(1);
  const { daemon, report, settled } = await cameraGateway(t, { url: camera.url, password: 'open-sesame' });
  const { urls } = await settled('live');
  await delay(INTO_THE_GROUP_MS);

  await joinsAtOnce(t, 'RTSP over TCP', sent, '-rtsp_transport', 'tcp', '-i', urls.rtsp);
  await joinsAtOnce(t, 'RTSP over UDP', sent, '-rtsp_transport', 'udp', '-i', urls.rtsp);
  await joinsAtOnce(t, 'RTMP', sent, '-i', urls.rtmp);
  await joinsAtOnce(t, 'HTTP-FLV', sent, '-i', urls.flv);
  for (const url of [urls.rtsp, urls.flv]) {
    const { video, audio } = await decode(url, 3);
    t.ok(video > 25 && audio > 80, `${url}: ${video} pictures, ${audio} pieces of sound`);
  }

  const page = await PageViewer.open(t, daemon.page);
  await eventually('Chromium shows it', async () => (await page.frames()).framesDecoded > 5, AT_ONCE_MS * 2);
  const [before, begun] = [(await page.frames()).framesDecoded, performance.now()];
  await delay(4000);
  const { framesDecoded, codec } = await page.frames();
  const rate = (framesDecoded - before) / ((performance.now() - begun) / 1000);
  t.ok(rate > 10, `it plays on with ${rate.toFixed(1)} frames a second`);
  t.equal(codec, 'video/H264');
  t.equal((await report()).viewers.webrtc, 1);

  t.notMatch(daemon.output, /open-sesame/);
  const lines = daemon.children('').map((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
  t.notMatch(JSON.stringify(lines), /sesame/);
});

test('a camera over UDP', async (t) => {
  const camera = await cameraProcess(t, H264_10_SECONDS);
  const sent = new FfmpegViewer(t, '-rtsp_transport', 'tcp', '-i', camera.url);
  await sent.more(1);
  const { settled } = await cameraGateway(t, { url: camera.url, transport: 'udp', audio: false });
  const { urls } = await settled('live');
  // A busy machine loses packets, and with them the group: then the viewer waits for the next.
  for (let attempt = 1; attempt <= 3; attempt += 1) {
    await delay(INTO_THE_GROUP_MS);
    const after = await joins(t, 'RTSP over TCP', sent, '-rtsp_transport', 'tcp', '-i', urls.rtsp);
    if (after < AT_ONCE_MS || attempt === 3) t.ok(after < AT_ONCE_MS, 'at once');
    if (after < AT_ONCE_MS) break;
  }
});
