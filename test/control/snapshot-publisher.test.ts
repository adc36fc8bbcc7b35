import { test } from 'tap';
import { ControlError } from '../../daemon/control/gateway-port.ts';
import { SnapshotPublisher } from '../../daemon/control/snapshot-publisher.ts';
import { silentLog } from '../../daemon/lib/log.ts';
import { FakeGateway } from '../support/fake-gateway.ts';
import { ManualClock } from '../support/manual-clock.ts';

function world(interval: number) {
  const gateway = new FakeGateway('camera');
  const clock = new ManualClock();
  const pictures: string[] = [];
  const publisher = new SnapshotPublisher({
    gateway,
    transport: {
      logTopic: '',
      publishLogLine: () => undefined,
      publishSnapshot: async (name) => {
        pictures.push(name);
        return '';
      },
    },
    interval,
    clock,
    log: silentLog,
  });
  gateway.observe({
    infoChanged: () => undefined,
    devicesChanged: () => undefined,
    configChanged: () => undefined,
    streamChanged: (name) => publisher.streamChanged(name),
    event: () => undefined,
  });
  const advance = async (milliseconds: number): Promise<void> => {
    clock.advance(milliseconds);
    await new Promise(setImmediate);
  };
  return { gateway, clock, pictures, publisher, advance };
}

test('a picture when a stream becomes live, then at the interval for as long as it is', async (t) => {
  const { gateway, pictures, publisher, advance, clock } = world(10);
  publisher.start();
  await advance(0);
  t.same(pictures, ['camera']);
  gateway.set('camera', 'live');
  await advance(9_999);
  t.same(pictures, ['camera'], 'other changes make none');
  await advance(1);
  await advance(10_000);
  t.equal(pictures.length, 3);
  gateway.set('camera', 'idle');
  await advance(60_000);
  t.equal(pictures.length, 3, 'no camera is woken');
  gateway.set('camera', 'live');
  await advance(0);
  t.equal(pictures.length, 4);
  gateway.remove('camera');
  t.equal(clock.pending, 0);
  publisher.stop();
});

test('without an interval only one when it becomes live', async (t) => {
  const { gateway, pictures, publisher, advance, clock } = world(0);
  publisher.start();
  await advance(60_000);
  t.same(pictures, ['camera']);
  gateway.snapshot = async () => {
    throw new ControlError('unavailable', 'no picture');
  };
  publisher.again();
  await advance(0);
  t.same(pictures, ['camera'], 'a failure is no end');
  t.equal(clock.pending, 0);
});
