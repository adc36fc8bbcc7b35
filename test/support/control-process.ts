/** A process that is on the broker as a gateway, to be killed. Its argument is the MQTT settings as JSON. */
import { tmpdir } from 'node:os';
import { Controller } from '../../daemon/control/controller.ts';
import { MqttControl } from '../../daemon/control/mqtt/control.ts';
import { systemClock } from '../../daemon/lib/clock.ts';
import { silentLog } from '../../daemon/lib/log.ts';
import { FakeGateway } from './fake-gateway.ts';
import { TRUSTING } from './mqtt-settings.ts';

const gateway = new FakeGateway('camera');
const control = new MqttControl({
  settings: JSON.parse(process.argv[2] ?? ''),
  gatewayId: 'porch',
  controller: new Controller({ gateway, rights: TRUSTING, clock: systemClock, log: silentLog }),
  gateway,
  directory: tmpdir(),
  log: silentLog,
});
await control.start();
