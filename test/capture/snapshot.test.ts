import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { test } from 'tap';
import { captureTest, live, temporaryFolder } from '../support/capture-test-source.ts';

const run = promisify(execFile);

test('snapshot: a JPEG of now, of a source that nobody watches, too', async (t) => {
  const folder = await temporaryFolder(t);
  const { source } = captureTest('video', { pattern: 'snow', idleTimeout: 5000 });
  t.teardown(() => source.close());
  const first = await source.photo();
  const [second, third] = await Promise.all([source.photo(), source.photo()]);
  for (const [i, { jpeg, width, height }] of [first, second, third].entries()) {
    t.same({ width, height }, { width: 320, height: 240 });
    const file = join(folder, `${i}.jpg`);
    await writeFile(file, jpeg);
    const { stdout, stderr } = await run('ffprobe', [
      '-v',
      'warning',
      '-show_entries',
      'stream=codec_name,width,height',
      '-of',
      'csv=p=0',
      file,
    ]);
    t.equal(stdout.trim(), 'mjpeg,320,240');
    t.equal(stderr, '');
  }
  t.notOk(first.jpeg.equals(second.jpeg), 'another picture');
  await t.rejects(captureTest('audio').source.photo(), { code: 'invalid-value' });
});

test('snapshots are fresh: never the picture that was left from the one before', async (t) => {
  // At one frame per second the picture that was left over would come at once, a new one when it is due.
  const { source, track } = captureTest('video', { settings: { width: 320, height: 240, frameRate: 1 } });
  t.teardown(() => source.close());
  track.retain();
  await live(source);
  const first = await source.photo();
  await delay(1300);
  const begin = Date.now();
  const again = await source.photo();
  const waited = Date.now() - begin;
  t.ok(waited >= 300, `the next picture was waited for: ${waited} ms`);
  t.notOk(again.jpeg.equals(first.jpeg), 'the clock in it has gone on');
});
