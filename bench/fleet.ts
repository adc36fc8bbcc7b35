/**
 * A thousand gateways on one broker: birth, what is retained, one command for all, round trips, a restart of the broker,
 * and what a gateway costs that nobody asks anything. `node dist/bench/fleet.js [gateways] [processes] [idle seconds]`.
 *
 * Gateways are the real control room over reports of a usual size, many to a process; the broker is Mosquitto on loopback; the operator is what `vedette ctl` is made of. Bytes are the broker's own counters: MQTT, without
 * TCP, IP and TLS.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Fleet } from '../daemon/cli/ctl/fleet.ts';
import { Listener, Mosquitto, until } from '../test/support/mosquitto.ts';
import { MQTT_SETTINGS } from '../test/support/mqtt-settings.ts';
import type { FleetQuestion, FleetStatus } from './fleet-gateways.ts';
import { processCpu } from './support/process-cpu.ts';
import { processTreeMemory } from './support/process-memory.ts';
import { percentile, table } from './support/report.ts';

/** What the broker of a fleet has (systemd/mosquitto.conf.example), and its counters each second. */
const BROKER = ['set_tcp_nodelay true', 'sys_interval 1'];
const TIME_LIMIT = 300_000;
const ROUND_TRIPS = 1000;
/** How long the broker is away, in milliseconds. */
const OUTAGES = [2000, 40_000];
const DAY = 86_400;

const [count = 1000, processes = 4, idleSeconds = 120] = process.argv.slice(2).map(Number);
const rows: string[][] = [];
const row = (name: string, value: number | string, unit: string, goal?: number): void => {
  const missed = goal !== undefined && !(Number(value) <= goal);
  if (missed) process.exitCode = 1;
  const text = typeof value === 'number' ? value.toFixed(value < 100 ? 1 : 0) : value;
  process.stderr.write(`${name}: ${text} ${unit}\n`);
  rows.push([name, text, unit, goal === undefined ? '' : `<=${goal}`, missed ? 'missed' : '']);
};
const seconds = (since: number): number => (performance.now() - since) / 1000;

const COUNTERS = {
  received: 'bytes/received',
  sent: 'bytes/sent',
  messagesReceived: 'messages/received',
  messagesSent: 'messages/sent',
} as const;

/** The counters of Mosquitto that are of use here, and who is there. */
class Observer {
  readonly counters = new Map<string, number>();
  /** When each gateway said that it is there, since {@link forget}. */
  readonly births = new Map<string, number>();
  readonly #listener: Listener;

  constructor(url: string) {
    this.#listener = new Listener(url);
    this.#listener.client.on('message', (topic, payload) => {
      if (topic.startsWith('$SYS/'))
        this.counters.set(topic.slice('$SYS/broker/'.length), Number.parseFloat(payload.toString()));
      else if (payload.toString() === 'online') this.births.set(topic, performance.now());
      this.#listener.seen.length = 0;
    });
  }

  async start(): Promise<this> {
    // Few, since what the broker sends to us is in its counters, too.
    await this.#listener.subscribe(
      ...Object.values(COUNTERS).map((name) => `$SYS/broker/${name}`),
      'vedette/+/availability',
    );
    return this;
  }

  /** Numbers that are newer than this call. */
  async fresh(): Promise<Record<keyof typeof COUNTERS, number>> {
    this.counters.clear();
    await until(() => Object.values(COUNTERS).every((name) => this.counters.has(name)), 'counters of the broker');
    return Object.fromEntries(
      Object.entries(COUNTERS).map(([key, name]) => [key, this.counters.get(name) ?? Number.NaN]),
    ) as Record<keyof typeof COUNTERS, number>;
  }

  stop(): Promise<void> {
    return this.#listener.stop();
  }
}

/** The processes with the gateways. */
class Boxes {
  readonly #children: ChildProcess[] = [];

  async launch(url: string): Promise<void> {
    const path = fileURLToPath(new URL(`./fleet-gateways${extname(import.meta.url)}`, import.meta.url));
    const each = Math.ceil(count / processes);
    for (let first = 0; first < count; first += each) {
      const child = fork(path, [url, String(first), String(Math.min(each, count - first))]);
      this.#children.push(child);
      await once(child, 'message');
    }
  }

  async all(what: FleetQuestion['do']): Promise<FleetStatus> {
    const answers = this.#children.map(async (child) => {
      child.send({ do: what } satisfies FleetQuestion);
      return (await once(child, 'message'))[0] as FleetStatus;
    });
    const sum: FleetStatus = { connected: 0, queued: 0, dropped: 0, reconnects: 0 };
    for (const status of await Promise.all(answers)) {
      for (const name of Object.keys(sum) as (keyof FleetStatus)[]) sum[name] += status[name];
    }
    return sum;
  }

  /** All are connected, and nothing waits for the broker. */
  async settled(): Promise<FleetStatus> {
    let status = await this.all('status');
    const end = performance.now() + TIME_LIMIT;
    while (status.connected < count || status.queued > 0) {
      if (performance.now() > end) throw new Error(`not settled: ${JSON.stringify(status)}`);
      await sleep(100);
      status = await this.all('status');
    }
    return status;
  }

  kill(): void {
    for (const child of this.#children) child.kill();
  }
}

