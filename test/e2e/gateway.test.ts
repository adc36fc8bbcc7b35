import { spawn } from 'node:child_process';
import { test } from 'tap';
import { Daemon } from '../support/daemon.ts';
import { until } from '../support/mosquitto.ts';
import { alive, runPlayer } from '../support/player.ts';

const PROBE = ['-v', 'error', '-show_entries', 'stream=codec_name,width,height,channels', '-of', 'compact=nk=1:p=0'];

/** ffmpeg that decodes a URL and prints a line for each frame, until it is ended. */
function watch(url: string, ...options: string[]) {
  const child = spawn(
    'ffmpeg',
    ['-v', 'error', ...options, '-i', url, '-map', '0:v', '-f', 'framecrc', '-flush_packets', '1', '-'],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const seen = { frames: 0, errors: '', ended: false };
  child.stdout.on('data', (text: Buffer) => {
    seen.frames += text.toString().match(/^0,/gm)?.length ?? 0;
  });
  child.stderr.on('data', (text: Buffer) => (seen.errors += text));
  child.once('exit', () => {
    seen.ended = true;
  });
  return Object.assign(seen, { end: () => child.kill('SIGKILL') });
}

test('a gateway without any configuration', async (t) => {
  const daemon = await new Daemon({ 'rtmp.enabled': 'true' }).start();
  t.teardown(() => daemon.stop());

  t.match(daemon.output, /no user yet, so everything listens on this machine only/);
  t.equal(daemon.children('capture/worker').length, 0, 'nobody watches: no worker');

  await t.test('RTSP as printed, over TCP and UDP', async (t) => {
    for (const transport of ['tcp', 'udp']) {
      const { stdout, stderr } = await runPlayer('ffprobe', [...PROBE, '-rtsp_transport', transport, daemon.rtsp]);
      t.match(stdout, /^h264\|1280\|720/m, transport);
      t.match(stdout, /^opus\|2/m, `${transport}${stderr}`);
    }
  });

  await t.test('the page, the stream list, a picture, health and metrics', async (t) => {
    const get = (path: string) => fetch(daemon.page + path);
    t.match(await (await get('/')).text(), /<video/);
    const { streams } = (await (await get('/streams')).json()) as { streams: { name: string }[] };
    t.match(streams, [{ name: 'camera', tracks: [{ kind: 'video' }, { kind: 'audio' }] }]);
    const picture = await get('/streams/camera/snapshot.jpg');
    t.equal(picture.headers.get('content-type'), 'image/jpeg');
    const jpeg = Buffer.from(await picture.arrayBuffer());
    t.equal(jpeg.readUInt16BE(0), 0xffd8, 'JPEG');
    t.equal((await get('/streams/nobody/snapshot.jpg')).status, 404);
    t.match(await (await get('/healthz')).json(), { status: 'ok' });
    t.match(await (await get('/metrics')).text(), /vedette_camera_up\{camera="camera"\} 1/);
  });

  await t.test('RTMP and HTTP-FLV as printed', async (t) => {
    for (const url of [daemon.banner('RTMP'), `${daemon.page}/streams/camera/live.flv`]) {
      const { stdout, stderr } = await runPlayer('ffprobe', [...PROBE, url]);
      t.match(stdout, /^h264\|1280\|720/m, url);
      t.match(stdout, /^aac\|/m, `${url} ${stderr}`);
    }
  });

  await t.test('the line for mosquitto_sub as printed', async (t) => {
    const line = /mosquitto_sub .*/.exec(daemon.output)?.[0] ?? '';
    const { stdout } = await runPlayer('sh', ['-c', `${line} -W 2`]);
    t.match(stdout, /^vedette\/porch\/availability online$/m);
    t.match(stdout, /^vedette\/porch\/streams\/camera\/state \{"name":"camera"/m);
  });

  await t.test('after the last viewer the worker ends', async () => {
    await until(() => daemon.children('capture/worker').length === 0, 'no worker', 40_000);
  });

  const children = daemon.children('');
  t.ok(children.length > 0);
  t.ok((await daemon.stop()) < 10_000, 'stops within seconds');
  t.same(daemon.exit, { code: 0, signal: null });
  t.notOk(children.some(alive), 'leaves no process behind');
});

test('capture dies under a viewer', async (t) => {
  const daemon = await new Daemon().start();
  t.teardown(() => daemon.stop());
  const viewer = watch(daemon.rtsp, '-rtsp_transport', 'tcp');
  t.teardown(viewer.end);
  await until(() => viewer.frames > 30, 'the picture', 40_000);
  for (const signal of ['SIGKILL', 'SIGSTOP'] as const) {
    const [worker] = daemon.children('capture/worker');
    const frames = viewer.frames;
    process.kill(worker ?? 0, signal);
    await until(() => viewer.frames > frames + 60, `the picture after ${signal}`, 40_000);
    t.notOk(daemon.children('capture/worker').includes(worker ?? 0), `${signal}: another worker`);
    t.notOk(viewer.ended, `${signal}: the viewer stayed`);
  }
  t.equal(viewer.errors, '', 'ffmpeg complained of nothing');
});

test('the publishers come back', async (t) => {
  const daemon = await new Daemon({ 'rtmp.enabled': 'true' }).start();
  t.teardown(() => daemon.stop());
  const viewer = watch(daemon.rtsp, '-rtsp_transport', 'tcp');
  t.teardown(viewer.end);
  await until(() => viewer.frames > 10, 'the picture', 40_000);
  for (const child of ['webrtc/worker', 'rtmp/worker', 'mosquitto']) {
    const [pid = 0] = daemon.children(child);
    t.ok(pid > 0, child);
    process.kill(pid, 'SIGKILL');
    await until(() => daemon.children(child).some((other) => other !== pid), `${child} anew`, 40_000);
  }
  const frames = viewer.frames;
  await until(() => viewer.frames > frames + 30, 'the RTSP viewer goes on', 40_000);
  t.equal(viewer.errors, '');
});

test('a configured port that is taken', async (t) => {
  const first = await new Daemon().start();
  t.teardown(() => first.stop());
  const port = new URL(first.rtsp).port;
  const second = await new Daemon({ 'rtsp.port': port }).start();
  t.teardown(() => second.stop());
  t.same(second.exit, { code: 69, signal: null });
  t.match(second.output, new RegExp(`RTSP: port ${port} is in use`));
});
