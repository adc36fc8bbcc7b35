import { type Test, test } from 'tap';
import { Daemon } from '../support/daemon.ts';
import { Listener, until } from '../support/mosquitto.ts';
import { runPlayer } from '../support/player.ts';

const FILE = `
rtsp: { port: 0 }
http: { port: 0 }
webrtc: { port: 0 }
rtmp: { enabled: true, port: 0 }
mqtt: { embeddedPort: 0 }
streams:
  camera:
    video: { device: test, width: 640, height: 360, frameRate: 15 }
    audio: false
    encodings:
      - { rid: hevc, codec: h265 }
      - { rid: main, profile: high }
      - { rid: web, codec: vp8, scaleResolutionDownBy: 2 }
      - { rid: old, codec: mjpeg, maxFramerate: 5, maxBitrate: 3000000 }
  plain:
    video: { device: test, width: 640, height: 360, frameRate: 15 }
    audio: false
    encodings:
      - { rid: base }
      - { rid: main, profile: main }
  hevc:
    video: { device: test, width: 640, height: 360, frameRate: 15 }
    audio: false
    encodings: [{ codec: h265 }]
`;

/** What a player sees of each encoding: codec, profile, size. */
const SEEN = {
  'camera/hevc': /^hevc\|Main\|640\|360$/m,
  camera: /^hevc\|Main\|640\|360$/m,
  'camera/main': /^h264\|High\|640\|360$/m,
  'camera/web': /^vp8\|\w+\|320\|180$/m,
  'camera/old': /^mjpeg\|Baseline\|640\|360$/m,
  'plain/base': /^h264\|Constrained Baseline\|640\|360$/m,
  'plain/main': /^h264\|Main\|640\|360$/m,
};

async function started(t: Test): Promise<Daemon> {
  const daemon = await new Daemon({}, FILE).start();
  t.teardown(() => daemon.stop());
  return daemon;
}

test('every codec and profile over RTSP, decoded without a complaint', { timeout: 100_000 }, async (t) => {
  const daemon = await started(t);
  const origin = new URL(daemon.rtsp).host;
  for (const transport of ['tcp', 'udp'])
    for (const [path, seen] of Object.entries(SEEN)) {
      if (transport === 'udp' && !/web|old|hevc/.test(path)) continue;
      const url = `rtsp://${origin}/${path}`;
      const input = ['-v', 'error', '-rtsp_transport', transport, '-i', url];
      const probe = await runPlayer('ffprobe', [
        ...input,
        ...['-show_entries', 'stream=codec_name,profile,width,height', '-of', 'compact=nk=1:p=0'],
      ]);
      t.match(probe.stdout, seen, `${path} over ${transport} ${probe.stderr}`);
      if (transport === 'udp') continue;
      const { stdout, stderr } = await runPlayer('ffmpeg', [...input, '-frames:v', '20', '-f', 'framecrc', '-']);
      t.equal(stdout.match(/^0,/gm)?.length, 20, `${path}: pictures`);
      t.notMatch(stderr, /error|corrupt|conceal|missing|invalid/i, path);
    }
});

test('snapshots, MJPEG, RTMP and what is told of codecs', { timeout: 55_000 }, async (t) => {
  const daemon = await started(t);
  const picture = await fetch(`${daemon.page}/streams/hevc/snapshot.jpg`);
  t.equal(picture.headers.get('content-type'), 'image/jpeg', 'a snapshot of a stream in H.265');
  await picture.arrayBuffer();
  const mjpeg = await runPlayer('ffprobe', [
    ...['-v', 'error', '-f', 'mpjpeg', '-show_entries', 'stream=codec_name', '-of', 'csv=p=0'],
    `${daemon.page}/streams/hevc/mjpeg`,
  ]);
  t.match(mjpeg.stdout, /^mjpeg$/m);

  const flv = await runPlayer('ffprobe', [
    // It would wait for the sound that FLV may bring.
    ...['-v', 'error', '-analyzeduration', '1000000', '-show_entries', 'stream=codec_name,profile', '-of', 'csv=p=0'],
    `${daemon.page}/streams/camera/live.flv`,
  ]);
  t.match(flv.stdout, /^h264,High$/m, 'of the encodings the one that FLV carries');
  const refused = await fetch(`${daemon.page}/streams/hevc/live.flv`);
  t.equal(refused.status, 404);
  t.match(await refused.text(), /carry H\.264 only; the picture of .*hevc.* is encoded as H265/);

  const offer = await fetch(`${daemon.page}/streams/hevc/whep`, {
    method: 'POST',
    headers: { 'content-type': 'application/sdp' },
    body: OFFER,
  });
  t.equal(offer.status, 406);
  t.match(await offer.text(), /video needs H265.*offered to be received is VP8/);

  const listener = new Listener(`mqtt://127.0.0.1:${daemon.mqttPort}`);
  t.teardown(() => listener.stop());
  await listener.subscribe('vedette/#');
  interface Info {
    id: string;
    codecs: { codec: string; encodes: boolean }[];
    encoders: { codec: string; chosen: boolean }[];
  }
  const info = (): Info | undefined => {
    const [message] = listener.seen.filter(({ topic }) => topic.endsWith('/info')).slice(-1);
    return message && (JSON.parse(message.text) as Info);
  };
  await until(() => info()?.codecs?.length === 4, 'every codec was looked for', 20_000);
  t.ok(info()?.codecs.every(({ encodes }) => encodes));
  for (const codec of ['h264', 'h265', 'vp8', 'mjpeg'])
    t.equal(info()?.encoders.filter((encoder) => encoder.codec === codec && encoder.chosen).length, 1, codec);
});

const OFFER = [
  ...['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 't=0 0', 'm=video 9 UDP/TLS/RTP/SAVPF 96', 'c=IN IP4 0.0.0.0'],
  ...['a=mid:0', 'a=ice-ufrag:abcd', 'a=ice-pwd:0123456789012345678901', 'a=setup:actpass', 'a=recvonly'],
  ...[`a=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}`, 'a=rtpmap:96 VP8/90000', ''],
].join('\r\n');