/** Most births in one second, and in a tenth of one. */
function peaks(births: Iterable<number>): { second: number; tenth: number } {
  const times = [...births].sort((a, b) => a - b);
  const most = (window: number): number =>
    Math.max(0, ...times.map((time, i) => times.findLastIndex((other) => other < time + window) - i + 1));
  return { second: most(1000), tenth: most(100) };
}

const broker = new Mosquitto();
const boxes = new Boxes();
try {
  await broker.start(...BROKER);
  const observer = await new Observer(broker.url).start();
  await boxes.launch(broker.url);

  const brokerBefore = processCpu(broker.pid);
  const begin = performance.now();
  await boxes.all('start');
  await until(() => observer.births.size === count, 'everybody is born', TIME_LIMIT);
  row(`birth of ${count} gateways, all at once: the last one online`, seconds(begin), 's');
  const born = await boxes.settled();
  row('the same, until the broker has all that is retained', seconds(begin), 's');
  row('CPU of the broker for it', (processCpu(broker.pid) - brokerBefore) / 1e9, 's');
  row('messages that found no room', born.dropped, '');
  const afterBirth = await observer.fresh();
  row('bytes to the broker for a birth', afterBirth.received / count, 'B each');
  row('memory of the broker (PSS)', ((processTreeMemory(broker.pid)[0]?.pss ?? Number.NaN) * 1024) / 1e6, 'MB');

  const lateBegin = performance.now();
  // QoS 0: of messages that need an acknowledgement Mosquitto queues max_queued_messages for one client, 1,000 by default.
  const late = new Listener(broker.url);
  await late.client.subscribeAsync('vedette/#', { qos: 0 });
  await until(() => late.seen.length >= count * 6, 'all that is retained', TIME_LIMIT);
  row('somebody who subscribes to vedette/#, QoS 0, has all state', seconds(lateBegin), 's');
  await late.stop();

  const fleet = await Fleet.connect({ settings: MQTT_SETTINGS, urls: [broker.url], token: undefined });
  const discoverBegin = performance.now();
  await fleet.discover();
  row('vedette ctl all: finding them', seconds(discoverBegin), 's');
  const ids = [...fleet.available.keys()];
  if (ids.length !== count) throw new Error(`found ${ids.length} gateways`);
  for (const which of ['the first one', 'the next one']) {
    const commandBegin = performance.now();
    const answers = await Promise.all(ids.map((id) => fleet.ask(id, 'gateway/health', {}, TIME_LIMIT)));
    const right = answers.filter((answer) => answer?.status === 'ok').length;
    // For the first each gateway compiles the command's schema, here many of them on one core.
    row(`one command to all, and ${right} answers: ${which}`, seconds(commandBegin), 's');
  }

  const trips: number[] = [];
  for (let i = 0; i < ROUND_TRIPS; i++) {
    const at = performance.now();
    await fleet.ask(ids[(i * 7919) % ids.length] ?? '', 'gateway/health', {}, TIME_LIMIT);
    trips.push(performance.now() - at);
  }
  trips.sort((a, b) => a - b);
  row(`command round trip among ${count} gateways, p50 of ${ROUND_TRIPS}`, percentile(trips, 0.5), 'ms', 5);
  row('p99', percentile(trips, 0.99), 'ms', 30);
  await fleet.close();

  await sleep(5000);
  const before = await observer.fresh();
  const idleBegin = performance.now();
  const cpuBefore = processCpu(broker.pid);
  await sleep(idleSeconds * 1000);
  const after = await observer.fresh();
  const days = (seconds(idleBegin) / DAY) * count;
  const bytes = (after.received - before.received + after.sent - before.sent) / days;
  const messages = (after.messagesReceived - before.messagesReceived + after.messagesSent - before.messagesSent) / days;
  row('a gateway a day, idle, telemetry each 60 s, both ways', bytes / 1e6, 'MB', 2);
  row('messages of it', messages, '');
  row('with TCP and IP headers and acknowledgements (2 x 52 bytes a message)', (bytes + messages * 104) / 1e6, 'MB');
  row(
    'CPU of the broker meanwhile',
    (100 * (processCpu(broker.pid) - cpuBefore)) / 1e9 / seconds(idleBegin),
    '% of a core',
  );
  await observer.stop();

  for (const outage of OUTAGES) {
    await broker.kill();
    await sleep(outage);
    await broker.start(...BROKER);
    const backBegin = performance.now();
    const watcher = await new Observer(broker.url).start();
    await until(() => watcher.births.size === count, 'everybody is back', TIME_LIMIT);
    const name = `broker away for ${outage / 1000} s, without persistence:`;
    row(`${name} the last one back`, seconds(backBegin), 's');
    await boxes.settled();
    row(`${name} all state there again`, seconds(backBegin), 's');
    const { second, tenth } = peaks(watcher.births.values());
    row(`${name} most births in one second`, `${second}`, '');
    row(`${name} most in a tenth of one`, `${tenth}`, '');
    await watcher.stop();
  }
  await boxes.all('stop');
} finally {
  boxes.kill();
  await broker.stop();
}
process.stdout.write(
  `${count} gateways in ${processes} processes, Mosquitto on loopback\n\n${table(['', 'value', 'unit', 'goal', ''], rows)}\n`,
);
