import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Test, test } from 'tap';
import { projectRoot } from '../support/project-root.ts';

const PASSWORD = 'for this test only';

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Mosquitto with the shipped rights, one password for everybody. */
async function broker(t: Test): Promise<{ port: number; process: ChildProcess }> {
  const folder = t.testdir();
  chmodSync(folder, 0o755);
  const passwords = join(folder, 'passwd');
  writeFileSync(passwords, '', { mode: 0o644 });
  for (const user of ['front', 'back', 'operator', 'dashboard', 'homeassistant']) {
    execFileSync('mosquitto_passwd', ['-b', passwords, user, PASSWORD], { stdio: 'ignore' });
  }
  chmodSync(passwords, 0o644);
  const port = await freePort();
  const config = join(folder, 'mosquitto.conf');
  const acl = join(projectRoot(), 'systemd/mosquitto.acl.example');
  const user = process.getuid?.() === 0 ? 'user root\n' : '';
  writeFileSync(
    config,
    `listener ${port} 127.0.0.1\nallow_anonymous false\npassword_file ${passwords}\nacl_file ${acl}\n${user}`,
  );
  const child = spawn('mosquitto', ['-c', config], { stdio: 'ignore' });
  t.teardown(() => child.kill());
  for (let tries = 0; tries < 100; tries++) {
    const answers = await new Promise<boolean>((resolve) => {
      const socket = createConnection(port, '127.0.0.1', () => resolve(true));
      socket.once('error', () => resolve(false)).once('connect', () => socket.end());
    });
    if (answers) return { port, process: child };
    await sleep(50);
  }
  throw new Error('mosquitto does not answer');
}

test('the broker rights keep gateways apart', async (t) => {
  const { port } = await broker(t);
  const as = (user: string): string[] => ['-p', String(port), '-u', user, '-P', PASSWORD, '-V', '5', '-q', '1'];
  /** Whether a retained message on `topic` that `writer` publishes reaches `reader`. */
  const passes = (writer: string, topic: string, reader: string): boolean => {
    const text = `${writer} on ${topic}`;
    spawnSync('mosquitto_pub', [...as(writer), '-t', topic, '-m', text, '-r']);
    const got = spawnSync('mosquitto_sub', [...as(reader), '-t', topic, '-C', '1', '-W', '2'], { encoding: 'utf8' });
    return got.stdout.includes(text);
  };
  t.ok(passes('front', 'vedette/front/availability', 'front'), 'a gateway has its own topics');
  t.ok(passes('front', 'vedette/front/info', 'operator'), 'an operator reads them');
  t.ok(passes('front', 'vedette/front/info', 'dashboard'), 'a dashboard reads state');
  t.notOk(passes('front', 'vedette/front/streams/camera/snapshot', 'dashboard'), 'but no pictures');
  t.notOk(passes('back', 'vedette/front/availability', 'operator'), 'a gateway does not write as another');
  t.notOk(passes('front', 'vedette/front/config', 'back'), 'and does not read another');
  t.ok(passes('front', 'homeassistant/device/front/stream-camera/config', 'homeassistant'), 'devices are discovered');
  t.notOk(passes('back', 'homeassistant/device/front/stream-camera/config', 'homeassistant'), 'its own only');
  t.notOk(passes('front', 'homeassistant/status', 'back'), 'a gateway does not pose as Home Assistant');
  t.notOk(passes('front', 'vedette/back/request/gateway/restart', 'back'), 'a gateway does not command another');
  t.notOk(passes('front', 'vedette/back/streams/camera/set/enabled', 'back'), 'in no way');
  t.ok(passes('homeassistant', 'vedette/front/streams/camera/set/enabled', 'front'), 'Home Assistant commands');
  t.ok(passes('operator', 'vedette/front/request/gateway/info', 'front'), 'an operator commands');
  t.notOk(passes('dashboard', 'vedette/front/request/gateway/restart', 'front'), 'a dashboard does not');
});
