// Runs in the machine of the lab: the library as a program has it, over real V4L2 and ALSA drivers that nobody else
// captures. Prints a line of JSON for each check, and how long after the last stop() the process has ended by itself.
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { ImageCapture, MediaStream, mediaDevices, OverconstrainedError, publish } from 'vedette';

const run = promisify(execFile);
const VIVID = '/sys/bus/platform/drivers/vivid';
/** For what takes a board a moment; the processor may be emulated. */
const PATIENCE_MS = 60_000;

async function check(name, action) {
  const start = Date.now();
  const result = await action().then(
    (note) => ({ ok: true, note }),
    (error) => ({ ok: false, note: error.stack }),
  );
  console.log(JSON.stringify({ name, seconds: (Date.now() - start) / 1000, ...result }));
}

function expect(condition, complaint) {
  if (!condition) throw new Error(typeof complaint === 'string' ? complaint : JSON.stringify(complaint));
}

async function until(condition, complaint) {
  const end = Date.now() + PATIENCE_MS;
  while (!(await condition())) {
    expect(Date.now() < end, complaint);
    await sleep(50);
  }
}

const rejection = (promise) =>
  promise.then(
    () => 'it was granted',
    (error) => error,
  );

/** getUserMedia(), once more where an emulated processor is slower to start than it waits. */
async function open(video) {
  for (let attempt = 0; ; attempt++) {
    try {
      return (await mediaDevices.getUserMedia({ video })).getVideoTracks()[0];
    } catch (error) {
      if (error.name !== 'AbortError' || attempt === 3) throw error;
    }
  }
}

/** Processes that have a node open. */
function holders(path) {
  const has = (pid) => {
    try {
      return readdirSync(`/proc/${pid}/fd`).some((fd) => {
        try {
          return readlinkSync(`/proc/${pid}/fd/${fd}`) === path;
        } catch {
          return false;
        }
      });
    } catch {
      return false;
    }
  };
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name) && has(name));
}

/** What the driver itself says that it delivers. */
async function driverMode(path) {
  const { stdout } = await run('v4l2-ctl', ['-d', path, '--get-fmt-video', '--get-parm']);
  const [, width, height] = /Width\/Height\s*: (\d+)\/(\d+)/.exec(stdout);
  const [, rate] = /Frames per second: ([\d.]+)/.exec(stdout);
  return { width: Number(width), height: Number(height), frameRate: Number(rate) };
}

/** Size and mean luma of the next picture but some: those that the driver has filled already are older than a control. */
async function picture(track) {
  const capture = new ImageCapture(track);
  for (let i = 0; i < 8; i++) (await capture.grabFrame()).close();
  const { width, height, data } = await capture.grabFrame();
  let sum = 0;
  for (let i = 0; i < data.length; i += 4) sum += 0.299 * data[i] + 0.587 * data[i + 1] + 0.114 * data[i + 2];
  return { width, height, mean: Math.round(sum / (data.length / 4)) };
}

/** The size of the decoded pictures of a stream, once ten have been decoded. */
async function decodedSize(url) {
  const sink = 'rtph264depay ! h264parse ! openh264dec name=decoder ! fakesink num-buffers=10 sync=false';
  const source = ['rtspsrc', `location=${url}`, 'protocols=tcp', '!'];
  // Its proxy resolver wants the settings of a desktop.
  const env = { ...process.env, GIO_USE_PROXY_RESOLVER: 'dummy' };
  const { stdout } = await run('gst-launch-1.0', ['-v', ...source, ...sink.split(' ')], { timeout: PATIENCE_MS, env });
  const [, width, height] = /decoder\.GstPad:src: caps = .*width=\(int\)(\d+), height=\(int\)(\d+)/.exec(stdout);
  return `${width}x${height}`;
}

