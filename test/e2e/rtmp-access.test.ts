import { createConnection } from 'node:net';
import { test } from 'tap';
import type { AccessRequest } from '../../daemon/access/access.ts';
import { decode, runPlayer, until } from '../support/player.ts';
import { startRtmp } from '../support/rtmp-publisher.ts';

test('who may not watch gets no picture', { timeout: 55_000 }, async (t) => {
  const allow = ({ credentials, action }: AccessRequest): boolean =>
    (credentials?.scheme === 'bearer' && credentials.token === 'secret') ||
    (credentials?.scheme === 'basic' && credentials.password === 'pass' && action === 'view');
  const rtmp = await startRtmp({ allow, maxViewers: 1 });
  t.teardown(() => rtmp.publisher.stop());
  const probe = (url: string) => runPlayer('ffprobe', ['-v', 'error', '-show_entries', 'stream=codec_name', url]);
  for (const query of ['', '?token=wrong', '?user=ann&password=wrong', '?user=ann&password=pass']) {
    const { stdout, code } = await probe(rtmp.url + query);
    t.not(code, 0, query);
    t.notMatch(stdout, /h264/, query);
  }
  t.equal(rtmp.joined.length, 0);
  t.equal(rtmp.video.running, false, 'nothing was started for them');
  t.not((await probe(`${rtmp.url.replace('camera', 'nowhere')}?token=secret`)).code, 0);

  const first = decode(`${rtmp.url}?token=secret`, 6);
  t.ok(await until(() => rtmp.joined.length === 1));
  t.not((await probe(`${rtmp.url}?token=secret`)).code, 0, 'one viewer too many');
  t.ok((await first).video > 60);
  t.same(
    rtmp.asked
      .filter(({ credentials }) => credentials?.scheme === 'bearer')
      .map(({ action }) => action)
      .slice(-2),
    ['view', 'listen'],
  );
});

test('off means off', async (t) => {
  const rtmp = await startRtmp();
  const { port } = rtmp.publisher;
  await rtmp.publisher.stop();
  await rtmp.publisher.stop();
  await t.rejects(rtmp.publisher.flv('camera', { remoteAddress: '127.0.0.1', user: undefined }), { code: 'disabled' });
  await t.rejects(new Promise((_, reject) => createConnection(port, '127.0.0.1').once('error', reject)), {
    code: 'ECONNREFUSED',
  });
});
