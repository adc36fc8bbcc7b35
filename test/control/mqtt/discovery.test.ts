import { test } from 'tap';
import type { GatewayPort } from '../../../daemon/control/gateway-port.ts';
import { Discovery } from '../../../daemon/control/mqtt/discovery.ts';
import type { DeviceDescription } from '../../../daemon/control/mqtt/home-assistant.ts';
import type { IncomingMessage } from '../../../daemon/control/mqtt/incoming-message.ts';
import { Topics } from '../../../daemon/control/mqtt/topics.ts';
import type { OutgoingMessage } from '../../../daemon/control/outbox.ts';
import { FakeGateway } from '../../support/fake-gateway.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const CAMERA = 'homeassistant/device/porch/stream-camera/config';
const GATEWAY = 'homeassistant/device/porch/gateway/config';

function world(options: { enabled?: boolean; telemetryInterval?: number } = {}) {
  const gateway = new FakeGateway('camera');
  const clock = new ManualClock();
  const sent: OutgoingMessage[] = [];
  let births = 0;
  const discovery = new Discovery({
    enabled: options.enabled ?? true,
    telemetryInterval: options.telemetryInterval ?? 30,
    topics: new Topics('vedette', 'porch', 'homeassistant'),
    gateway: gateway as GatewayPort,
    send: (message) => sent.push(message),
    born: () => {
      births += 1;
    },
    clock,
  });
  const take = () => sent.splice(0).map(({ topic, payload, retain }) => ({ topic, payload: String(payload), retain }));
  return { gateway, clock, discovery, take, births: () => births };
}

function message(topic: string, text: string, retain = true): IncomingMessage {
  return {
    topic,
    payload: Buffer.from(text),
    retain,
    responseTopic: undefined,
    correlationData: undefined,
    token: undefined,
    sender: 'mqtt',
    expiry: undefined,
  };
}

const parse = (payload: string | undefined): DeviceDescription => JSON.parse(payload ?? '{}');

test('one device for the gateway and one for each stream under it', async (t) => {
  const { discovery, take } = world();
  discovery.publishAll();
  const [gateway, camera, ...more] = take();
  t.same(more, []);
  t.match(gateway, { topic: GATEWAY, retain: true });
  t.match(camera, { topic: CAMERA, retain: true });
  t.match(parse(gateway?.payload), {
    device: { identifiers: ['vedette_porch'] },
    availability: [{ topic: 'vedette/porch/availability' }],
  });
  const { device, components, availability, availability_mode } = parse(camera?.payload);
  t.match(device, { identifiers: ['vedette_porch__camera'], via_device: 'vedette_porch', model: 'USB Camera' });
  t.same(availability, [
    { topic: 'vedette/porch/availability' },
    { topic: 'vedette/porch/streams/camera/availability' },
  ]);
  t.equal(availability_mode, 'all');
  t.match(components.control_brightness, {
    platform: 'number',
    min: 0,
    max: 255,
    step: 1,
    command_topic: 'vedette/porch/streams/camera/set/brightness',
  });
  t.match(components.control_power_line_frequency, { platform: 'select', options: ['Disabled', '50 Hz'] });
  const ids = Object.values(components).map(({ unique_id }) => unique_id);
  t.equal(new Set(ids).size, ids.length, 'ids are unique');
});

test('changes are coalesced, and what is as before is not said again', async (t) => {
  const { discovery, clock, gateway, take } = world();
  discovery.publishAll();
  take();
  gateway.set('camera', 'muted');
  discovery.changed();
  clock.advance(500);
  t.same(take(), [], 'the state is in no description');
  gateway.set('porch', 'live');
  for (let i = 0; i < 10; i++) discovery.changed();
  clock.advance(500);
  t.same(
    take().map(({ topic }) => topic),
    ['homeassistant/device/porch/stream-porch/config'],
  );
  gateway.remove('porch');
  discovery.streamChanged('porch');
  const [removal, cleared, ...more] = take();
  t.match(removal, { topic: 'homeassistant/device/porch/stream-porch/config', retain: false });
  t.same(parse(removal?.payload).components.enabled, { platform: 'switch' }, 'its entities are taken back');
  t.same(cleared, { topic: 'homeassistant/device/porch/stream-porch/config', payload: '', retain: true });
  t.same(more, []);
  t.equal(clock.pending, 0);
});

