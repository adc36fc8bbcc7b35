// Runs in the machine of the lab: constraints and ImageCapture over a V4L2 driver that nobody else captures.
// Prints what it saw as JSON.
//
//   node image-capture.mjs /dev/video1
import { CaptureSource } from '../../dist/daemon/capture/capture-source.js';
import { DeviceMonitor } from '../../dist/daemon/capture/device-monitor.js';
import { setControls } from '../../dist/daemon/capture/v4l2-controls.js';
import { MediaClock } from '../../dist/daemon/lib/clock.js';
import { silentLog } from '../../dist/daemon/lib/log.js';
import { ImageCapture } from '../../dist/daemon/media/image-capture.js';
import { createTrack } from '../../dist/daemon/media/media-stream-track.js';

const [path] = process.argv.slice(2);
const monitor = new DeviceMonitor({ log: silentLog, salt: 'lab' });
await monitor.start();
const source = new CaptureSource({
  kind: 'video',
  device: monitor.devices.find((device) => device.path === path),
  encoders: { choose: async () => 'x264enc', distrust: () => undefined },
  clock: new MediaClock(),
  cname: 'lab',
  log: silentLog,
  idleTimeout: 100,
});
const track = createTrack(source);
const capture = new ImageCapture(track);
const size = { width: 640, height: 360 };
const constrain = (controls) => track.applyConstraints({ ...size, advanced: [controls] });

/** Size and mean luma of the next picture but some: those that the driver has filled already are older than a control. */
async function picture() {
  for (let i = 0; i < 8; i++) (await capture.grabFrame()).close();
  const { width, height, data } = await capture.grabFrame();
  let sum = 0;
  for (let i = 0; i < data.length; i += 4) sum += 0.299 * data[i] + 0.587 * data[i + 1] + 0.114 * data[i + 2];
  return { width, height, mean: Math.round(sum / (data.length / 4)) };
}

await track.applyConstraints(size);
const letGo = source.hold();
await source.live(AbortSignal.timeout(120_000));
const told = { capabilities: track.getCapabilities(), before: await picture() };
await constrain({ brightness: 20 });
told.settings = track.getSettings();
told.dark = await picture();
told.refused = await track
  .applyConstraints({ brightness: { exact: 256 } })
  .catch(({ name, constraint, message }) => ({ name, constraint, message }));
await constrain({ brightness: 128 });
told.after = await picture();
const photo = await capture.takePhoto();
const start = Buffer.from(await photo.slice(0, 2).arrayBuffer()).toString('hex');
told.photo = { type: photo.type, size: photo.size, start };
letGo();
track.stop();
await source.close();

// What one control decides for another.
await setControls(path, { gain_automatic: 1 });
told.inactive = await setControls(path, { gain: 9 }).then(
  () => 'set',
  ({ message }) => message,
);
const controls = await setControls(path, { gain: 9, gain_automatic: 0 });
told.gain = controls.find(({ name }) => name === 'gain').value;
await monitor.stop();
console.log(JSON.stringify(told));
