import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'tap';
import { testServer } from '../support/rtsp-server.ts';

for (const transport of ['tcp', 'udp']) {
  test(`the encoder crashes under ffmpeg over ${transport}`, async (t) => {
    const server = await testServer();
    const player = spawn(
      'ffmpeg',
      [
        '-v',
        'error',
        '-rtsp_transport',
        transport,
        '-i',
        server.url,
        '-map',
        '0:v',
        '-f',
        'framecrc',
        '-flush_packets',
        '1',
        '-',
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    t.teardown(async () => {
      player.kill('SIGKILL');
      await server.stop();
    });
    const times: number[] = [];
    let errors = '';
    player.stderr.on('data', (text) => (errors += text));
    createInterface({ input: player.stdout }).on('line', (line) => {
      const [index, dts] = line.split(',');
      if (index === '0') times.push(Number(dts));
    });
    const more = async (count: number): Promise<void> => {
      const target = times.length + count;
      const deadline = Date.now() + 15_000;
      while (times.length < target) {
        if (player.exitCode !== null || Date.now() > deadline)
          throw new Error(`${times.length} of ${target} frames: ${errors}`);
        await sleep(20);
      }
    };
    await more(20);
    const { sources } = server.video.rtp.stats;
    for (const source of [server.video, server.audio, server.video]) {
      source.crash();
      await more(20);
    }
    t.equal(server.video.rtp.stats.sources, sources + 2, 'two more lives of the encoder');
    t.same(server.viewers.history, ['joined cam'], 'one life of the viewer');
    t.ok(
      times.every((time, i) => i === 0 || time > (times[i - 1] as number)),
      'time only moves forward',
    );
    t.equal(errors, '', 'nothing to complain about');
  });
}