let camera;
let other;
await check('before permission was used devices have no names; then two cameras and the card have', async () => {
  const before = await mediaDevices.enumerateDevices();
  expect(before.length === 2 && before.every(({ deviceId, label }) => deviceId + label === ''), before);
  (await open(true)).stop();
  const devices = await mediaDevices.enumerateDevices();
  const cameras = devices.filter(({ kind }) => kind === 'videoinput');
  expect(cameras.length === 2 && new Set(cameras.map(({ deviceId }) => deviceId)).size === 2, devices);
  expect(
    devices.some(({ kind, label }) => kind === 'audioinput' && label.includes('Loopback')),
    devices,
  );
  [camera, other] = cameras;
  return devices.map(({ kind, label }) => `${kind} ${label}`).join(', ');
});

await check("constraints select among the driver's own sizes and rates", async () => {
  const own = { resizeMode: 'none', deviceId: { exact: camera.deviceId } };
  const size = (width, height) => ({ width: { exact: width }, height: { exact: height } });
  const table = [
    [size(640, 480), { width: 640, height: 480 }],
    [
      { ...size(640, 360), frameRate: { exact: 5 } },
      { width: 640, height: 360, frameRate: 5 },
    ],
    [
      { ...size(1280, 720), frameRate: { exact: 12.5 } },
      { width: 1280, height: 720, frameRate: 12.5 },
    ],
    [
      { width: { ideal: 1900 }, height: { ideal: 1000 }, frameRate: 5 },
      { width: 1920, height: 1080, frameRate: 5 },
    ],
    [
      { width: { min: 600, max: 1300 }, height: { max: 400 }, frameRate: 4 },
      { width: 640, height: 360, frameRate: 4 },
    ],
    [{ frameRate: { min: 45, max: 55 } }, { width: 320, height: 180, frameRate: 50 }],
  ];
  const track = await open({ ...own, width: 320, frameRate: 10 });
  const seen = [];
  try {
    for (const [constraints, wanted] of table) {
      await track.applyConstraints({ ...own, ...constraints });
      const settings = track.getSettings();
      const driver = await driverMode('/dev/video0');
      for (const [name, value] of Object.entries(wanted)) {
        expect(settings[name] === value, { constraints, settings });
        expect(Math.abs(driver[name] - value) < 0.1, { constraints, driver });
      }
      seen.push(`${driver.width}x${driver.height}@${driver.frameRate}`);
    }
    const { width, height } = await picture(track);
    expect(width === 320 && height === 180, { width, height });
  } finally {
    track.stop();
  }
  return seen.join(' ');
});

await check('an impossible size is an OverconstrainedError that names it, and changes nothing', async () => {
  const impossible = [{ exact: 100_000 }, { min: 3841 }];
  const track = await open({ width: 320, height: 180, frameRate: 10, deviceId: { exact: camera.deviceId } });
  try {
    const before = JSON.stringify(track.getSettings());
    for (const width of impossible)
      for (const error of [
        await rejection(mediaDevices.getUserMedia({ video: { width } })),
        await rejection(track.applyConstraints({ width })),
      ])
        expect(
          error instanceof OverconstrainedError && error.constraint === 'width' && /width.*3840/.test(error.message),
          `${error.name}: ${error.message}`,
        );
    const { constraint } = await rejection(track.applyConstraints({ frameRate: { min: 61 } }));
    expect(constraint === 'frameRate', `it names ${constraint}`);
    expect(JSON.stringify(track.getSettings()) === before, 'the settings have changed');
    return (await rejection(track.applyConstraints({ width: impossible[0] }))).message;
  } finally {
    track.stop();
  }
});

