/**
 * How long a command takes to its answer: to a gateway that captures and has a viewer, beside a bare echo over the same
 * broker, one request at a time, in turns. `node dist/bench/command.js [requests of each]`.
 *
 * Mosquitto on loopback; the operator is what `vedette ctl` is made of. Requests are as far apart as the gateway allows for long.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Fleet } from '../daemon/cli/ctl/fleet.ts';
import { Daemon } from '../test/support/daemon.ts';
import { Mosquitto, until } from '../test/support/mosquitto.ts';
import { MQTT_SETTINGS } from '../test/support/mqtt-settings.ts';
import { RtspViewer } from '../test/support/rtsp-viewer.ts';
import { percentile, table } from './support/report.ts';

const GOALS = { p50: 5, p99: 30 };
const STREAM = { 'streams.camera.video.device': 'test', 'streams.camera.audio.device': 'test' };
/** Milliseconds: 20 requests a second are taken. */
const APART = 60;
const LIMIT = 10_000;
const WARM_UP = 10;
const ECHO = 'bare echo';
const ASKED: readonly [name: string, id: string, command: string, members: object][] = [
  [ECHO, 'echo', 'nothing', {}],
  ['gateway/health', 'porch', 'gateway/health', {}],
  ['stream/get', 'porch', 'stream/get', { name: 'camera' }],
  ['stream/keyframe', 'porch', 'stream/keyframe', { name: 'camera' }],
];

const count = Number(process.argv[2] ?? 500);
const broker = new Mosquitto();
// As the broker of a fleet has it (systemd/mosquitto.conf.example).
await broker.start('set_tcp_nodelay true');
const daemon = new Daemon({ ...STREAM, 'mqtt.url': broker.url, 'streams.camera.start': 'always' });
const echo = fork(fileURLToPath(new URL(`./command-echo${extname(import.meta.url)}`, import.meta.url)), [broker.url]);
const trips = new Map<string, number[]>(ASKED.map(([name]) => [name, []]));
try {
  await Promise.all([once(echo, 'message'), daemon.start()]);
  const viewer = await RtspViewer.play(daemon.rtsp);
  await viewer.first();
  const fleet = await Fleet.connect({ settings: MQTT_SETTINGS, urls: [broker.url], token: undefined });
  await fleet.discover();
  await until(() => fleet.available.get('porch') === true, 'the gateway');
  for (let i = -WARM_UP; i < count; i++) {
    for (const [name, id, command, members] of ASKED) {
      const begin = performance.now();
      const answer = await fleet.ask(id, command, members, LIMIT);
      const took = performance.now() - begin;
      if (answer?.status !== 'ok') throw new Error(`${command}: ${JSON.stringify(answer)}`);
      if (i >= 0) trips.get(name)?.push(took);
      if (id !== 'echo') await sleep(APART);
    }
  }
  await fleet.close();
  viewer.close();
} finally {
  echo.kill();
  await daemon.stop();
  await broker.stop();
}
const quantiles = (name: string): { p50: number; p99: number } => {
  const sorted = [...(trips.get(name) ?? [])].sort((a, b) => a - b);
  return { p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99) };
};
const floor = quantiles(ECHO);
const rows = ASKED.map(([name]) => {
  const { p50, p99 } = quantiles(name);
  const missed = name !== ECHO && !(p50 <= GOALS.p50 && p99 <= GOALS.p99);
  if (missed) process.exitCode = 1;
  const ratio = name === ECHO ? '' : (p50 / floor.p50).toFixed(1);
  return [name, p50.toFixed(1), p99.toFixed(1), ratio, missed ? 'missed' : ''];
});
const goals = ['goal', `<=${GOALS.p50}`, `<=${GOALS.p99}`, '', ''];
process.stdout.write(
  `A command to its answer, ${count} of each, one gateway with capture and a viewer\n\n${table(['', 'p50 ms', 'p99 ms', 'p50 / echo', ''], [...rows, goals])}\n`,
);
