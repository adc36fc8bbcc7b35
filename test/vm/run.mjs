#!/usr/bin/env node
// The gateway as an owner has it: installed by install.sh and run by systemd, on a Debian with a real V4L2 camera
// (vivid) and a real ALSA card (snd-aloop), watched from another machine. Prints `N passed, N failed`.
//
//   npm run test:vm                    builds the image (once) and the project, boots, tests, powers off
//   VMLAB_KEEP_UP=1 npm run test:vm    leaves the machine running to look around: test/vm/vm-exec.mjs gateway -- COMMAND
import { spawn, spawnSync } from 'node:child_process';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { vmExec } from './vm-exec.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = join(HERE, '../..');
const NAME = process.env.VMLAB_NAME ?? 'gateway';
const USER = 'ann';
const PASSWORD = 'correct horse battery staple';
const SIZE = { width: 320, height: 180, frameRate: 10 };
/** An emulated processor is an order of magnitude slower than a board. */
const PATIENCE_MS = 120_000;
const TONE = 880;

const CONFIG = `rtsp: { host: 0.0.0.0 }
http: { host: 0.0.0.0 }
streams:
  camera:
    video: { device: /dev/video0, width: ${SIZE.width}, height: ${SIZE.height}, frameRate: ${SIZE.frameRate} }
    audio: { device: "plughw:CARD=Loopback,DEV=1", channelCount: 1 }
    idleTimeout: 5
`;

let passed = 0;
let failed = 0;

async function check(name, action) {
  const start = Date.now();
  try {
    const note = await action();
    passed += 1;
    console.log(`ok   ${seconds(start)}  ${name}${note === undefined ? '' : `: ${note}`}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL ${seconds(start)}  ${name}\n${String(error.message ?? error).replace(/^/gm, '       ')}`);
  }
}

const seconds = (start) => `${((Date.now() - start) / 1000).toFixed(1).padStart(6)} s`;

/** Runs a command in the machine; its output. @throws Error with all it said when it fails. */
async function guest(command, { timeout = 300, input } = {}) {
  const { code, stdout, stderr } = await vmExec(NAME, command, { timeout, input });
  if (code !== 0) throw new Error(`${command}\n(exit ${code})\n${stdout}${stderr}`.trim());
  return stdout.toString().trim();
}

/** Runs a program on this side; what it said and how it ended. */
function host(program, args, timeout = PATIENCE_MS) {
  const { status, stdout, stderr, error } = spawnSync(program, args, { timeout, maxBuffer: 64 * 1024 * 1024 });
  if (error !== undefined) throw new Error(`${program}: ${error.message}\n${stderr}`);
  return { status, stdout, stderr: stderr.toString() };
}

/** What no waiting mends. */
class Final extends Error {}

/** Repeats until it does not throw. */
async function eventually(action, timeout = PATIENCE_MS) {
  const end = Date.now() + timeout;
  for (;;) {
    try {
      return await action();
    } catch (error) {
      if (error instanceof Final || Date.now() > end) throw error;
      await sleep(1000);
    }
  }
}

function expect(condition, complaint) {
  if (!condition) throw new Error(complaint);
}

async function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(
      (server) => new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port))),
    ),
  );
  for (const server of servers) server.close();
  return ports;
}

