// The gateway as an owner has it: installed by install.sh and run by systemd, watched from another machine.
import {
  basic,
  check,
  decode,
  eventually,
  expect,
  guest,
  host,
  httpUrl,
  overTcp,
  PASSWORD,
  request,
  rtspUrl,
  snapshot,
  USER,
  Viewer,
} from './lab.mjs';

const SIZE = { width: 320, height: 180, frameRate: 10 };
const TONE = 880;

/** Two streams, with how they name their cameras. */
export const serviceConfig = ({ camera, second }) => `rtsp: { host: 0.0.0.0 }
http: { host: 0.0.0.0 }
streams:
  camera:
    video: { device: ${camera}, width: ${SIZE.width}, height: ${SIZE.height}, frameRate: ${SIZE.frameRate} }
    audio: { device: "plughw:CARD=Loopback,DEV=1", channelCount: 1 }
    idleTimeout: 5
  second:
    video: { device: ${second}, width: ${SIZE.width}, height: ${SIZE.height}, frameRate: 5 }
    audio: false
    idleTimeout: 5
`;

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

/** Installs and starts it. */
export async function installation() {
  await check('install.sh installs the service', async () => {
    await guest('sh /mnt/project/native-deps/install.sh --no-start', { timeout: 900 });
    await guest('systemctl is-enabled vedette && id vedette');
  });
  await check('a user is added', async () => {
    await guest(`printf %s "$PW" | vedette user add ${USER}`.replace('"$PW"', `'${PASSWORD}'`));
    expect((await guest('vedette user list')).includes(USER), 'he is not listed');
  });
  await guest('cat >/etc/vedette/config.yaml', {
    input: serviceConfig({ camera: '/dev/video0', second: '/dev/video1' }),
  });
  await guest('cat >/run/second.raw; for i in $(seq 30); do cat /run/second.raw; done >/run/tone.raw', {
    input: tone(),
  });
  // Beside the card that may be taken away.
  await guest(
    'systemd-run --quiet --unit=tone -p Restart=always -p RestartSec=0.2 -p StartLimitIntervalSec=0 sh -c "while cat /run/tone.raw; do :; done | ' +
      'aplay -q -t raw -f S16_LE -r 48000 -c 2 --buffer-time=500000 -D hw:Loopback,0,0"',
  );
  await check('the configuration is fine', () => guest('vedette --config /etc/vedette/config.yaml --check-config'));
  await check('systemctl start returns when it is ready', async () => {
    await guest('systemctl start vedette');
    const shown = await guest('systemctl show vedette -p ActiveState,SubState,Type,StatusText,NRestarts');
    expect(/ActiveState=active/.test(shown) && /Type=notify/.test(shown) && /NRestarts=0/.test(shown), shown);
    return /StatusText=(.*)/.exec(shown)?.[1];
  });
  await check('systemctl reload reads the configuration again, in the same process', async () => {
    const shown = async () => guest('systemctl show vedette -p ActiveState,SubState,NRestarts,MainPID');
    const before = await shown();
    await guest('systemctl reload vedette');
    await eventually(() => guest('journalctl -u vedette --no-pager -o cat | grep -q "configuration read again"'));
    expect((await guest("mosquitto_sub -t 'vedette/+/availability' -C 1 -W 30")) === 'online', 'it is not online');
    const after = await shown();
    expect(/SubState=running/.test(after) && after === before, `${before}\n${after}`);
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
}

/** What its viewers have of it. */
export async function publishing() {
  await check('without credentials there is no picture', async () => {
    const { status, stderr } = host('ffprobe', [...overTcp, rtspUrl('camera', '')]);
    expect(status !== 0 && /401/.test(stderr), stderr);
  });
  await check('the camera comes as H.264 and the microphone as Opus', async () => {
    const entries = 'stream=codec_name,width,height,sample_rate,channels';
    const args = ['-v', 'error', ...overTcp, '-show_entries', entries, '-of', 'json', rtspUrl('camera')];
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
    const { status, stdout, stderr } = host('ffmpeg', [
      '-v',
      'warning',
      ...overTcp,
      '-i',
      rtspUrl('camera'),
      ...output,
    ]);
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
  await check('device/set-controls: the driver has what was asked for, viewers see it', setControls);
  await check('a snapshot', async () => {
    expect((await fetch(httpUrl('/streams/camera/snapshot.jpg'))).status === 401, 'everybody may have it');
    return `${(await eventually(() => snapshot())).length} bytes`;
  });
}

/** Controls of a camera over MQTT, watched by v4l2-ctl and a viewer. */
async function setControls() {
  const { devices } = (await request('device/list', {})).data;
  const { deviceId } = devices.find(({ path }) => path === '/dev/video0');
  const wishes = { brightness: 20, hue: -40, horizontal_flip: 1, menu: 'Menu Item 4' };
  const names = [...Object.keys(wishes), 'gain', 'gain_automatic'];
  const driver = async () => {
    const told = await guest(`v4l2-ctl -d /dev/video0 -C ${names}`);
    return Object.fromEntries([...told.matchAll(/^(\w+): (-?\d+)/gm)].map(([, name, value]) => [name, Number(value)]));
  };
  const set = (controls) =>
    eventually(async () => {
      const answer = await request('device/set-controls', { deviceId, controls });
      // Each control is a program that has to be started.
      expect(answer.error?.code !== 'timeout', answer.error?.message);
      return answer;
    });
  const refusal = async (controls) => (await set(controls)).error?.message ?? 'it was granted';
  const original = await driver();
  const putBack = () => {
    const values = Object.keys(wishes).map((name) => [name, original[name]]);
    return set({ ...Object.fromEntries(values), gain_automatic: original.gain_automatic });
  };
  const viewer = new Viewer();
  try {
    await viewer.sees(() => true, 'picture');
    const bright = viewer.pictures.at(-1).level;
    const { status, error, data } = await set(wishes);
    expect(status === 'ok', JSON.stringify(error));
    const took = await viewer.sees(({ level }) => level < bright / 2, 'darker picture');
    const dark = await driver();
    for (const [name, value] of Object.entries({ ...wishes, menu: 4 })) {
      const answered = data.controls.find((control) => control.name === name)?.value;
      expect(
        dark[name] === value && answered === value,
        `${name}: asked ${value}, answered ${answered}, is ${dark[name]}`,
      );
    }
    const tooMuch = await refusal({ hue: 10, brightness: 256 });
    expect(/brightness.*0 to 255/.test(tooMuch), tooMuch);
    const inactive = await refusal({ gain: 9 });
    expect(/gain 9: it is inactive/.test(inactive), inactive);
    const after = await driver();
    expect(after.hue === dark.hue && after.brightness === dark.brightness, 'what was refused was done in part');
    await set({ gain: 9, gain_automatic: 0 });
    expect((await driver()).gain === 9, 'the gain is not set with its mode');
    await putBack();
    await viewer.sees(({ level }) => Math.abs(level - bright) < 5, 'picture as before');
    return `${Object.keys(wishes).length} controls and one that needs its mode; mean luma ${Math.round(bright)}, darker after ${Math.round(took)} ms`;
  } finally {
    viewer.stop();
    // The checks that come need a bright picture.
    await putBack();
  }
}

/** How it goes down: hanging, stopped, uninstalled. */
export async function leaving() {
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
