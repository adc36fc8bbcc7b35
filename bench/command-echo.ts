/** Answers every request of the gateway `echo` at once, with nothing but the MQTT client between: what bench/command.ts compares with. */
import { openConnection } from '../daemon/control/mqtt/open-connection.ts';
import { MQTT_SETTINGS } from '../test/support/mqtt-settings.ts';

const connection = await openConnection({
  ...MQTT_SETTINGS,
  url: process.argv[2] ?? '',
  version: 5,
  clientId: 'echo',
  clean: true,
  timeout: 10_000,
  message: ({ responseTopic: topic = '', correlationData }) =>
    void connection.publish({ topic, payload: '{"status":"ok","data":{}}', qos: 1, retain: false, correlationData }),
});
await connection.subscribe('vedette/echo/request/#', { retained: false });
process.send?.('ready');