function shell(script, args, env = {}) {
  const { status } = spawnSync('bash', [join(HERE, script), ...args], {
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  if (status !== 0) throw new Error(`${script} failed`);
}

const [rtspPort, httpPort] = await freePorts(2);
const rtspUrl = (credentials) => `rtsp://${credentials}127.0.0.1:${rtspPort}/camera`;
const signedIn = rtspUrl(`${USER}:${encodeURIComponent(PASSWORD)}@`);
const overTcp = ['-rtsp_transport', 'tcp', '-timeout', '60000000'];
const basic = `Basic ${Buffer.from(`${USER}:${PASSWORD}`).toString('base64')}`;

function decode(args) {
  const { status, stderr } = host('ffmpeg', ['-v', 'info', ...overTcp, '-i', signedIn, ...args, '-f', 'null', '-']);
  expect(status === 0, stderr.slice(-2000));
  return stderr;
}

/** One second of the tone, which joins itself without a step: S16LE, 48 kHz, stereo. */
function tone() {
  const samples = Buffer.alloc(48_000 * 4);
  for (let i = 0; i < 48_000; i++) {
    const value = Math.round(8000 * Math.sin((2 * Math.PI * TONE * i) / 48_000));
    samples.writeInt16LE(value, i * 4);
    samples.writeInt16LE(value, i * 4 + 2);
  }
  return samples;
}

/** The mean luma of the picture that viewers have now. */
function brightness() {
  const output = ['-map', '0:v', '-vf', 'signalstats,metadata=print:key=lavfi.signalstats.YAVG', '-frames:v', '8'];
  const means = [...decode(output).matchAll(/YAVG=([\d.]+)/g)].map(([, mean]) => Number(mean));
  expect(means.length > 0, 'no picture');
  // The first may be older than what was asked for.
  return means.at(-1);
}

/** What the gateway answers to a request. */
const request = async (command, payload) =>
  JSON.parse(
    await guest(
      `mosquitto_rr -V 5 -W 30 -t vedette/vmlab/request/${command} -e vedette/vmlab/response/test ` +
        `-m '${JSON.stringify(payload)}'`,
    ),
  );

/** The stream's state as the broker has it. */
const state = async () =>
  JSON.parse(await guest("mosquitto_sub -t 'vedette/+/streams/camera/state' -C 1 -W 20", { timeout: 60 }));

async function untilState(wanted) {
  await eventually(async () => {
    const found = await state();
    expect(found.state === wanted, `the stream is ${found.state} (${found.reason ?? ''}), not ${wanted}`);
  });
}

/** Plays on and on; what it has decoded so far. */
function play() {
  const output = ['-map', '0:v', '-f', 'framecrc', '-'];
  const child = spawn('ffmpeg', ['-v', 'error', ...overTcp, '-i', signedIn, ...output], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let frames = 0;
  let complaints = '';
  child.stdout.on('data', (text) => {
    frames += String(text).match(/^0,/gm)?.length ?? 0;
  });
  child.stderr.on('data', (text) => {
    complaints += text;
  });
  return {
    frames: () => frames,
    complaints: () => complaints,
    running: () => child.exitCode === null,
    stop: () => child.kill('SIGKILL'),
    async more(count) {
      const wanted = frames + count;
      await eventually(async () => {
        if (child.exitCode !== null) throw new Final(`the player ended: ${complaints}`);
        expect(frames >= wanted, `${frames} pictures, ${wanted} wanted; ${complaints}`);
      });
    },
  };
}

async function tests() {
  await check('install.sh installs the service', async () => {
    await guest('sh /mnt/project/native-deps/install.sh --no-start', { timeout: 900 });
    await guest('systemctl is-enabled vedette && id vedette');
  });
  await check('a user is added', async () => {
    await guest(`printf %s "$PW" | vedette user add ${USER}`.replace('"$PW"', `'${PASSWORD}'`));
    expect((await guest('vedette user list')).includes(USER), 'he is not listed');
  });
  await guest('cat >/etc/vedette/config.yaml', { input: CONFIG });
  await guest('cat >/run/second.raw; for i in $(seq 30); do cat /run/second.raw; done >/run/tone.raw', {
    input: tone(),
  });
  await guest(
    'systemd-run --quiet --unit=tone sh -c "while cat /run/tone.raw; do :; done | ' +
      'aplay -q -t raw -f S16_LE -r 48000 -c 2 --buffer-time=500000 -D hw:Loopback,0,0"',
  );
  await check('the configuration is fine', () => guest('vedette --config /etc/vedette/config.yaml --check-config'));
  await check('systemctl start returns when it is ready', async () => {
    await guest('systemctl start vedette');
    const shown = await guest('systemctl show vedette -p ActiveState,SubState,Type,StatusText,NRestarts');
    expect(/ActiveState=active/.test(shown) && /Type=notify/.test(shown) && /NRestarts=0/.test(shown), shown);
    return /StatusText=(.*)/.exec(shown)?.[1];
  });
  await check('it is online on the broker of this machine', async () => {
    const topic = await guest("mosquitto_sub -t 'vedette/+/availability' -C 1 -W 30 -v");
    expect(topic.endsWith(' online'), topic);
    expect((await guest('systemctl is-active mosquitto')) === 'active', 'it is another broker');
  });
  await check('a request is answered', async () => {
    const answer = await request('gateway/info', {});
    expect(answer.status === 'ok', JSON.stringify(answer));
    return `${answer.data.board}, ${answer.data.versions.os}`;
  });
  await check('without credentials there is no picture', async () => {
    const { status, stderr } = host('ffprobe', [...overTcp, rtspUrl('')]);
    expect(status !== 0 && /401/.test(stderr), stderr);
  });
  await check('the camera comes as H.264 and the microphone as Opus', async () => {
    const entries = 'stream=codec_name,width,height,sample_rate,channels';
    const args = ['-v', 'error', ...overTcp, '-show_entries', entries, '-of', 'json', signedIn];
    // The first start has GStreamer look at all its plug-ins, which an emulated processor takes long for.
    const { streams } = await eventually(() => {
      const { status, stdout, stderr } = host('ffprobe', args);
      expect(status === 0, stderr);
      return JSON.parse(stdout.toString());
    });
    const video = streams.find(({ codec_name }) => codec_name === 'h264');
    expect(video?.width === SIZE.width && video?.height === SIZE.height, JSON.stringify(streams));
    expect(
      streams.some(({ codec_name }) => codec_name === 'opus'),
      JSON.stringify(streams),
    );
  });
  await check('the picture decodes without a fault, and moves', async () => {
    const output = ['-map', '0:v', '-frames:v', '30', '-f', 'framemd5', '-'];
    const { status, stdout, stderr } = host('ffmpeg', ['-v', 'warning', ...overTcp, '-i', signedIn, ...output]);
    const pictures = [...stdout.toString().matchAll(/^0,.*, ([0-9a-f]{32})$/gm)].map(([, hash]) => hash);
    expect(status === 0 && pictures.length === 30, `${pictures.length} pictures; ${stderr}`);
    expect(!/error|corrupt|conceal/i.test(stderr), stderr);
    expect(new Set(pictures).size > 10, 'it does not move');
    return `${new Set(pictures).size} different pictures of 30`;
  });
  await check('the sound is the tone that is played', async () => {
    const band = (frequency) => `bandpass=f=${frequency}:width_type=h:w=50,volumedetect`;
    const filter = `[0:a]asplit[a][b];[a]${band(TONE)}[tone];[b]${band(TONE * 2)}[beside]`;
    const text = decode(['-filter_complex', filter, '-map', '[tone]', '-map', '[beside]', '-t', '2']);
    // In the order of the filters in the graph, which their names end with.
    const levels = [...text.matchAll(/volumedetect_(\d+) .*mean_volume: (-?[\d.]+) dB/g)];
    const [tone, beside] = levels.sort(([, a], [, b]) => a - b).map(([, , level]) => Number(level));
    expect(tone > -40 && tone > beside + 12, `${tone} dB at ${TONE} Hz, ${beside} dB an octave above`);
    return `${tone} dB at ${TONE} Hz, ${beside} dB an octave above`;
  });
  await check("a camera's brightness changes the picture, and a value that it has not does not", async () => {
    const { devices } = (await request('device/list', {})).data;
    const { deviceId } = devices.find(({ path }) => path === '/dev/video0');
    const set = (value) => request('device/set-controls', { deviceId, controls: { brightness: value } });
    const before = brightness();
    expect((await set(20)).status === 'ok', 'refused');
    const dark = await eventually(() => {
      const now = brightness();
      expect(now < before / 2, `from ${before} to ${now}`);
      return now;
    });
    const { error } = await set(256);
    expect(error?.code === 'invalid_request' && error.message.includes('0 to 255'), JSON.stringify(error));
    expect(Math.abs(brightness() - dark) < 5, 'it changed all the same');
    expect((await set(128)).data.controls.find(({ name }) => name === 'brightness').value === 128, 'not put back');
    await eventually(() => expect(Math.abs(brightness() - before) < 5, `${brightness()}, ${before} before`));
    return `mean luma ${before}, ${dark} with brightness 20`;
  });
  await check("constraints and ImageCapture on a real driver's controls", async () => {
    const told = JSON.parse(await guest('node /mnt/project/test/vm/image-capture.mjs /dev/video1', { timeout: 600 }));
    const { capabilities, before, dark, settings, after, photo, refused, inactive, gain } = told;
    expect(capabilities.brightness.max === 255 && capabilities.brightness.step === 1, JSON.stringify(capabilities));
    expect(dark.mean < before.mean / 2 && settings.brightness === 20, JSON.stringify(told));
    expect(Math.abs(after.mean - before.mean) < 10, JSON.stringify(told));
    expect(before.width === 640 && before.height === 360, JSON.stringify(before));
    expect(photo.type === 'image/jpeg' && photo.start === 'ffd8' && photo.size > 1000, JSON.stringify(photo));
    expect(refused.name === 'OverconstrainedError' && refused.constraint === 'brightness', JSON.stringify(refused));
    expect(/gain 9: it is inactive/.test(inactive) && gain === 9, `${inactive}; gain ${gain}`);
    return `mean luma ${before.mean}, ${dark.mean} with brightness 20, ${after.mean} again; ${photo.size} bytes of JPEG`;
  });
  await check('a snapshot', async () => {
    const url = `http://127.0.0.1:${httpPort}/streams/camera/snapshot.jpg`;
    expect((await fetch(url)).status === 401, 'everybody may have it');
    const response = await fetch(url, { headers: { authorization: basic }, signal: AbortSignal.timeout(PATIENCE_MS) });
    const bytes = Buffer.from(await response.arrayBuffer());
    expect(
      response.status === 200 && bytes.readUInt16BE(0) === 0xffd8,
      `status ${response.status}, ${bytes.length} bytes`,
    );
    return `${bytes.length} bytes`;
  });
  await check('the camera is pulled out under a viewer and comes back', async () => {
    const player = play();
    try {
      await player.more(5);
      await guest('echo vivid.0 >/sys/bus/platform/drivers/vivid/unbind');
      try {
        await untilState('muted');
      } finally {
        await guest('echo vivid.0 >/sys/bus/platform/drivers/vivid/bind');
      }
      await untilState('live');
      await player.more(20);
      expect(player.running(), 'the viewer was disconnected');
    } finally {
      player.stop();
    }
  });
  await check('a daemon that hangs is started again by the watchdog', async () => {
    const pid = await guest('systemctl show vedette -p MainPID --value');
    await guest(`kill -STOP ${pid}`);
    await eventually(async () => {
      const shown = await guest('systemctl show vedette -p ActiveState,NRestarts,MainPID');
      expect(/ActiveState=active/.test(shown) && /NRestarts=1/.test(shown), shown);
    }, 180_000);
    expect(
      /watchdog/i.test(await guest('journalctl -u vedette --no-pager | grep -i watchdog')),
      'it was not the watchdog',
    );
    await eventually(() => decode(['-map', '0:v', '-frames:v', '5']));
  });
  await check('systemctl stop is clean', async () => {
    const start = Date.now();
    await guest('systemctl stop vedette');
    const took = Date.now() - start;
    const shown = await guest('systemctl show vedette -p ActiveState,Result,ExecMainStatus');
    expect(/ActiveState=inactive/.test(shown) && /Result=success/.test(shown) && /ExecMainStatus=0/.test(shown), shown);
    expect(took < 15_000, `it took ${took} ms`);
    expect((await guest('pgrep -u vedette -a || true')) === '', 'it left processes behind');
    const availability = await guest("mosquitto_sub -t 'vedette/+/availability' -C 1 -W 30");
    expect(availability === 'offline', `the broker says ${availability}`);
    return `${took} ms`;
  });
  await check('the unit of the live manager scores 1.3 or better', async () => {
    await guest('systemctl start vedette');
    const score = await guest('systemd-analyze security vedette.service --no-pager | tail -n 1');
    expect(Number(/: ([\d.]+) /.exec(score)?.[1]) <= 1.3, score);
    return score.replace(/^\W+/, '');
  });
  await check('the journal has no secret and no crash', async () => {
    const journal = await guest('journalctl -u vedette --no-pager -o cat');
    expect(!journal.includes(PASSWORD) && !journal.includes(basic), 'the password is in it');
    const crash = /^.*(uncaught|unhandled|core-dump).*$/im.exec(journal)?.[0];
    expect(crash === undefined, crash);
  });
  await check('uninstall.sh leaves the configuration and nothing else', async () => {
    await guest('sh /mnt/project/native-deps/uninstall.sh');
    expect(
      (await guest('ls /usr/bin/vedette /usr/lib/vedette 2>/dev/null || true')) === '',
      'the program is still there',
    );
    await guest('test -e /etc/vedette/config.yaml');
  });
}

if (spawnSync(process.execPath, ['native-deps/set-up.mjs'], { cwd: ROOT, stdio: 'inherit' }).status !== 0)
  process.exit(1);
shell('build-image.sh', []);
shell('vm-up.sh', [NAME], {
  VMLAB_PROJECT: ROOT,
  VMLAB_NET: 'restrict',
  VMLAB_FWD: `tcp:${rtspPort}:8554 tcp:${httpPort}:8080`,
});
const down = () => {
  if (process.env.VMLAB_KEEP_UP === undefined) shell('vm-down.sh', [NAME, '--now']);
};
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    down();
    process.exit(1);
  });
}
try {
  await tests();
  if (failed > 0) console.log(await guest('journalctl -u vedette --no-pager -o cat | tail -n 60').catch(String));
} finally {
  down();
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
