/** A machine that gets hot encodes less; viewers stay, and get everything again when it has cooled down. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Test, test } from 'tap';
import { openConfig, recoverConfig } from '../../config/open-config.ts';
import { Gateway } from '../../daemon/gateway.ts';
import { silentLog } from '../../daemon/lib/log.ts';
import { until } from '../support/mosquitto.ts';
import { Requests } from '../support/mqtt-requests.ts';

const CONFIG = `
gateway: { id: porch }
rtsp: { host: 127.0.0.1, port: 0 }
http: { host: 127.0.0.1, port: 0 }
webrtc: { enabled: false }
mqtt: { embeddedPort: 0 }
thermal: { reduce: true, temperature: 60, recovery: 5 }
streams:
  camera:
    video: { device: test, width: 320, height: 240, frameRate: 24 }
    audio: false
    encodings: [{ rid: main, maxBitrate: 400000 }]
`;

/** A gateway on a machine whose temperature the test sets. */
async function world(t: Test) {
  const folder = mkdtempSync(join(tmpdir(), 'vedette-thermal-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const zone = join(folder, 'sys/class/thermal/thermal_zone0');
  mkdirSync(zone, { recursive: true });
  writeFileSync(join(zone, 'type'), 'cpu-thermal\n');
  const heat = (degrees: number): void => writeFileSync(join(zone, 'temp'), `${degrees * 1000}\n`);
  heat(45);
  writeFileSync(join(folder, 'vedette.yaml'), CONFIG);
  const env = { PATH: process.env.PATH, HOME: folder, STATE_DIRECTORY: folder };
  const config = await recoverConfig(await openConfig({ cwd: folder, env, hostname: 'porch' }));
  const logPort = { level: 'info' as const, tail: () => () => undefined };
  const restart = (): void => undefined;
  const gateway = new Gateway({ config, log: silentLog, logPort, version: '0.0.0', restart, root: folder });
  await gateway.start();
  t.teardown(() => gateway.stop());
  const { url = '', base = '' } = gateway.reports.banner('').mqtt ?? {};
  const requests = await new Requests(url, base).start();
  t.teardown(() => requests.stop());
  return { heat, gateway, requests };
}

/** A viewer that decodes: the times at which it had its frames, in milliseconds. */
function watch(t: Test, url: string): number[] {
  const player = spawn('ffmpeg', [
    ...'-v error -rtsp_transport tcp -i'.split(' '),
    url,
    ...'-fps_mode passthrough -f framecrc -flush_packets 1 -'.split(' '),
  ]);
  t.teardown(() => player.kill('SIGKILL'));
  const times: number[] = [];
  createInterface({ input: player.stdout }).on('line', (line) => {
    if (!line.startsWith('#')) times.push(performance.now());
  });
  return times;
}

test('frames and bits fall while it is hot, and come back', { timeout: 58_000 }, async (t) => {
  const { heat, gateway, requests } = await world(t);
  const times = watch(t, gateway.reports.urls('camera').rtsp as string);
  /** Frames a second that the viewer gets, measured for some seconds. */
  const rate = async (): Promise<number> => {
    const before = times.length;
    await sleep(4000);
    return (times.length - before) / 4;
  };
  const reached = (encoding: string): Promise<unknown> =>
    until(() => requests.events('thermal').at(-1)?.encoding === encoding, `it encodes ${encoding}`, 30_000);
  const state = async () => {
    const { data } = await requests.ask('stream/get', { name: 'camera' });
    const health = (await requests.ask('gateway/health')).data;
    const heatOf = (health.components as { component: string }[]).find(({ component }) => component === 'heat');
    return { reduction: data.reduction, encodings: data.encodings, heat: heatOf };
  };
  await until(() => times.length > 24, 'the picture', 30_000);
  const full = await rate();
  t.ok(full > 18, `${full} frames a second`);
  const before = await state();
  t.match([before.reduction, before.heat], [undefined, { ok: true }]);

  heat(61);
  await reached('reduced');
  t.match(requests.events('thermal').at(-1), { to: 'normal', temperature: 61, throttled: false });
  const reduced = await state();
  t.same(reduced.reduction, { frameRate: 0.5, bitrate: 0.6 });
  t.same(reduced.encodings, before.encodings, 'the configuration is what it was');
  t.match(reduced.heat, { ok: false, reason: /half of the frames/ });
  await sleep(1000);
  const half = await rate();
  t.ok(half > 8 && half < 14, `${half} frames a second`);

  heat(50);
  await reached('full');
  await sleep(1000);
  const again = await rate();
  t.ok(again > 18, `${again} frames a second`);
  const after = await state();
  t.match([after.reduction, after.heat], [undefined, { ok: true }]);
  t.equal(requests.events('viewer_joined').length, 1);
  t.equal(requests.events('viewer_left').length, 0, 'the viewer stayed');
  t.comment(`frames a second: ${full}, ${half}, ${again}`);
});
