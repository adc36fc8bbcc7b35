import { join } from 'node:path';
import { test } from 'tap';
import { UsersFile } from '../../daemon/access/users-file.ts';
import { startBrowser } from '../support/browser.ts';
import { leadOverLossyPath } from '../support/lossy-path.ts';
import { until } from '../support/mosquitto.ts';
import { B, type World, world } from '../support/mqtt-world.ts';
import { runPlayer } from '../support/player.ts';
import { SeededRandom } from '../support/seeded-random.ts';

interface Session {
  id: string;
  protocol: string;
  bitrate?: number;
  droppedFrames?: number;
  loss?: number;
}

interface Telemetry {
  streams: {
    camera: {
      latency?: { p50: number; p99: number };
      framesDropped: Record<string, number>;
      bitrate: number;
      sound?: Record<string, number>;
    };
  };
  sessions: Session[];
}

/** Samples of a metric of the stream, by its other label. */
async function samples({ ask }: World, name: string, label: string): Promise<Record<string, number>> {
  const families = (await ask('metrics/get')).data.metrics as {
    name: string;
    samples: { labels: Record<string, string>; value: number }[];
  }[];
  const family = families.find((candidate) => candidate.name === name);
  return Object.fromEntries((family?.samples ?? []).map(({ labels, value }) => [labels[label], value]));
}

const watch = ({ daemon }: World, seconds: number) =>
  runPlayer('ffmpeg', [
    ...'-v error -rtsp_transport tcp -i'.split(' '),
    daemon.rtsp,
    ...`-t ${seconds} -c copy -f null -`.split(' '),
  ]);

/** The first telemetry that tells of such a viewer. */
async function telemetryOf({ listener }: World, tells: (session: Session) => boolean): Promise<Telemetry> {
  const all = () => listener.on(`${B}/telemetry`).map(({ text }) => JSON.parse(text) as Telemetry);
  const found = () => all().find(({ sessions }) => sessions.some(tells));
  await until(() => found() !== undefined, 'telemetry with a viewer', 40_000);
  return found() as Telemetry;
}

const flowing = ({ bitrate = 0 }: Session): boolean => bitrate > 0;

test('what goes to each viewer and how late, in telemetry, in session/list and in metrics', async (t) => {
  const found = await world(t);
  const viewing = watch(found, 16);
  const { streams, sessions } = await telemetryOf(found, flowing);
  const session = sessions.find(flowing) as Required<Session>;
  const { latency, framesDropped, bitrate, sound } = streams.camera;
  t.ok(session.bitrate > bitrate / 4, `${session.bitrate} bit/s of ${bitrate} go to the viewer`);
  t.equal(session.droppedFrames, 0);
  // A test machine may be too slow for the encoder.
  t.match(framesDropped, { capture: 0, conversion: 0, encoder: Number, source: Number, 'slow-viewer': 0 });
  t.ok(latency !== undefined && latency.p50 > 0 && latency.p50 <= latency.p99, JSON.stringify(latency));

  // The tone of the test microphone.
  for (const loud of [sound, await samples(found, 'vedette_sound_level_dbfs', 'measure')])
    t.ok(loud && Math.abs((loud.peak ?? 0) + 14) < 1 && Math.abs((loud.rms ?? 0) + 17) < 1, JSON.stringify(loud));
  const listed = ((await found.ask('session/list')).data.sessions as Session[])[0];
  t.match(listed, { id: session.id, protocol: 'rtsp', bitrate: Number, droppedFrames: 0 });
  const quantiles = await samples(found, 'vedette_latency_seconds', 'quantile');
  t.ok((quantiles['0.5'] ?? 0) > 0 && (quantiles['0.5'] ?? 0) <= (quantiles['0.99'] ?? 0), JSON.stringify(quantiles));
  const sent = (await samples(found, 'vedette_sent_bytes_total', 'protocol')).rtsp ?? 0;
  t.ok(sent > 0);
  await viewing;
  await until(() => found.listener.on(`${B}/events`).some(({ text }) => text.includes('viewer_left')), 'it leaves');
  t.ok(((await samples(found, 'vedette_sent_bytes_total', 'protocol')).rtsp ?? 0) >= sent, 'counters never fall');
});

test('what goes to viewers of RTMP, HTTP-FLV and MJPEG', async (t) => {
  const found = await world(t, { 'rtmp.enabled': 'true' });
  const { origin } = new URL(found.daemon.page);
  const play = (...input: string[]) =>
    runPlayer('ffmpeg', ['-v', 'error', ...input, ...'-t 20 -c copy -f null -'.split(' ')]);
  const viewing = [
    play('-i', found.daemon.banner('RTMP')),
    play('-i', `${origin}/streams/camera/live.flv`),
    play('-f', 'mpjpeg', '-i', `${origin}/streams/camera/mjpeg`),
  ];
  for (const protocol of ['rtmp', 'http-flv', 'mjpeg']) {
    const { sessions } = await telemetryOf(found, (session) => session.protocol === protocol && flowing(session));
    const session = sessions.find((candidate) => candidate.protocol === protocol);
    t.equal(session?.loss, undefined, `${protocol}: nothing is lost on TCP`);
    t.equal(session?.droppedFrames, 0, JSON.stringify(session));
    const sent = (await samples(found, 'vedette_sent_bytes_total', 'protocol'))[protocol] ?? 0;
    t.ok(sent > 20_000, `${sent} bytes`);
  }
  for (const { code, stderr } of await Promise.all(viewing)) t.equal(code, 0, stderr);
});

test('credentials that were refused', async (t) => {
  const found = await world(t);
  const { origin } = new URL(found.daemon.page);
  await new UsersFile(join(found.daemon.folder, 'users.yaml')).addUser('ann', 'correct horse', {
    rights: ['view'],
    streams: ['*'],
  });
  const headers = { Authorization: `Basic ${Buffer.from('ann:wrong').toString('base64')}` };
  // The file is looked at once a second.
  await until(async () => (await fetch(`${origin}/streams`, { headers })).status === 401, 'it is refused');
  t.ok(((await samples(found, 'vedette_auth_failures_total', 'protocol')).http ?? 0) > 0);
});

test('the loss that a browser tells of', async (t) => {
  const found = await world(t);
  const random = new SeededRandom();
  t.comment(`SEED=${random.seed}`);
  const page = await (await startBrowser(t)).newPage();
  const path = await leadOverLossyPath(t, page, { random, share: 0.02, forGood: true });
  await page.goto(found.daemon.page);
  const lossy = ({ protocol, loss = 0 }: Session): boolean => protocol === 'webrtc' && loss > 0;
  const { loss = 0 } = (await telemetryOf(found, lossy)).sessions.find(lossy) ?? {};
  t.ok(path.lost() > 0);
  // Of the packets between two reports, on the worst track: of sound those are few.
  t.ok(loss <= 0.5, `${loss}`);
});
