import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'tap';
import { FileAccess } from '../../daemon/access/file-access.ts';
import { UsersFile } from '../../daemon/access/users-file.ts';
import { silentLog } from '../../daemon/lib/log.ts';
import { type PlayerResult, playGstreamer, runPlayer } from '../support/player.ts';
import { testServer } from '../support/rtsp-server.ts';

const ffmpeg = (url: string): Promise<PlayerResult> =>
  runPlayer('ffmpeg', ['-v', 'error', '-rtsp_transport', 'tcp', '-i', url, '-frames:v', '10', '-f', 'null', '-']);

const gstreamer = (url: string): Promise<PlayerResult> =>
  playGstreamer(
    ...[`location=${url}`, 'protocols=tcp', 'name=s'],
    ...['s.', '!', 'rtph264depay', '!', 'avdec_h264', '!', 'identity', 'eos-after=10', '!', 'fakesink'],
  );

test('players sign in', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'vedette-rtsp-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const usersFile = join(folder, 'users.yaml');
  const users = new UsersFile(usersFile);
  await users.addUser('anna', 's3cret pass', { rights: ['view', 'listen'], streams: ['cam'] });
  await users.addUser('otto', 's3cret pass', { rights: ['view'], streams: ['elsewhere'] });
  const access = new FileAccess({ usersFile, log: silentLog });
  await access.start();
  t.teardown(() => access.stop());
  t.notOk(access.open);

  for (const { offer, digest } of [
    { offer: 'Digest', digest: ['SHA-256', 'MD5'] as const },
    { offer: 'Basic', digest: [] },
  ]) {
    await t.test(offer, async (t) => {
      const server = await testServer({ access, settings: { digest: [...digest] } });
      t.teardown(() => server.stop());
      const as = (user: string, password: string): string =>
        server.url.replace('//', `//${user}:${encodeURIComponent(password)}@`);
      for (const [player, play] of [
        ['ffmpeg', ffmpeg],
        ['GStreamer', gstreamer],
      ] as const) {
        const good = await play(as('anna', 's3cret pass'));
        t.equal(good.code, 0, `${player} signs in ${good.stderr}`);
        t.not((await play(as('anna', 'wrong'))).code, 0, `${player} with a wrong password does not`);
        t.not((await play(as('otto', 's3cret pass'))).code, 0, `${player} without the right does not`);
      }
      t.not((await ffmpeg(server.url)).code, 0, 'nor without a name');
      t.same(
        server.viewers.history.filter((line) => line.startsWith('joined')),
        ['joined cam', 'joined cam'],
      );
    });
  }
});
