/** What goes wrong between a camera and us, as its viewers see it: they stay, and see whole pictures or none. */
import { test } from 'tap';
import { FfmpegViewer } from '../support/ffmpeg-viewer.ts';
import { AAC, cameraGateway, cameraProcess, H264_10_SECONDS } from '../support/network-camera.ts';
import { PageViewer } from '../support/page-viewer.ts';
import { eventually } from '../support/web-gateway.ts';

/** A second between key frames, and one packet of some hundred lost. */
const LOSSY = H264_10_SECONDS.replace('key-int-max=150', 'key-int-max=15').replace(
  'rtph264pay name=pay0 pt=96',
  'rtph264pay pt=96 mtu=400 ! identity name=pay0 drop-probability=0.01',
);

test('packets are lost on the way from the camera: no viewer sees a broken picture', async (t) => {
  const camera = await cameraProcess(t, LOSSY);
  const { settled } = await cameraGateway(t, { url: camera.url, transport: 'udp', audio: false });
  const { urls } = await settled('live');
  const viewer = new FfmpegViewer(t, '-rtsp_transport', 'tcp', '-i', urls.rtsp);
  // Without sound and with times that are not even ffmpeg would look at it for long before it begins.
  const other = new FfmpegViewer(t, '-analyzeduration', '1000000', '-i', urls.flv);
  // Where one more transport begins while it plays, gst-rtsp-server fails an assertion now and then.
  const beside = new FfmpegViewer(t, '-rtsp_transport', 'udp', '-i', camera.url);
  await viewer.more(100, 60_000);
  await other.more(60);
  t.ok(beside.damage.length > 0, 'who looks at the camera itself sees them');
  t.same(viewer.damage, [], 'over RTSP');
  t.same(other.damage, [], 'over HTTP-FLV');
  t.ok(viewer.times.length < beside.times.length, 'what could not be whole was left out');
});

test('the camera dies and comes back: its viewers stay, by every protocol', async (t) => {
  const camera = await cameraProcess(t, `${H264_10_SECONDS} ${AAC}`);
  const { daemon, report, settled } = await cameraGateway(t, { url: camera.url });
  const { urls } = await settled('live');
  const viewers = Object.entries({
    'RTSP over TCP': new FfmpegViewer(t, '-rtsp_transport', 'tcp', '-i', urls.rtsp),
    'RTSP over UDP': new FfmpegViewer(t, '-rtsp_transport', 'udp', '-i', urls.rtsp),
    RTMP: new FfmpegViewer(t, '-i', urls.rtmp),
  });
  const page = await PageViewer.open(t, daemon.page);
  const decoded = async (): Promise<number> => (await page.frames()).framesDecoded;
  await Promise.all(viewers.map(([, viewer]) => viewer.more(20)));
  await eventually('Chromium shows it', async () => (await decoded()) > 10, 40_000);

  camera.kill('SIGKILL');
  const { reason } = await settled('muted');
  t.match(reason, /127\.0\.0\.1|delivered nothing|end/);
  // The slate: some frames a second.
  await Promise.all(viewers.map(([, viewer]) => viewer.more(8)));
  const dark = await decoded();
  await eventually('Chromium shows the slate', async () => (await decoded()) > dark + 8, 40_000);

  await cameraProcess(t, `${H264_10_SECONDS} ${AAC}`, { port: camera.port });
  await settled('live');
  await Promise.all(viewers.map(([, viewer]) => viewer.more(45)));
  const back = await decoded();
  await eventually('Chromium shows the camera', async () => (await decoded()) > back + 45, 40_000);
  t.equal(await page.connections(), 1, 'the page never had to connect again');
  t.match((await report()).viewers, { rtsp: 2, rtmp: 1, webrtc: 1 });
  for (const [name, { damage, times }] of viewers) {
    t.same(damage, [], `${name}: no broken picture`);
    // Its first two frames ffmpeg may place at the same time. RTMP counts milliseconds: frames closer together share one.
    const least = name === 'RTMP' ? 0 : Number.MIN_VALUE;
    t.ok(
      times.every((time, i) => i < 2 || time - (times[i - 1] as number) >= least),
      `${name}: time only moves forward`,
    );
  }
});