await check("the camera's controls by applyConstraints() change the picture and are read back", async () => {
  const size = { width: 320, height: 180, frameRate: 10 };
  const track = await open({ ...size, deviceId: { exact: camera.deviceId } });
  const driver = async (name) =>
    Number(/: (\d+)/.exec((await run('v4l2-ctl', ['-d', '/dev/video0', '-C', name])).stdout)[1]);
  try {
    const { brightness, contrast, saturation } = track.getCapabilities();
    expect(brightness.min === 0 && brightness.max === 255 && brightness.step === 1, brightness);
    const original = track.getSettings();
    const before = (await picture(track)).mean;
    const means = [];
    for (const value of [20, 220]) {
      await track.applyConstraints({ ...size, brightness: { exact: value } });
      expect(track.getSettings().brightness === value && (await driver('brightness')) === value, track.getSettings());
      means.push((await picture(track)).mean);
    }
    expect(means[0] < before / 2 && means[1] > before * 1.2, { before, means });
    await track.applyConstraints({ ...size, advanced: [{ contrast: contrast.min, saturation: saturation.max }] });
    const read = [await driver('contrast'), await driver('saturation')];
    expect(read[0] === contrast.min && read[1] === saturation.max, { read });
    const { name, constraint } = await rejection(track.applyConstraints({ ...size, brightness: { exact: 256 } }));
    expect(name === 'OverconstrainedError' && constraint === 'brightness', `${name} ${constraint}`);
    const back = { brightness: original.brightness, contrast: original.contrast, saturation: original.saturation };
    await track.applyConstraints({ ...size, advanced: [back] });
    const after = (await picture(track)).mean;
    expect(Math.abs(after - before) < 10, { before, after });
    return `mean luma ${before}; brightness 20: ${means[0]}, 220: ${means[1]}; put back: ${after}`;
  } finally {
    track.stop();
  }
});

await check('a photo in a size that the track has not; the track stays as it was', async () => {
  const track = await open({ deviceId: { exact: camera.deviceId }, width: 320, height: 180, frameRate: 10 });
  try {
    const before = track.getSettings();
    const photos = new ImageCapture(track);
    const { imageWidth, imageHeight } = await photos.getPhotoCapabilities();
    expect(imageWidth.max === 3840 && imageHeight.max === 2160, { imageWidth, imageHeight });
    // Height and width stand in the frame header (ITU-T T.81, B.2.2).
    const size = async (blob) => {
      const jpeg = Buffer.from(await blob.arrayBuffer());
      const header = jpeg.indexOf(Buffer.from([0xff, 0xc0]));
      return `${jpeg.readUInt16BE(header + 7)}x${jpeg.readUInt16BE(header + 5)}`;
    };
    const large = await size(await photos.takePhoto({ imageWidth: 1280, imageHeight: 720 }));
    expect(large === '1280x720', large);
    const frame = await photos.grabFrame();
    expect(frame.width === 320 && frame.height === 180, `${frame.width}x${frame.height}`);
    expect(JSON.stringify(track.getSettings()) === JSON.stringify(before), track.getSettings());
    return large;
  } finally {
    track.stop();
  }
});

await check('one camera in two sizes at once: both published, both decode, one process has it open', async () => {
  const large = await open({ width: 640, height: 360, frameRate: 10, deviceId: { exact: camera.deviceId } });
  const small = large.clone();
  const publication = await publish(
    { large: new MediaStream([large]), small: new MediaStream([small]) },
    { rtsp: { port: 0 }, http: { enabled: false } },
  );
  try {
    await small.applyConstraints({ width: { exact: 320 }, height: { exact: 180 } });
    const [a, b] = [large, small].map((track) => track.getSettings());
    expect(a.width === 640 && b.width === 320 && b.height === 180, { a, b });
    const { urls } = publication;
    const sizes = await Promise.all([decodedSize(urls.large.rtsp), decodedSize(urls.small.rtsp)]);
    expect(sizes.join() === '640x360,320x180', sizes);
    expect(holders('/dev/video0').length === 1, holders('/dev/video0'));
    return sizes.join(' and ');
  } finally {
    large.stop();
    small.stop();
    await publication.close();
  }
});

