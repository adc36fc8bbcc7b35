import { execFileSync, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { SignJWT } from 'jose';
import { type Test, test } from 'tap';
import type { MqttSettings } from '../../config/settings.ts';
import { requestMembers } from '../../daemon/cli/ctl/request-members.ts';
import { runCommandLine } from '../../daemon/cli/run-command.ts';
import type { Command } from '../../daemon/control/command.ts';
import { COMMANDS } from '../../daemon/control/commands.ts';
import { Controller } from '../../daemon/control/controller.ts';
import { MqttControl } from '../../daemon/control/mqtt/control.ts';
import { RequestValidator } from '../../daemon/control/request.ts';
import { RequestRights } from '../../daemon/control/request-rights.ts';
import { systemClock } from '../../daemon/lib/clock.ts';
import { silentLog } from '../../daemon/lib/log.ts';
import { Daemon } from '../support/daemon.ts';
import { FakeGateway } from '../support/fake-gateway.ts';
import { freePort, Listener, Mosquitto, until } from '../support/mosquitto.ts';
import { MQTT_SETTINGS, TRUSTING } from '../support/mqtt-settings.ts';
import { projectRoot } from '../support/project-root.ts';

const MAIN = fileURLToPath(new URL('../../daemon/main.js', import.meta.url));

async function brokerFor(t: Test, ...lines: string[]): Promise<Mosquitto> {
  const broker = new Mosquitto();
  t.teardown(() => broker.stop());
  await broker.start(...lines);
  return broker;
}

/** A gateway on the broker, with the real control room; ended before the broker is. */
async function gateway(
  t: Test,
  url: string,
  id: string,
  { rights = TRUSTING, ...login }: Partial<MqttSettings> & { rights?: RequestRights } = {},
) {
  const port = new FakeGateway('camera');
  const control = new MqttControl({
    settings: { ...MQTT_SETTINGS, url, ...login },
    gatewayId: id,
    controller: new Controller({ gateway: port, rights, clock: systemClock, log: silentLog }),
    gateway: port,
    directory: tmpdir(),
    log: silentLog,
  });
  await control.start();
  t.teardown(() => control.stop());
  await until(() => control.status().connected, `${id} is connected`);
  return port;
}

/** `vedette` in an empty folder. */
async function commandLine(t: Test) {
  const cwd = await mkdtemp(join(tmpdir(), 'vedette-ctl-'));
  t.teardown(() => rm(cwd, { recursive: true }));
  const run = async (argv: string[], env: NodeJS.ProcessEnv = {}) => {
    const stdout = new PassThrough();
    const stderr = new PassThrough();
    const out: Buffer[] = [];
    let err = '';
    stdout.on('data', (chunk: Buffer) => out.push(chunk));
    stderr.on('data', (chunk) => (err += chunk));
    const outcome = await runCommandLine({
      argv,
      version: '1.2.3',
      env: { STATE_DIRECTORY: cwd, ...env },
      cwd,
      stdin: new PassThrough() as unknown as NodeJS.ReadStream,
      stdout,
      stderr,
    });
    const exitCode = 'exitCode' in outcome ? outcome.exitCode : undefined;
    return { exitCode, out: Buffer.concat(out).toString(), bytes: Buffer.concat(out), err };
  };
  return { cwd, run };
}

for (const version of ['5', '3.1.1']) {
  test(`one gateway, MQTT ${version}`, async (t) => {
    const { url } = await brokerFor(t);
    const porch = await gateway(t, url, 'porch');
    const { run } = await commandLine(t);
    const ctl = (...words: string[]) => run(['ctl', '--broker', url, '--mqtt-protocol-version', version, ...words]);

    const list = await ctl('porch', 'stream/list');
    t.match(list, { exitCode: 0, err: '' });
    t.match(list.out, /^name +enabled +state +reason +since +viewers +bitrate +frameRate/);
    t.match(list.out, /^camera +true +live +started +2026-01-01T00:00:00\.000Z +rtsp=1 +1900000 +30/m);
    t.match(await ctl('porch', 'gateway/info'), { exitCode: 0, out: /^versions\.node +20\.20\.2$/m });
    t.match(await ctl('porch', 'stream/keyframe', 'name=camera'), { exitCode: 0, out: 'done\n' });

    const json = await ctl('porch', 'stream/get', 'name=camera', '--json');
    t.equal(json.exitCode, 0);
    t.match(JSON.parse(json.out), { gateway: 'porch', status: 'ok', data: { name: 'camera', state: 'live' } });
    t.equal(json.out.split('\n').length, 2, 'one line');
    t.notMatch(json.out, 'transaction', 'how it was asked is nobody’s business');

    t.equal((await ctl('porch', 'stream/encoding', '{"name":"camera"}', 'maxBitrate=500000')).exitCode, 0);
    t.ok(porch.calls.includes('encoding camera {"maxBitrate":500000}'), 'JSON and members together');
    await ctl('porch', 'config/patch', 'patch.rtsp.port=8555', 'patch.gateway.id="7"', 'dryRun=on');
    t.ok(
      porch.calls.some((call) =>
        call.includes('["patch",{"rtsp":{"port":8555},"gateway":{"id":"7"}},{"by":"mqtt","dryRun":true}]'),
      ),
    );

    const error = await ctl('porch', 'stream/get', 'name=attic');
    t.match(error, { exitCode: 1, out: '', err: /^porch: not_found: .*attic/ });
    const errorJson = await ctl('porch', 'stream/get', 'name=attic', '--json');
    t.match(JSON.parse(errorJson.out), { gateway: 'porch', status: 'error', error: { code: 'not_found' } });
    t.equal(errorJson.exitCode, 1);
  });
}

test('what is wrong with the command line is said before anything is sent', async (t) => {
  const { url } = await brokerFor(t);
  const porch = await gateway(t, url, 'porch');
  const { run } = await commandLine(t);
  const wrong: [words: string[], err: RegExp][] = [
    [[], /which gateway/],
    [['porch'], /what porch is to do/],
    [['porch', 'stream/lits'], /did you mean stream\/list/],
    [['porch', 'stream/get'], /\/name is missing/],
    [['porch', 'stream/get', 'camera'], /neither member=value nor/],
    [['porch', 'stream/get', 'name=camera', 'colour=red'], /\/colour is not known here; name is allowed/],
    [['porch', 'stream/encoding', 'name=camera', 'maxBitrate=many'], /\/maxBitrate is "many"; must be of type integer/],
    [['porch', 'stream/get', '{"name":'], /not JSON/],
    [['porch', 'stream/get', '{"__proto__":{"name":"camera"}}'], /missing|not known/],
    [['po rch', 'stream/list'], /is not a gateway/],
    [['+', 'stream/list'], /is not a gateway/],
    [['porch', 'stream/list', '--timeout', '0'], /--timeout 0/],
    [['porch', 'stream/list', '-o', 'x.jpg'], /--output is for snapshot/],
    [['all', 'snapshot'], /one gateway/],
  ];
  for (const [words, err] of wrong) {
    t.match(await run(['ctl', '--broker', url, ...words]), { exitCode: 64, err, out: '' }, words.join(' '));
  }
  t.match(await run(['ctl', '--broker', 'mqtt://me:secret@127.0.0.1', 'all', 'stream/list']), {
    exitCode: 64,
    err: /VEDETTE_MQTT_PASSWORD/,
  });
  t.match(await run(['ctl', '--broker', 'http://127.0.0.1', 'all', 'stream/list']), { exitCode: 78, err: /mqtt:\/\// });
  t.same(porch.calls, []);
});

test('many gateways', async (t) => {
  const { url } = await brokerFor(t);
  for (const id of ['porch-1', 'porch-2', 'attic']) await gateway(t, url, id);
  const other = new Listener(url);
  t.teardown(() => other.stop());
  // One that went without a word, and one that said so.
  await other.client.publishAsync('vedette/porch-3/availability', 'online', { qos: 1, retain: true });
  await other.client.publishAsync('vedette/porch-4/availability', 'offline', { qos: 1, retain: true });
  const { run } = await commandLine(t);
  const ctl = (...words: string[]) => run(['ctl', '--broker', url, '--timeout', '1', ...words]);

  const health = await ctl('porch-?', 'gateway/health');
  t.equal(health.exitCode, 3, 'some answered');
  t.match(health.out, /^porch-1:\n {2}status +degraded\n {2}components:\n {4}component +ok +reason\n/m);
  t.notMatch(health.out, 'attic');
  t.match(health.err, 'offline, not asked: porch-4\n');
  t.match(health.err, 'no answer in time from porch-3\n2 of 3 answered\n');

  const json = await ctl('all', 'stream/get', 'name=camera', '--json');
  const lines = json.out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { gateway: string; status: string });
  const statuses = Object.fromEntries(lines.map(({ gateway: id, status }) => [id, status]));
  t.strictSame(statuses, { 'porch-1': 'ok', 'porch-2': 'ok', attic: 'ok', 'porch-3': 'no-answer' });
  t.equal(lines.at(-1)?.gateway, 'porch-3', 'answers are shown as they come');

  t.match(await ctl('*-1', 'stream/get', 'name=cellar'), { exitCode: 1, err: /1 of 1 answered, 1 with an error/ });
  t.match(await ctl('porch-3', 'stream/list'), { exitCode: 2, err: /no answer in time from porch-3\n$/ });
  t.match(await ctl('porch-4', 'stream/list'), { exitCode: 2, err: /porch-4 is offline/ });
  t.match(await ctl('nobody', 'stream/list'), { exitCode: 2, err: /never heard of it, there are attic, porch-1/ });
  t.match(await ctl('cellar-*', 'stream/list'), {
    exitCode: 2,
    err: /no such gateway on this broker; there are attic/,
  });
});

test('brokers that are not there or do not let us in', async (t) => {
  const { run, cwd } = await commandLine(t);
  const silent = await freePort();
  const nobody = await run(['ctl', '--broker', `mqtt://127.0.0.1:${silent}`, 'all', 'stream/list']);
  t.match(nobody, { exitCode: 69, err: /ECONNREFUSED[\s\S]*--broker URL/ });

  const broker = new Mosquitto();
  t.teardown(() => broker.stop());
  await broker.startWithUsers(
    ['operator', 'porch'],
    'pass word',
    `acl_file ${join(projectRoot(), 'systemd/mosquitto.acl.example')}`,
  );
  await gateway(t, broker.url, 'porch', { username: 'porch', password: 'pass word' });
  const all = ['ctl', '--broker', broker.url, 'all', 'stream/list'];
  t.match(await run(all), { exitCode: 77, err: /mqtt\.username/ });
  await writeFile(join(cwd, 'pw'), 'pass word\n');
  await writeFile(join(cwd, 'vedette.yaml'), 'mqtt: {username: operator, passwordFile: pw}');
  const allowed = { exitCode: 0, out: /camera/ };
  t.match(await run([...all, '--mqtt-username', 'operator', '--mqtt-password-file', 'pw']), allowed, 'by a file');
  t.match(
    await run([...all, '--mqtt-username', 'operator'], { VEDETTE_MQTT_PASSWORD: 'pass word' }),
    allowed,
    'by the environment',
  );
  t.match(await run([...all, '-c', 'vedette.yaml']), allowed, 'by a configuration that is named');
  t.match(await run(all), { exitCode: 77 }, 'but another broker does not get what stands in the file of this machine');
  t.match(
    await run(['ctl', '--mqtt-url', broker.url, 'all', 'stream/list']),
    allowed,
    'the broker of this machine does',
  );
});

test('the broker of the gateway that runs here', async (t) => {
  const broker = await brokerFor(t);
  await gateway(t, broker.url, 'porch');
  const { run, cwd } = await commandLine(t);
  await mkdir(join(cwd, 'mqtt'));
  await writeFile(join(cwd, 'mqtt/mosquitto.conf'), `listener ${broker.port} 127.0.0.1\n`);
  t.match(await run(['--set', 'gateway.id=porch', 'ctl', '.', 'stream/list']), { exitCode: 0, out: /camera/ });
  await rm(join(cwd, 'mqtt'), { recursive: true });
  const byPort = await run(['ctl', '--mqtt-embedded-port', String(broker.port), 'porch', 'stream/list']);
  t.match(byPort, { exitCode: 0, out: /camera/ });
});

test('gateways behind the bridge that docs/fleet.md shows', async (t) => {
  const page = await readFile(join(projectRoot(), 'docs/fleet.md'), 'utf8');
  const block = /```\n(connection headquarters\n[\s\S]*?)```/.exec(page)?.[1] ?? '';
  const above = await brokerFor(t);
  const lines = block
    .replace('broker.example.org:8883', `127.0.0.1:${above.port}`)
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('bridge_cafile'));
  const site = await brokerFor(t, ...lines);
  const porch = await gateway(t, site.url, 'porch');
  porch.jpeg = Buffer.alloc(300_000, 7);
  const { run, cwd } = await commandLine(t);
  const seen = await new Listener(above.url).subscribe('vedette/porch/availability');
  t.teardown(() => seen.stop());
  await seen.message('vedette/porch/availability');
  for (const version of ['5', '3.1.1']) {
    const ctl = (...words: string[]) =>
      run(['ctl', '--broker', above.url, '--mqtt-protocol-version', version, ...words]);
    t.match(await ctl('all', 'stream/list'), { exitCode: 0, out: /camera +true +live/ }, version);
    t.match(await ctl('porch', 'snapshot', '-o', join(cwd, `${version}.jpg`)), { exitCode: 0 }, version);
  }
});

test('signed tokens', async (t) => {
  const { url } = await brokerFor(t);
  const { run, cwd } = await commandLine(t);
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const publicKeyFile = join(cwd, 'key.pem');
  await writeFile(publicKeyFile, publicKey.export({ type: 'spki', format: 'pem' }));
  const acl = () => ({ rights: ['view' as const], commands: [], publicKeyFile });
  const rights = new RequestRights({ acl, audience: () => ['vedette'], clock: systemClock });
  await gateway(t, url, 'porch', { rights });
  const token = await new SignJWT({ sub: 'anna', aud: 'vedette', rights: ['control'] })
    .setProtectedHeader({ alg: 'EdDSA' })
    .setExpirationTime('1h')
    .sign(privateKey);
  await writeFile(join(cwd, 'token'), `${token}\n`);
  const stop = ['ctl', '--broker', url, 'porch', 'stream/keyframe', 'name=camera'];
  t.match(await run(stop), { exitCode: 1, err: /forbidden: .*'control'/ });
  t.match(await run([...stop, '--token-file', join(cwd, 'token')]), { exitCode: 0 });
  t.match(await run(stop, { VEDETTE_CTL_TOKEN: token }), { exitCode: 0 });
  t.match(await run([...stop, '--token-file', join(cwd, 'none')]), { exitCode: 78, err: /cannot read/ });
});

test('the example in the help of each command is the request of the table', async (t) => {
  const { run } = await commandLine(t);
  for (const [name, { example = {} }] of Object.entries(COMMANDS)) {
    const { out, exitCode } = await run(['ctl', name, '--help']);
    t.equal(exitCode, 0);
    const line = /^Example:\n {2}(.*)$/m.exec(out)?.[1] ?? '';
    const printed = execFileSync('bash', ['-c', `printf '%s\\0' ${line}`], { encoding: 'utf8' })
      .split('\0')
      .slice(0, -1);
    t.same(printed.slice(0, 4), ['vedette', 'ctl', 'porch', name]);
    t.same(requestMembers(name, printed.slice(4)), example, name);
  }
});

test('docs/remote-work.md has every command, and none that there is not', async (t) => {
  const text = await readFile(join(projectRoot(), 'docs/remote-work.md'), 'utf8');
  const named = new Set([...text.matchAll(/`[^`]*?\b([a-z]+\/[a-z-]+)[^`]*`/g)].map(([, name]) => name));
  for (const name of Object.keys(COMMANDS)) t.ok(named.has(name), name);
  const validator = new RequestValidator();
  for (const [line, name = '', rest = ''] of text.matchAll(/`vedette ctl porch ([a-z]+\/[a-z-]+) ([^`]+)`/g)) {
    const command = COMMANDS[name] as Command;
    t.ok(command, line);
    validator.check(command, requestMembers(name, rest.split(' ')));
  }
});

test('snapshot', async (t) => {
  const { url } = await brokerFor(t);
  const porch = await gateway(t, url, 'porch');
  // More than requests may have.
  porch.jpeg = Buffer.alloc(1_500_000, 7);
  const { run, cwd } = await commandLine(t);
  const ctl = (...words: string[]) => run(['ctl', '--broker', url, ...words]);
  const file = join(cwd, 'a.jpg');
  t.match(await ctl('porch', 'snapshot', '-o', file), {
    exitCode: 0,
    out: '',
    err: `${file}: 640x480, 1500000 bytes\n`,
  });
  t.same(await readFile(file), porch.jpeg);
  t.same((await ctl('porch', 'snapshot', '-o', '-')).bytes, porch.jpeg);
  const nowhere = await ctl('porch', 'snapshot', '-o', join(cwd, 'no/such/folder.jpg'));
  t.match(nowhere, { exitCode: 73, err: /ENOENT/ });
  porch.set('back', 'live');
  t.match(await ctl('porch', 'snapshot', '-o', file), { exitCode: 64, err: /name=camera, name=back/ });
  t.match(await ctl('porch', 'snapshot', 'name=back', '-o', file), { exitCode: 0 });
  t.match(await ctl('porch', 'snapshot', 'name=attic', '-o', file), { exitCode: 1, err: /not_found/ });
});

test('log/tail shows the lines, without what a terminal would act on', async (t) => {
  const { url } = await brokerFor(t);
  const porch = await gateway(t, url, 'porch');
  const { run } = await commandLine(t);
  const done = run(['ctl', '--broker', url, 'porch', 'log/tail', 'seconds=2', 'level=info']);
  await until(() => porch.logListeners.size > 0, 'somebody listens');
  for (const send of porch.logListeners.keys()) {
    send('{"level":"warn","time":"2026-01-01T00:00:00Z","room":"capture","msg":"\\u001b[2J away","device":"a1"}');
  }
  t.match(await done, { exitCode: 0, out: /^2026-01-01T00:00:00Z warn capture {2}\[2J away device=a1$/m });
});

test('watch without a terminal: a line for each change, over a broker that comes back', async (t) => {
  const broker = await brokerFor(t);
  const porch = await gateway(t, broker.url, 'porch');
  const child = spawn(process.execPath, [MAIN, 'ctl', '--broker', broker.url, 'all', 'watch'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  let out = '';
  child.stdout.on('data', (text) => (out += text));
  await until(() => out.includes('porch camera: live, 1 viewer (started)'), 'the state');
  t.match(out, /^\d{4}-\d\d-\d\dT[\d:.]+Z porch: online$/m);
  porch.set('camera', 'muted');
  await until(() => out.includes('porch camera: muted'), 'a change');
  await broker.kill();
  await until(() => out.includes('no broker: '), 'the broker is gone');
  await broker.start();
  porch.set('camera', 'live');
  await until(() => /muted[\s\S]*no broker[\s\S]*porch camera: live/.test(out), 'the broker is back', 60_000);
  child.kill('SIGINT');
  t.same(await once(child, 'exit'), [0, null]);
});

test('watch on a terminal: a picture, painted where it changes, and the terminal as it was', async (t) => {
  const { url } = await brokerFor(t);
  const porch = await gateway(t, url, 'porch');
  await gateway(t, url, 'attic');
  const command = `stty cols 100 rows 20; '${process.execPath}' '${MAIN}' ctl --broker ${url} all watch`;
  const child = spawn('script', ['-qec', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.teardown(() => child.kill('SIGKILL'));
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (out += text));
  await until(() => /attic +online/.test(out) && /porch +online/.test(out), 'both gateways');
  t.ok(out.startsWith('\x1b[?1049h\x1b[?25l'), 'on a screen of its own');
  t.match(out, /GATEWAY +STATE +HEALTH +STREAMS +VIEWERS +BITRATE +FPS/);
  const before = out.length;
  porch.set('camera', 'error');
  await until(() => out.slice(before).includes('camera error'), 'the change');
  t.notMatch(out.slice(before), '\x1b[20;1H', 'the last line, which is the same, is not written again');
  t.ok(out.slice(before).includes('\x1b[31mporch    online '), 'trouble is red');
  child.stdin.write('q');
  t.same(await once(child, 'exit'), [0, null]);
  t.ok(out.trimEnd().endsWith('\x1b[?25h\x1b[?1049l'), 'what was there before is there again');
});

test('the real gateway', async (t) => {
  const daemon = new Daemon({ 'streams.camera.video.device': 'test', 'streams.camera.audio': 'false' });
  t.teardown(() => daemon.stop());
  await daemon.start();
  const { run, cwd } = await commandLine(t);
  const ctl = (...words: string[]) =>
    run(['--set', 'gateway.id=porch', 'ctl', '.', ...words], { STATE_DIRECTORY: daemon.folder });
  t.match(await ctl('stream/start', 'name=camera'), { exitCode: 0, out: /^state +live$/m });
  const file = join(cwd, 'porch.jpg');
  t.match(await ctl('snapshot', '-o', file), { exitCode: 0, err: /1280x720|640x480/ });
  t.same([...(await readFile(file)).subarray(0, 3)], [0xff, 0xd8, 0xff], 'a JPEG picture');
  t.match(await ctl('metrics/get'), { exitCode: 0, out: /vedette_/ });
  t.match(await ctl('config/get'), { exitCode: 0, out: /config\.rtsp\.port/ });
});
