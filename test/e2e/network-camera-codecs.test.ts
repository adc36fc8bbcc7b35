/** Cameras that encode in other ways than browsers play: through the real daemon to ffmpeg and Chromium. */
import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'tap';
import { FfmpegViewer } from '../support/ffmpeg-viewer.ts';
import { AAC, cameraGateway, cameraProcess, H264_10_SECONDS } from '../support/network-camera.ts';
import { PageViewer } from '../support/page-viewer.ts';
import { decode, runPlayer } from '../support/player.ts';
import { eventually } from '../support/web-gateway.ts';

const H265 =
  'videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=15/1 ! ' +
  'x265enc tune=zerolatency speed-preset=ultrafast key-int-max=15 ! rtph265pay name=pay0 pt=96';
const SOUND = 'audiotestsrc is-live=true wave=sine freq=440 ! audio/x-raw,rate=48000 ! audioconvert ! audioresample !';
const G711 = `${SOUND} audio/x-raw,rate=8000,channels=1 ! alawenc ! rtppcmapay name=pay1 pt=8`;
const OPUS = `${SOUND} opusenc ! rtpopuspay name=pay1 pt=97`;

/** The codecs that ffmpeg finds in a stream. */
async function codecs(url: string): Promise<string[]> {
  const { stdout } = await runPlayer('ffprobe', [
    '-v',
    'error',
    '-show_entries',
    'stream=codec_name',
    '-of',
    'csv=p=0',
    url,
  ]);
  return stdout.trim().split(/\s+/).sort();
}

test('H.265 to who takes it, as it is and at once; H.264 for the others', async (t) => {
  const camera = await cameraProcess(t, H265.replace('key-int-max=15', 'key-int-max=150'));
  const sent = new FfmpegViewer(t, '-rtsp_transport', 'tcp', '-i', camera.url);
  await sent.more(1);
  const encodings = '[{rid: hevc, codec: h265}, {rid: main}]';
  const { daemon, settled } = await cameraGateway(t, { url: camera.url, audio: false, encodings });
  const { urls } = await settled('live');
  await delay(3000);
  // Its look at a new stream takes what it is given.
  const input = ['-analyzeduration', '500000', '-rtsp_transport', 'tcp', '-i'];
  const viewer = new FfmpegViewer(t, ...input, `${urls.rtsp}/hevc`);
  await viewer.more(20);
  t.comment(`the first picture after ${Math.round(viewer.firstAfter ?? Number.NaN)} ms`);
  t.ok((viewer.firstAfter ?? Infinity) < 5000, 'at once');
  t.same(viewer.damage, []);
  const last = viewer.checksums.at(-1) as string;
  await eventually('the same picture from the camera', () => sent.checksums.includes(last));
  t.same(
    viewer.checksums.filter((checksum) => !sent.checksums.includes(checksum)),
    [],
    'pixel for pixel what the camera sent',
  );
  t.same(await codecs(`${urls.rtsp}/hevc`), ['hevc']);
  t.same(await codecs(`${urls.rtsp}/main`), ['h264']);
  t.same(await codecs(urls.rtmp), ['h264']);
  const page = await PageViewer.open(t, daemon.page);
  await eventually('Chromium shows it', async () => (await page.frames()).framesDecoded > 20, 40_000);
  t.match((await page.frames()).codec, /^video\/H26[45]$/);
});

test('H.265 and AAC: H.264 and Opus for browsers, H.264 and AAC over RTMP', async (t) => {
  const camera = await cameraProcess(t, `${H265} ${AAC}`);
  const { daemon, settled } = await cameraGateway(t, { url: camera.url });
  const { urls } = await settled('live');
  t.same(await codecs(urls.rtsp), ['h264', 'opus']);
  t.same(await codecs(urls.rtmp), ['aac', 'h264']);
  for (const url of [urls.rtsp, urls.flv]) {
    const { video, audio, errors } = await decode(url, 3);
    t.ok(video > 25 && audio > 80, `${url}: ${video} pictures, ${audio} pieces of sound`);
    t.equal(errors, '');
  }
  const page = await PageViewer.open(t, daemon.page);
  await eventually('Chromium shows it', async () => (await page.frames()).framesDecoded > 20, 40_000);
  t.equal((await page.frames()).codec, 'video/H264');
  t.ok((await fetch(`${new URL(daemon.page).origin}/streams/door/snapshot.jpg`)).ok, 'a snapshot');
});

for (const [name, sound] of Object.entries({ 'G.711': G711, Opus: OPUS }))
  test(`H.264 and ${name}`, async (t) => {
    const camera = await cameraProcess(t, `${H264_10_SECONDS} ${sound}`);
    const { settled } = await cameraGateway(t, { url: camera.url });
    const { urls } = await settled('live');
    t.same(await codecs(urls.rtsp), ['h264', 'opus']);
    const { video, audio } = await decode(urls.rtsp, 3);
    t.ok(video > 25 && audio > 120, `${video} pictures, ${audio} pieces of sound`);
  });
