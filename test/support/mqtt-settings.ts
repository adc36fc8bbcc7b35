import type { MqttSettings } from '../../config/settings.ts';
import { RIGHTS } from '../../daemon/access/access.ts';
import { RequestRights } from '../../daemon/control/request-rights.ts';
import { systemClock } from '../../daemon/lib/clock.ts';

/** What the control room gets where a test asks for nothing else: no broker, and nothing that comes by itself. */
export const MQTT_SETTINGS: MqttSettings = {
  url: '',
  baseTopic: 'vedette',
  clientId: '',
  username: '',
  password: '',
  protocolVersion: 'auto',
  keepalive: 30,
  willDelay: 0,
  telemetryInterval: 0,
  snapshotInterval: 0,
  discovery: { enabled: false, prefix: 'homeassistant' },
  acl: { rights: [...RIGHTS], commands: [], publicKeyFile: '' },
  embeddedPort: 1883,
  tls: { caFile: '', certFile: '', keyFile: '', fingerprint: '', insecure: false },
};

/** Everybody on the broker may request everything. */
export const TRUSTING = new RequestRights({ acl: () => MQTT_SETTINGS.acl, audience: () => [], clock: systemClock });