test('an entity that is gone is taken back, then the device is described without it', async (t) => {
  const { discovery, clock, gateway, take } = world();
  discovery.publishAll();
  take();
  const devices = gateway.devices();
  gateway.devices = () => devices.map((device) => ({ ...device, controls: device.controls.slice(0, 1) }));
  discovery.changed();
  clock.advance(500);
  const [removal, description] = take();
  t.equal(removal?.retain, false);
  t.same(parse(removal?.payload).components.control_power_line_frequency, { platform: 'select' });
  t.equal(description?.retain, true);
  t.notOk('control_power_line_frequency' in parse(description?.payload).components);
});

test('what an earlier life said is compared with what is', async (t) => {
  const { discovery, clock, take } = world();
  discovery.publishAll();
  const said = take()[1]?.payload ?? '';
  discovery.received(message(CAMERA, said));
  t.same(take(), [], 'the same');
  const old = JSON.stringify({ components: { control_gain: { platform: 'number', min: 0 }, junk: 7 } });
  discovery.received(message(CAMERA, old, false));
  t.same(take(), [], 'not what somebody says just now');
  discovery.received(message(CAMERA, old));
  const [removal, again] = take();
  t.same(parse(removal?.payload).components.control_gain, { platform: 'number' });
  t.match(again, { payload: said, retain: true });
  discovery.received(message(CAMERA, old));
  t.same(take(), [], 'once a connection: another gateway of our name does not make us shout');
  const gone = 'homeassistant/device/porch/stream-gone/config';
  discovery.received(message(gone, '{}'));
  t.same(take(), [{ topic: gone, payload: '', retain: true }], 'a stream of an earlier life');
  discovery.streamChanged('never-there');
  t.same(take(), []);
  discovery.streamChanged('camera');
  clock.advance(500);
  t.same(take(), []);
});

for (const text of ['not JSON', '[]', '{"components":null}', '{"components":{"a":null}}']) {
  test(`garbage on our own topic: ${text}`, async (t) => {
    const { discovery, take } = world();
    discovery.publishAll();
    const said = take()[1]?.payload;
    discovery.received(message(CAMERA, text));
    t.match(take(), [{ payload: said, retain: true }], 'is replaced');
  });
}

test('Home Assistant is born: everything again, after a moment', async (t) => {
  const { discovery, clock, take, births } = world();
  discovery.publishAll();
  take();
  discovery.received(message('homeassistant/status', 'offline', false));
  discovery.received(message('homeassistant/status', 'online', false));
  discovery.received(message('homeassistant/status', 'online', false));
  clock.advance(499);
  t.same(take(), [], 'not at once');
  clock.advance(5001);
  t.equal(take().length, 2);
  t.equal(births(), 1);
  discovery.received(message('homeassistant/status', 'online', false));
  discovery.stop();
  t.equal(clock.pending, 0);
});

test('switched off: nothing is said, and what was said is taken back', async (t) => {
  const { discovery, clock, take } = world({ enabled: false });
  discovery.publishAll();
  discovery.changed();
  discovery.received(message('homeassistant/status', 'online', false));
  clock.advance(10_000);
  t.same(take(), []);
  discovery.received(message(CAMERA, '{"components":{}}'));
  t.same(take(), [{ topic: CAMERA, payload: '', retain: true }]);
});

test('without telemetry no entity waits for it', async (t) => {
  const { discovery, take } = world({ telemetryInterval: 0 });
  discovery.publishAll();
  t.notOk(take().some(({ payload }) => payload.includes('/telemetry')));
});
