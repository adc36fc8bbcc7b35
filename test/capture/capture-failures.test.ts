import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'tap';
import { CaptureFailures } from '../../daemon/capture/capture-failures.ts';
import type { CaptureFailure } from '../../daemon/capture/capture-owner.ts';
import { TEST_PICTURE, TEST_TONE, type VideoDevice } from '../../daemon/capture/device.ts';
import { readRefusal } from '../../daemon/capture/driver-refusal.ts';
import { explainFailure } from '../../daemon/capture/failure-explanation.ts';
import type { ToolResult } from '../../daemon/capture/run-tool.ts';
import { resetUsbDevice } from '../../daemon/capture/usb-reset.ts';
import { failureBy } from '../../daemon/capture/worker-messages.ts';
import { silentLog } from '../../daemon/lib/log.ts';

const CAMERA: VideoDevice = {
  ...TEST_PICTURE,
  label: 'Webcam',
  path: '/dev/video0',
  bus: 'usb-0000:01:00.0-1.2',
  usb: { directory: '/sys/devices/usb1/1-1.2' },
};
const GONE: CaptureFailure = { reason: 'device', message: 'gone' };

test('what the driver refuses stands on standard error', async (t) => {
  const at =
    '0:00:00.091234567 12345 0x5581a0 ERROR         v4l2bufferpool gstv4l2bufferpool.c:732:gst_v4l2_buffer_pool_streamon:';
  t.same(readRefusal(`${at}<source:pool0:src> error with STREAMON 28 (No space left on device)`), {
    refusal: { errno: 28, text: 'No space left on device' },
  });
  t.same(readRefusal(`${at}<source:pool0:src> failed to queue`), { refusal: undefined });
  t.equal(readRefusal(`${at}<encoder0:pool:sink> error with STREAMON 22 (Invalid argument)`), undefined);
  t.equal(readRefusal('(node:1): GLib-GObject-WARNING **: error with STREAMON 28 (x)'), undefined);
});

test('somebody else has it', async (t) => {
  for (const [element, words, reason] of [
    ['source', "Device '/dev/video0' is busy", 'busy'],
    ['source', 'Could not open audio device for recording. Device is being used by another application.', 'busy'],
    ['source', "Camera '/base/soc/i2c0mux/i2c@1/imx219@10' is already in use.", 'busy'],
    ['source', 'Could not read from resource.', 'stream'],
    ['encoder0', "Device '/dev/video11' is busy", 'encoder'],
  ] as const)
    t.equal(failureBy(element, words).reason, reason, words);

  const proc = t.testdir({ 50: { fd: {}, status: 'Name:\tffmpeg\nPPid:\t1\n' }, asound: {} });
  symlinkSync('/dev/video0', join(proc, '50/fd/3'));
  mkdirSync(join(proc, 'asound/Webcam/pcm0c/sub0'), { recursive: true });
  writeFileSync(join(proc, 'asound/Webcam/pcm0c/sub0/status'), 'state: RUNNING\nowner_pid   : 77\n');
  const busy: CaptureFailure = { reason: 'busy', message: 'busy' };
  const microphone = { ...TEST_TONE, path: 'plughw:CARD=Webcam,DEV=0' };
  const other = { ...CAMERA, path: '/dev/video9' };
  t.equal(await explainFailure(busy, CAMERA, [], proc), 'busy: ffmpeg (process 50) has it open');
  t.equal(await explainFailure(busy, microphone, [], proc), 'busy: process 77 has it open', 'of another user');
  t.match(await explainFailure(busy, other, [], proc), /a program of another user .*'sudo fuser -v \/dev\/video9'/);
  t.equal(await explainFailure(GONE, CAMERA, [], proc), undefined);
  const full: CaptureFailure = { reason: 'device', message: 'full', errno: 28 };
  t.match(await explainFailure(full, CAMERA, [], proc), /^full: its USB has no bandwidth left beside what else/);
  t.equal(await explainFailure(full, { ...CAMERA, usb: undefined } as unknown as VideoDevice, [], proc), undefined);
});

test('the reset of a camera that new processes do not bring back', async (t) => {
  const resets: number[] = [];
  const done: (string | undefined)[] = [];
  let [after, lives, refusal] = [0, 0, undefined as string | undefined];
  let device: VideoDevice | undefined = CAMERA;
  const failures = new CaptureFailures({
    device: () => device,
    usbReset: { after: () => after, done: (_, because, error) => done.push(error ?? because) },
    explained: () => undefined,
    log: silentLog,
    reset: async () => {
      resets.push(lives);
      if (refusal !== undefined) throw new Error(refusal);
    },
  });
  const fail = async (times: number, failure: CaptureFailure = GONE): Promise<void> => {
    for (let i = 0; i < times; i++) {
      lives += 1;
      failures.failed(failure);
      await turn();
    }
  };
  await fail(20);
  t.same(resets, [], 'never by default');
  after = 3;
  lives = 0;
  await fail(30);
  t.same(resets, [3, 6, 12, 24], 'ever later');
  t.same(done, ['gone', 'gone', 'gone', 'gone']);

  failures.over();
  resets.length = 0;
  lives = 0;
  await fail(2);
  failures.over();
  await fail(2);
  t.same(resets, [], 'lives in a row count');
  failures.over();
  await fail(10, { reason: 'busy', message: 'busy' });
  await fail(10, { reason: 'pipeline', message: 'no encoder' });
  await fail(10, { reason: 'encoder', message: 'no encoder' });
  await fail(10, { reason: 'device', message: 'no bandwidth', errno: 28 });
  t.same(resets, [], 'nor does what no reset helps against');
  const { usb: _, ...notOnUsb } = CAMERA;
  device = notOnUsb;
  await fail(10);
  device = undefined;
  await fail(10);
  t.same(resets, [], 'nor what is not on the USB');
  device = CAMERA;
  done.length = 0;
  refusal = 'Permission denied';
  await fail(3);
  t.same(done, ['Permission denied']);
});

test('usbreset', async (t) => {
  const directory = t.testdir({ busnum: '1\n', devnum: '14\n' });
  const ran: string[] = [];
  const reset = (answer: Partial<ToolResult>, at = directory): Promise<void> =>
    resetUsbDevice({ directory: at }, async (program, args) => {
      ran.push([program, ...args].join(' '));
      return { ok: true, missing: false, late: false, stdout: '', stderr: '', ...answer };
    });
  await reset({ stdout: 'Resetting HD Pro Webcam C920 ... ok\n' });
  t.same(ran, ['usbreset 001/014']);
  for (const [answer, code, message] of [
    [
      { stdout: "Resetting HD Pro Webcam C920 ... can't open [Permission denied]\n" },
      'failed',
      /001\/014: Permission denied$/,
    ],
    [{ ok: false, stdout: 'No such device found\n' }, 'failed', /No such device found/],
    [{ ok: false, missing: true }, 'not-installed', /package usbutils/],
    [{ ok: false, late: true }, 'timeout', /does not end/],
  ] as [Partial<ToolResult>, string, RegExp][])
    await t.rejects(reset(answer), { code, message });
  await t.rejects(reset({}, `${t.testdirName}/none`), { code: 'not-live' });
});
