/** Reading and setting a camera's controls by v4l2-ctl; the lab (test/vm/) does it on a real driver. */
import { test } from 'tap';
import { readControls, setControls } from '../../daemon/capture/v4l2-controls.ts';
import { UVC_WEBCAM, VIVID } from '../support/v4l2-outputs.ts';
import { V4l2Tool } from '../support/v4l2-tool.ts';

const AUTOMATIC = [
  ['auto_exposure', 'exposure_time_absolute', 1],
  ['white_balance_automatic', 'white_balance_temperature', 0],
] as const;

test('controls are read as they are, and set', async (t) => {
  const tool = new V4l2Tool(UVC_WEBCAM, AUTOMATIC);
  t.match((await readControls('/dev/video0', tool.run))[0], { name: 'brightness', value: 128 });
  const after = await setControls('/dev/video0', { brightness: 200, pan_absolute: -3600 }, tool.run);
  t.same(tool.set, ['brightness=200', 'pan_absolute=-3600']);
  t.match(after[0], { name: 'brightness', value: 200 }, 'what the device has now');
});

test('modes are set first', async (t) => {
  const tool = new V4l2Tool(UVC_WEBCAM, AUTOMATIC);
  await setControls('/dev/video0', { exposure_time_absolute: 100, brightness: 1, auto_exposure: 1 }, tool.run);
  t.same(tool.set, ['auto_exposure=1', 'exposure_time_absolute=100', 'brightness=1']);
});

test('what is wrong is named, and nothing has changed', async (t) => {
  const table: [Record<string, number>, RegExp][] = [
    [{ brightness: 1, zoom: 2 }, /no control 'zoom': it has brightness, white_balance_automatic, .*pan_absolute$/],
    [{ brightness: 256 }, /^brightness 256: allowed are whole numbers from 0 to 255$/],
    [{ brightness: -1 }, /^brightness -1: allowed are/],
    [{ brightness: 1.5 }, /^brightness 1.5: allowed are whole numbers/],
    [{ brightness: Number.NaN }, /^brightness NaN: allowed/],
    [{ pan_absolute: 100 }, /^pan_absolute 100: .* -36000 to 36000 in steps of 3600$/],
    [{ white_balance_automatic: 2 }, /^white_balance_automatic 2: allowed are 0 \(off\) and 1 \(on\)$/],
    [{ auto_exposure: 2 }, /^auto_exposure 2: allowed are 1 \(Manual Mode\), 3 \(Aperture Priority Mode\)$/],
    [{ white_balance_temperature: 3000 }, /^white_balance_temperature 3000: it is inactive/],
    [{ '--set-ctrl=brightness': 3 }, /no control '--set-ctrl=brightness'/],
    [{ constructor: 3 }, /no control 'constructor'/],
  ];
  for (const [values, message] of table) {
    const tool = new V4l2Tool(UVC_WEBCAM, AUTOMATIC);
    await t.rejects(setControls('/dev/video0', values, tool.run), {
      name: 'CaptureError',
      code: 'invalid-value',
      message,
    });
    t.same(tool.set, [], String(message));
  }
  const vivid = new V4l2Tool(VIVID);
  await t.rejects(setControls('/dev/video0', { read_only_integer: 3 }, vivid.run), {
    code: 'invalid-value',
    message: 'read_only_integer is read-only',
  });
  await t.rejects(setControls('/dev/video0', { button: 0 }, vivid.run), { message: 'button 0: a button takes 1' });
  await setControls('/dev/video0', { button: 1 }, vivid.run);
  t.same(vivid.set, ['button=1']);
});

test('an automatic mode in the same request leaves its control inactive: the mode is put back', async (t) => {
  const tool = new V4l2Tool(UVC_WEBCAM, AUTOMATIC);
  const wrong = { white_balance_automatic: 1, white_balance_temperature: 3000 };
  await t.rejects(setControls('/dev/video0', wrong, tool.run), { code: 'invalid-value', message: /inactive/ });
  t.same(tool.set, ['white_balance_automatic=1', 'white_balance_automatic=1']);
});

test('what the driver refuses: its reason, and what was set before is put back', async (t) => {
  const tool = new V4l2Tool(UVC_WEBCAM, AUTOMATIC);
  tool.refuse.set('pan_absolute', 'Input/output error');
  const values = { auto_exposure: 1, exposure_time_absolute: 9, pan_absolute: 3600 };
  await t.rejects(setControls('/dev/video0', values, tool.run), {
    code: 'failed',
    message: 'pan_absolute 3600: VIDIOC_S_EXT_CTRLS: failed: Input/output error',
  });
  t.same(tool.set, ['auto_exposure=1', 'exposure_time_absolute=9', 'exposure_time_absolute=250', 'auto_exposure=3']);
});

test('no answer', async (t) => {
  await t.rejects(readControls('/dev/video99'), {
    code: 'not-live',
    message: 'Cannot open device /dev/video99, exiting.',
  });
  const none = { missing: false, ok: false, late: false, stdout: '', stderr: '' };
  await t.rejects(
    readControls('/dev/video0', async () => ({ ...none, missing: true })),
    { code: 'not-installed' },
  );
  await t.rejects(
    readControls('/dev/video0', async () => ({ ...none, late: true })),
    {
      code: 'timeout',
      message: '/dev/video0 does not answer',
    },
  );
});
