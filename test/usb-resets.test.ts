import { test } from 'tap';
import { TEST_PICTURE } from '../daemon/capture/device.ts';
import type { GatewayEvent } from '../daemon/control/gateway-port.ts';
import { UsbResets } from '../daemon/usb-resets.ts';
import { eventProblems } from './support/event-schemas.ts';

test('resets are counted, and events', async (t) => {
  const events: GatewayEvent[] = [];
  let after = 5;
  const resets = new UsbResets({ after: () => after, event: (event) => events.push(event) });
  t.equal(resets.after(), 5);
  after = 0;
  t.equal(resets.after(), 0, 'as the configuration is now');
  resets.done(TEST_PICTURE, 'the device delivered nothing for 700 ms', undefined);
  resets.done(TEST_PICTURE, 'gone', 'usbreset is not installed (package usbutils)');
  t.same(resets.counts, { done: 1, failed: 1 });
  t.match(events, [
    { type: 'device_reset', data: { label: 'Test picture', reason: /delivered nothing/ } },
    { type: 'device_reset', data: { error: /package usbutils/ } },
  ]);
  const stamp = { id: '1', time: '2026-01-01T00:00:00.000Z', uptime: 1 };
  t.same(eventProblems(events.map((event) => JSON.stringify({ ...stamp, ...event }))), []);
});
