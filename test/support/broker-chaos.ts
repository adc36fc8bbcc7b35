import { setTimeout as sleep } from 'node:timers/promises';
import type { Test } from 'tap';
import { Controller } from '../../daemon/control/controller.ts';
import { MqttControl } from '../../daemon/control/mqtt/control.ts';
import { systemClock } from '../../daemon/lib/clock.ts';
import { silentLog } from '../../daemon/lib/log.ts';
import type { BrokerWay } from './broker-ways.ts';
import { FakeGateway } from './fake-gateway.ts';
import { Listener, until } from './mosquitto.ts';
import { MQTT_SETTINGS, TRUSTING } from './mqtt-settings.ts';
import { SeededRandom } from './seeded-random.ts';

const B = 'vedette/porch';
const COMMANDS_PER_CYCLE = 3;

/**
 * Breaks the broker and the way to it again and again while an operator, who repeats each request until he has its answer,
 * gives commands. Every command must be carried out exactly once, and the state on the broker be right afterwards.
 */
export async function brokerChaos(t: Test, way: BrokerWay, cycles: number): Promise<void> {
  const generator = new SeededRandom();
  const random = (): number => generator.next();
  const { broker } = way;
  await way.start();
  const gateway = new FakeGateway('camera');
  const control = new MqttControl({
    settings: { ...MQTT_SETTINGS, url: way.url, keepalive: 1 },
    gatewayId: 'porch',
    controller: new Controller({ gateway, rights: TRUSTING, clock: systemClock, log: silentLog }),
    gateway,
    directory: '',
    retry: { minimum: 50, maximum: 500 },
    log: silentLog,
  });
  const operator = new Listener(broker.url, { keepalive: 1 });
  t.teardown(async () => {
    await operator.stop();
    await control.stop();
    await way.stop();
  });
  operator.client.on('connect', () => operator.client.subscribe(`${B}/#`, { qos: 1 }));
  await control.start();

  const faults = {
    freeze: async () => {
      broker.signal('SIGSTOP');
      await sleep(random() * 2500);
      broker.signal('SIGCONT');
    },
    kill: async () => {
      await broker.kill();
      await sleep(random() * 500);
      await broker.start();
    },
    cut: async () => {
      way.cut();
      await sleep(random() * 4000);
      way.mend();
    },
  };
  const asked: number[] = [];
  const ask = async (bitrate: number): Promise<void> => {
    asked.push(bitrate);
    const request = JSON.stringify({ name: 'camera', maxBitrate: bitrate, transaction: `t${bitrate}` });
    const answered = () =>
      operator.on(`${B}/response/stream/encoding`).some(({ text }) => JSON.parse(text).transaction === `t${bitrate}`);
    const end = performance.now() + 60_000;
    while (!answered()) {
      if (performance.now() > end) throw new Error(`no answer to t${bitrate}`);
      operator.client.publish(`${B}/request/stream/encoding`, request, { qos: 1 });
      await Promise.race([sleep(300), until(answered, 'an answer', 300).catch(() => undefined)]);
    }
  };
  const kinds = Object.keys(faults) as (keyof typeof faults)[];
  const done: Record<string, number> = {};
  for (let cycle = 0; cycle < cycles; cycle++) {
    // Each once, then as it comes.
    const kind = kinds[cycle] ?? (kinds[Math.floor(random() * kinds.length)] as keyof typeof faults);
    done[kind] = (done[kind] ?? 0) + 1;
    const commands = Array.from({ length: COMMANDS_PER_CYCLE }, async (_, place) => {
      await sleep(random() * 800);
      await ask(100_000 + cycle * COMMANDS_PER_CYCLE + place);
    });
    await sleep(random() * 800);
    await faults[kind]();
    await Promise.all(commands);
  }
  const carriedOut = gateway.calls.map((call) => Number(/"maxBitrate":(\d+)/.exec(call)?.[1]));
  t.same(
    carriedOut.sort((a, b) => a - b),
    asked.sort((a, b) => a - b),
    `${asked.length} commands in ${cycles} cycles (${JSON.stringify(done)}), each exactly once (SEED=${generator.seed})`,
  );
  gateway.set('camera', 'muted');
  const late = await new Listener(broker.url).subscribe(`${B}/#`);
  t.teardown(() => late.stop());
  await until(
    () => late.on(`${B}/streams/camera/state`).some(({ text }) => JSON.parse(text || '{}').state === 'muted'),
    'the state is right',
  );
  t.equal(late.on(`${B}/availability`).at(-1)?.text, 'online');
  t.ok(control.status().reconnects > 0, `${control.status().reconnects} reconnections`);
}
