/** Cameras that encode in other ways than browsers play: through the real daemon to ffmpeg and Chromium. */
import { setTimeout as delay } from 'node:timers/promises';
import { type Test, test } from 'tap';
import { FfmpegPackets, FfmpegViewer } from '../support/ffmpeg-viewer.ts';
import { Listener } from '../support/listener.ts';
import { AAC, cameraGateway, cameraProcess, G711, H264_10_SECONDS, OPUS } from '../support/network-camera.ts';
import { PageViewer } from '../support/page-viewer.ts';
import { decode, runPlayer } from '../support/player.ts';
import { eventually } from '../support/web-gateway.ts';

const H265 =
  'videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=15/1 ! ' +
  'x265enc tune=zerolatency speed-preset=ultrafast key-int-max=15 ! rtph265pay name=pay0 pt=96';

/** By itself ffmpeg looks at a stream for five seconds. */
const SHORT_LOOK = ['-analyzeduration', '1000000'];

/** The codecs that ffmpeg finds in a stream. */
async function codecs(url: string): Promise<string[]> {
  const { stdout } = await runPlayer('ffprobe', [
    ...SHORT_LOOK,
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

/** Takes some sound of each address: every packet is one that the camera sent. */
async function untouched(t: Test, sent: FfmpegPackets, ...urls: string[]): Promise<void> {
  await Promise.all(
    urls.map(async (url) => {
      const viewer = new FfmpegPackets(t, ...SHORT_LOOK, '-i', url);
      await viewer.more(40);
      viewer.stop();
      const last = viewer.checksums.at(-1) as string;
      await eventually('the same sound from the camera', () => sent.checksums.includes(last));
      t.same(
        viewer.checksums.filter((checksum) => !sent.checksums.includes(checksum)),
        [],
        `${url}: bit for bit what the camera sent`,
      );
    }),
  );
}

/** Until Chromium has heard something of the sound. */
async function heard(page: PageViewer): Promise<string> {
  await page.turnSoundOn();
  await eventually('Chromium plays the sound', async () => (await page.sound()).totalAudioEnergy > 0.001, 40_000);
  return (await page.sound()).codec;
}

test('H.264 and AAC: as it is over RTSP and RTMP, Opus for browsers', async (t) => {
  const camera = await cameraProcess(t, `${H264_10_SECONDS} ${AAC}`);
  const sent = new FfmpegPackets(t, ...SHORT_LOOK, '-rtsp_transport', 'tcp', '-i', camera.url);
  await sent.more(1);
  const { daemon, settled } = await cameraGateway(t, { url: camera.url });
  const { urls } = await settled('live');
  for (const found of await Promise.all([codecs(urls.rtsp), codecs(urls.rtmp)])) t.same(found, ['aac', 'h264']);
  await untouched(t, sent, urls.rtsp, urls.rtmp);
  for (const { video, audio, errors } of await Promise.all([decode(urls.rtsp, 3), decode(urls.flv, 3)])) {
    t.ok(video > 25 && audio > 80, `${video} pictures, ${audio} pieces of sound`);
    t.equal(errors, '');
  }
  const page = await PageViewer.open(t, daemon.page);
  await eventually('Chromium shows it', async () => (await page.frames()).framesDecoded > 20, 40_000);
  t.equal((await page.frames()).codec, 'video/H264');
  t.equal(await heard(page), 'audio/opus');
  t.ok((await fetch(`${new URL(daemon.page).origin}/streams/door/snapshot.jpg`)).ok, 'a snapshot');
});

test('H.264 and G.711: as it is, for browsers too; AAC over RTMP', async (t) => {
  const camera = await cameraProcess(t, `${H264_10_SECONDS} ${G711}`);
  const sent = new FfmpegPackets(t, ...SHORT_LOOK, '-rtsp_transport', 'tcp', '-i', camera.url);
  await sent.more(1);
  const { daemon, settled } = await cameraGateway(t, { url: camera.url });
  const { urls } = await settled('live');
  t.same(await codecs(urls.rtsp), ['h264', 'pcm_alaw']);
  await untouched(t, sent, urls.rtsp);
  const [{ audio, errors }, converted] = await Promise.all([decode(urls.rtmp, 3), codecs(urls.rtmp)]);
  t.same(converted, ['aac', 'h264']);
  t.ok(audio > 80, `${audio} pieces of sound`);
  t.equal(errors, '');
  const page = await PageViewer.open(t, daemon.page);
  t.equal(await heard(page), 'audio/PCMA');
});

test('H.264 and Opus', async (t) => {
  const camera = await cameraProcess(t, `${H264_10_SECONDS} ${OPUS}`);
  const sent = new FfmpegPackets(t, ...SHORT_LOOK, '-rtsp_transport', 'tcp', '-i', camera.url);
  await sent.more(1);
  const { settled } = await cameraGateway(t, { url: camera.url });
  const { urls } = await settled('live');
  t.same(await codecs(urls.rtsp), ['h264', 'opus']);
  await untouched(t, sent, urls.rtsp);
});

test('the camera dies under a listener and comes back with another codec: AAC was promised', async (t) => {
  const camera = await cameraProcess(t, `${H264_10_SECONDS} ${AAC}`);
  const { report, settled } = await cameraGateway(t, { url: camera.url });
  const { urls } = await settled('live');
  const listener = new Listener(t, '-rtsp_transport', 'tcp', '-i', urls.rtsp);
  const hears = (what: 'sound' | 'silence'): Promise<void> => {
    const since = listener.levels.length;
    return eventually(`${what} is heard`, () => listener.heard(since) === what, 40_000);
  };
  await hears('sound');
  camera.kill('SIGKILL');
  await hears('silence');
  await cameraProcess(t, `${H264_10_SECONDS} ${G711}`, { port: camera.port });
  await hears('sound');
  t.ok(listener.running, 'one session throughout');
  t.equal((await report()).viewers.rtsp, 1);
  t.same(await codecs(urls.rtsp), ['aac', 'h264']);
  t.notMatch(listener.words, /error|invalid data/i);
});
