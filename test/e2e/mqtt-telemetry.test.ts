import { type Test, test } from 'tap';
import { until } from '../support/mosquitto.ts';
import { B, type World, world } from '../support/mqtt-world.ts';
import { runPlayer } from '../support/player.ts';

interface Session {
  id: string;
  bitrate: number;
  droppedFrames: number;
}

interface Telemetry {
  streams: {
    camera: { latency?: { p50: number; p99: number }; framesDropped: Record<string, number>; bitrate: number };
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

/** Telemetry that tells of a viewer. */
async function telemetryOf(t: Test, { listener }: World): Promise<Telemetry> {
  const all = () => listener.on(`${B}/telemetry`).map(({ text }) => JSON.parse(text) as Telemetry);
  const flowing = () => all().find(({ sessions }) => (sessions[0]?.bitrate ?? 0) > 0);
  await until(() => flowing() !== undefined, 'telemetry with a viewer', 40_000);
  t.ok(all().length > 0);
  return flowing() as Telemetry;
}

test('what goes to each viewer and how late, in telemetry, in session/list and in metrics', async (t) => {
  const found = await world(t);
  const viewing = watch(found, 16);
  const { streams, sessions } = await telemetryOf(t, found);
  const [session] = sessions as [Session];
  const { latency, framesDropped, bitrate } = streams.camera;
  t.ok(session.bitrate > bitrate / 4, `${session.bitrate} bit/s of ${bitrate} go to the viewer`);
  t.same([session.droppedFrames, framesDropped['slow-viewer']], [0, 0]);
  t.ok(latency !== undefined && latency.p50 > 0 && latency.p50 <= latency.p99, JSON.stringify(latency));

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