await check('a camera that another process holds is a NotReadableError that names it', async () => {
  await run('systemd-run', ['--quiet', '--unit=holder', 'v4l2-ctl', '-d', '/dev/video1', '--stream-mmap']);
  try {
    await until(() => holders('/dev/video1').length > 0, 'v4l2-ctl does not open it');
    await sleep(1000);
    const [holder] = holders('/dev/video1');
    const error = await rejection(mediaDevices.getUserMedia({ video: { deviceId: { exact: other.deviceId } } }));
    expect(error.name === 'NotReadableError', `${error.name}: ${error.message}`);
    expect(error.message.includes(`v4l2-ctl (process ${holder})`), error.message);
    return error.message;
  } finally {
    await run('systemctl', ['stop', 'holder']);
  }
});

await check('pulled out and plugged in: mute, devicechange, the same ids, unmute, a picture', async () => {
  const track = await open({ width: 320, height: 180, frameRate: 10, deviceId: { exact: camera.deviceId } });
  const events = [];
  const onChange = (event) => events.push(event);
  mediaDevices.addEventListener('devicechange', onChange);
  const heard = { mute: 0, unmute: 0, ended: 0 };
  for (const type of Object.keys(heard))
    track.addEventListener(type, () => {
      heard[type] += 1;
    });
  const times = {};
  const timed = async (name, action) => {
    const start = Date.now();
    await action();
    times[name] = Date.now() - start;
  };
  try {
    try {
      await writeFile(`${VIVID}/unbind`, 'vivid.0');
      await timed('mute', () => until(() => heard.mute === 1 && track.muted, 'no mute'));
      await until(() => events.length === 1, `${events.length} devicechange events after the unplugging`);
      const [{ devices, userInsertedDevices }] = events;
      expect(!devices.some(({ kind }) => kind === 'videoinput') && userInsertedDevices.length === 0, devices);
    } finally {
      await writeFile(`${VIVID}/bind`, 'vivid.0');
    }
    await timed('unmute', () => until(() => heard.unmute === 1 && !track.muted, 'no unmute'));
    await until(() => events.at(-1).devices.filter(({ kind }) => kind === 'videoinput').length === 2, 'not both came');
    const inserted = events.slice(1).flatMap(({ userInsertedDevices }) => userInsertedDevices);
    const ids = inserted.map(({ deviceId }) => deviceId).sort();
    expect(
      ids.join() ===
        [camera, other]
          .map(({ deviceId }) => deviceId)
          .sort()
          .join(),
      { ids, camera, other },
    );
    expect(track.readyState === 'live' && heard.ended === 0 && track.getSettings().deviceId === camera.deviceId, heard);
    const { width, mean } = await picture(track);
    expect(width === 320 && mean > 20, { width, mean });
    return `muted after ${times.mute} ms, unmuted ${times.unmute} ms after the plug, devicechange x ${events.length}`;
  } finally {
    mediaDevices.removeEventListener('devicechange', onChange);
    track.stop();
  }
});

await check("with the last track's stop() nobody has the camera or the microphone open", async () => {
  const stream = await mediaDevices.getUserMedia({
    video: { width: 320, height: 180, frameRate: 10, deviceId: { exact: camera.deviceId } },
    audio: true,
  });
  const nodes = ['/dev/video0', '/dev/video1', ...readdirSync('/dev/snd').map((name) => `/dev/snd/${name}`)];
  const inUse = () => nodes.filter((path) => holders(path).length > 0);
  const copy = stream.getVideoTracks()[0].clone();
  expect(inUse().length >= 2, `in use: ${inUse()}`);
  for (const track of stream.getTracks()) track.stop();
  await sleep(2000);
  expect(inUse().length === 1, `the clone lives, in use: ${inUse()}`);
  const stopped = Date.now();
  copy.stop();
  await until(() => inUse().length === 0, `still in use: ${inUse()}`);
  return `${Date.now() - stopped} ms`;
});

const children = () => readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim();
const track = await open({ width: 320, height: 180, frameRate: 10 });
const stopped = Date.now();
track.stop();
process.once('exit', () => {
  const seconds = (Date.now() - stopped) / 1000;
  const name = 'the process ends by itself after the last stop()';
  console.log(
    JSON.stringify({ name, seconds, ok: children() === '', note: `after ${seconds} s, left: ${children()}` }),
  );
});
