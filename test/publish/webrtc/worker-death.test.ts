import { test } from 'tap';
import { type Log, silentLog } from '../../../daemon/lib/log.ts';
import { eventually, startWebGateway } from '../../support/web-gateway.ts';

for (const signal of ['SIGKILL', 'SIGSTOP'] as const) {
  test(`a worker that got ${signal} is replaced, and new offers work at once`, async (t) => {
    const served = await startWebGateway(t);
    const viewer = await served.watch();
    await eventually('media', () => viewer.rtp.video.length > 10);
    const pid = served.publisher.workerPid as number;
    process.kill(pid, signal);
    await eventually('the death is noticed', () => served.left.length === 1, 30_000);
    t.same(served.left, ['worker died']);
    t.notOk(served.source.video.running, 'taps are closed');
    const next = await served.watch();
    await eventually('media from the new worker', () => next.rtp.video.length > 10);
    t.not(served.publisher.workerPid, pid);
    t.equal(served.publisher.workerDeaths, 1);
  });
}

test('a viewer that makes the native library spin costs the worker, nothing else', async (t) => {
  const warnings: string[] = [];
  const warn = (_fields: object, message = ''): void => void warnings.push(message);
  const log: Log = { ...silentLog, warn, child: () => ({ ...silentLog, warn }) };
  const served = await startWebGateway(t, { log });
  const viewer = await served.watch();
  await eventually('media', () => viewer.rtp.video.length > 10);
  // A chunk item that is longer than its packet: libdatachannel 0.24 never gets past it.
  const report = Buffer.from([0x80, 201, 0, 1, 0, 0, 0, 9]);
  const description = Buffer.from([0x81, 202, 0, 2, 0, 0, 0, 9, 1, 250, 65, 65]);
  for (let i = 0; i < 3; i++) viewer.send('video', Buffer.concat([report, description]));
  await eventually('the worker is replaced', () => served.publisher.workerDeaths === 1, 30_000);
  t.match(warnings.join(), /spinning/, 'because of what it does, not for want of a heartbeat');
  const next = await served.watch();
  await eventually('media from the new worker', () => next.rtp.video.length > 10);
});
