/** Who holds a device, from a made-up /proc. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { TEST_PICTURE, TEST_TONE } from '../../daemon/capture/device.ts';
import { deviceHolder } from '../../daemon/capture/device-holder.ts';

test('who has a device open', async (t) => {
  const proc = t.testdir({});
  const add = (pid: string, name: string, parent: number, ...open: string[]): void => {
    mkdirSync(join(proc, pid, 'fd'), { recursive: true });
    writeFileSync(join(proc, pid, 'status'), `Name:\t${name}\nPPid:\t${parent}\n`);
    for (const [index, path] of open.entries()) symlinkSync(path, join(proc, pid, 'fd', `${index}`));
  };
  add('7', 'worker', process.pid, '/dev/video0', '/dev/video1');
  add(`${process.pid}`, 'node', 1, '/dev/video1');
  add('50', 'ffmpeg', 1, '/dev/null', '/dev/video0');
  add('60', 'shell', 1, '/dev/null');
  mkdirSync(join(proc, 'asound/Webcam/pcm0c/sub0'), { recursive: true });
  writeFileSync(join(proc, 'asound/Webcam/pcm0c/sub0/status'), 'state: RUNNING\nowner_pid   : 50\n');
  mkdirSync(join(proc, 'asound/Other/pcm1c/sub0'), { recursive: true });
  writeFileSync(join(proc, 'asound/Other/pcm1c/sub0/status'), 'closed\n');

  const holder = (path: string): Promise<string | undefined> =>
    deviceHolder(path.startsWith('/') ? { ...TEST_PICTURE, path } : { ...TEST_TONE, path }, proc);
  t.equal(await holder('/dev/video0'), 'ffmpeg (process 50)', 'not our own worker');
  t.match(await holder('/dev/video1'), /^this program itself, for another stream/);
  t.equal(await holder('/dev/video2'), undefined);
  t.equal(await holder('plughw:CARD=Webcam,DEV=0'), 'ffmpeg (process 50)');
  t.equal(await holder('plughw:CARD=Other,DEV=1'), undefined);
  t.equal(await holder('default'), undefined);
  mkdirSync(join(proc, 'asound/My-Mic/pcm0c/sub0'), { recursive: true });
  writeFileSync(join(proc, 'asound/My-Mic/pcm0c/sub0/status'), 'state: RUNNING\nowner_pid   : 99\n');
  t.equal(await holder('plughw:CARD=My-Mic,DEV=0'), 'process 99', 'of another user');
});
