import { test } from 'tap';
import { ControlsMemory } from '../../daemon/capture/controls-memory.ts';
import type { VideoDevice } from '../../daemon/capture/device.ts';
import { parseControls } from '../../daemon/capture/v4l2.ts';
import { setControls } from '../../daemon/capture/v4l2-controls.ts';
import { LAMP_CONTROLS, UVC_WEBCAM } from '../support/v4l2-outputs.ts';
import { type Decision, V4l2Tool } from '../support/v4l2-tool.ts';

const EXPOSURE: Decision = ['auto_exposure', 'exposure_time_absolute', 1];

/** A camera that was just plugged in, under the path that it has this time. */
class PluggedCamera {
  readonly tool: V4l2Tool;
  readonly device: VideoDevice;

  constructor(path: string, output = UVC_WEBCAM, deviceId = 'a1b2') {
    this.tool = new V4l2Tool(output, [EXPOSURE]);
    const controls = parseControls(output.split('\n'));
    this.device = {
      kind: 'videoinput',
      deviceId,
      groupId: 'g',
      label: 'Webcam',
      bus: 'usb',
      path,
      formats: [],
      controls,
    };
  }
}

function memoryOver(...cameras: PluggedCamera[]): ControlsMemory {
  return new ControlsMemory((path, values) => {
    const camera = cameras.find(({ device }) => device.path === path);
    if (camera === undefined) throw new Error(`${path} is not there`);
    return setControls(path, values, camera.tool.run);
  });
}

test('a camera that comes back is set to what it was set to before, once', async (t) => {
  const [first, again, other] = [
    new PluggedCamera('/dev/video0'),
    new PluggedCamera('/dev/video2'),
    new PluggedCamera('/dev/video4', UVC_WEBCAM, 'c3d4'),
  ] as const;
  const memory = memoryOver(first, again, other);
  t.equal(await memory.restore(first.device), first.device, 'nothing was set yet');
  await memory.set(first.device, { brightness: 200 });
  const set = await memory.set(first.device, { auto_exposure: 1, exposure_time_absolute: 100 });
  t.equal(await memory.restore(set), set, 'it has them');

  const restored = (await memory.restore(again.device)) as VideoDevice;
  t.same(again.tool.set, ['auto_exposure=1', 'brightness=200', 'exposure_time_absolute=100']);
  t.equal(restored.controls.find(({ name }) => name === 'brightness')?.value, 200);
  t.equal(await memory.restore(restored), restored);
  t.equal(await memory.restore(other.device), other.device, 'another one is left alone');
});

test('what an automatic mode decides again is not set', async (t) => {
  const [first, again] = [new PluggedCamera('/dev/video0'), new PluggedCamera('/dev/video0')] as const;
  const memory = memoryOver(first);
  await memory.set(first.device, { brightness: 200, auto_exposure: 1, exposure_time_absolute: 100 });
  await memory.set(first.device, { auto_exposure: 3 });
  first.tool.set.length = 0;
  await memory.restore(again.device);
  t.same(first.tool.set, ['brightness=200']);
});

test('a button is pressed once; what was refused is not remembered', async (t) => {
  const lamp = new PluggedCamera('/dev/video0', LAMP_CONTROLS);
  const memory = memoryOver(lamp);
  await memory.set(lamp.device, { auto_focus_start: 1 });
  t.same(lamp.tool.set, ['auto_focus_start=1']);
  t.equal(await memory.restore(lamp.device), lamp.device);
  lamp.tool.refuse.set('led_mode', 'Input/output error');
  await t.rejects(memory.set(lamp.device, { led_mode: 2 }), { code: 'failed' });
  t.equal(await memory.restore(lamp.device), lamp.device);
});
