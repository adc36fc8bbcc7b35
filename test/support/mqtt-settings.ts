import type { MqttSettings } from '../../config/settings.ts';

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
  embeddedPort: 1883,
  tls: { caFile: '', certFile: '', keyFile: '', insecure: false },
};
