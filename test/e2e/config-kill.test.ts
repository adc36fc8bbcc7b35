import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'tap';
import { Daemon } from '../support/daemon.ts';
import { Mosquitto } from '../support/mosquitto.ts';
import { Requests } from '../support/mqtt-requests.ts';
import { SeededRandom } from '../support/seeded-random.ts';

/** VEDETTE_KILLS=200 for the whole proof, which takes some minutes. */
const KILLS = Number(process.env.VEDETTE_KILLS ?? 8);
/** Milliseconds from the first change to the latest kill. */
const SPAN = 250;

test(`kill -9 while the configuration is written, ${KILLS} times`, async (t) => {
  const random = new SeededRandom();
  t.comment(`SEED=${random.seed}`);
  const broker = new Mosquitto();
  await broker.start();
  const off = '{enabled: false}';
  const yaml = `
gateway: {id: porch}
mqtt: {url: "${broker.url}", willDelay: 0}
rtsp: ${off}
http: ${off}
webrtc: ${off}
streams: {}
`;
  const daemon = new Daemon({}, yaml);
  const requests = await new Requests(broker.url, 'vedette/porch').start();
  t.teardown(async () => {
    await requests.stop();
    await daemon.stop();
    await broker.stop();
  });
  const value = async (): Promise<number> => {
    const { config } = (await requests.ask('config/get')).data as { config: { mqtt: { telemetryInterval: number } } };
    return config.mqtt.telemetryInterval;
  };
  // Values that count up, so that an older one than the last acknowledged is one that was lost.
  let sent = 1000;
  let acknowledged = 0;
  let changes = 0;
  let lost = 0;
  let corrupt = 0;
  for (let round = 0; round < KILLS; round++) {
    await daemon.start();
    await requests.online();
    const found = round === 0 ? sent : await value();
    if (found < acknowledged || found > sent) lost += 1;
    const killAt = performance.now() + random.next() * SPAN;
    const pending = new Map<string, number>();
    while (performance.now() < killAt) {
      sent += 1;
      pending.set(await requests.send('config/patch', { patch: { mqtt: { telemetryInterval: sent } } }), sent);
      await sleep(random.next() * 20);
    }
    await daemon.kill();
    // What the broker has of it is on its way to us.
    await sleep(100);
    for (const [transaction, asked] of pending) {
      if (requests.answer('config/patch', transaction)?.status !== 'ok') continue;
      acknowledged = Math.max(acknowledged, asked);
      changes += 1;
    }
    if (!(await isWhole(join(daemon.folder, 'remote-config.json')))) corrupt += 1;
  }
  await daemon.start();
  await requests.online();
  t.ok((await value()) >= acknowledged);
  t.comment(`${changes} changes acknowledged, ${KILLS} kills`);
  t.ok(changes >= KILLS / 2, 'there was something to lose');
  t.equal(lost, 0, 'no acknowledged change is lost');
  t.equal(corrupt, 0, 'no file is corrupt');
  t.strictSame(
    (await readdir(daemon.folder)).filter((name) => name.includes('remote-config')),
    ['remote-config.json'],
    'nothing lies beside it: none was set aside, no half-written one is left',
  );
  t.strictSame(
    requests.events('config').filter(({ action }) => action !== 'patch'),
    [],
    'nothing was undone',
  );
});

async function isWhole(path: string): Promise<boolean> {
  try {
    return typeof JSON.parse(await readFile(path, 'utf8')).current === 'object';
  } catch (error) {
    // Killed before the first change.
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}
