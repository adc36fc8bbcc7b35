import { test } from 'tap';
import { startBrowser } from '../support/browser.ts';
import { Daemon } from '../support/daemon.ts';
import { eventually } from '../support/web-gateway.ts';

const FILE = `
rtsp: { port: 0 }
http: { port: 0 }
webrtc: { port: 0 }
mqtt: { embeddedPort: 0 }
streams:
  web:
    video: { device: test, width: 640, height: 360, frameRate: 15 }
    audio: false
    encodings: [{ codec: vp8 }]
  high:
    video: { device: test, width: 640, height: 360, frameRate: 15 }
    audio: false
    encodings: [{ profile: high }]
  mixed:
    video: { device: test, width: 640, height: 360, frameRate: 15 }
    audio: false
    encodings: [{ rid: hevc, codec: h265 }, { rid: sub, codec: vp8, scaleResolutionDownBy: 2 }]
`;

/** Connects to a WHEP endpoint; what Chromium says of the video that it decodes: codec, format parameters, size, frames. */
const WATCH = (endpoint: string): string => `(async () => {
  const connection = new RTCPeerConnection();
  window.connection = connection;
  connection.addTransceiver('video', { direction: 'recvonly' });
  const video = document.createElement('video');
  video.muted = true;
  connection.ontrack = ({ track }) => { video.srcObject = new MediaStream([track]); void video.play(); };
  await connection.setLocalDescription(await connection.createOffer());
  await new Promise((resolve) => {
    if (connection.iceGatheringState === 'complete') resolve();
    connection.onicegatheringstatechange = () => connection.iceGatheringState === 'complete' && resolve();
  });
  const response = await fetch('${endpoint}', { method: 'POST', headers: { 'content-type': 'application/sdp' }, body: connection.localDescription.sdp });
  if (response.status !== 201) return response.status + ' ' + await response.text();
  await connection.setRemoteDescription({ type: 'answer', sdp: await response.text() });
  return 'connected';
})()`;

const STATE = `(async () => {
  const stats = [...(await connection.getStats()).values()];
  const video = stats.find(({ type, kind }) => type === 'inbound-rtp' && kind === 'video');
  const codec = stats.find(({ id }) => id === video?.codecId);
  return { frames: video?.framesDecoded ?? 0, size: video?.frameWidth + 'x' + video?.frameHeight, codec: codec?.mimeType, format: codec?.sdpFmtpLine ?? '' };
})()`;

interface State {
  frames: number;
  size: string;
  codec: string;
  format: string;
}

test('Chromium plays VP8 and H.264 high, and of several encodings the one that it can', {
  timeout: 100_000,
}, async (t) => {
  const daemon = await new Daemon({}, FILE).start();
  t.teardown(() => daemon.stop());
  const page = await (await startBrowser(t)).newPage();
  await page.goto(daemon.page);
  for (const [endpoint, codec, format, size] of [
    ['/streams/web/whep', 'video/VP8', /^$/, '640x360'],
    // Without a hardware decoder it offers no more than main, and decodes high.
    ['/streams/high/whep', 'video/H264', /profile-level-id=(64|4d)/, '640x360'],
    ['/streams/mixed/whep', 'video/VP8', /^$/, '320x180'],
  ] as const) {
    t.equal(await page.evaluate(WATCH(endpoint)), 'connected', endpoint);
    const state = (): Promise<State> => page.evaluate(STATE);
    await eventually(`pictures of ${endpoint}`, async () => (await state()).frames > 30, 40_000);
    const seen = await state();
    t.equal(seen.codec, codec, endpoint);
    t.match(seen.format, format);
    t.equal(seen.size, size);
    await page.evaluate('connection.close()');
  }
  t.match(await page.evaluate(WATCH('/streams/mixed/whep?rid=hevc')), /^406 .*video needs H265/);
  t.match(await page.evaluate(WATCH('/streams/mixed/whep?rid=none')), /^404 .*encoding 'none'/);
});
