/**
 * The discovery before a real Home Assistant. It runs where VEDETTE_HOME_ASSISTANT names a Python interpreter that has it:
 * `pip install homeassistant==2025.3.4 paho-mqtt==2.1.0 PyTurboJPEG==1.7.5` under Python 3.13 or later.
 */
import { type Test, test } from 'tap';
import { Controller } from '../../daemon/control/controller.ts';
import { MqttControl } from '../../daemon/control/mqtt/control.ts';
import { systemClock } from '../../daemon/lib/clock.ts';
import { silentLog } from '../../daemon/lib/log.ts';
import { Daemon } from '../support/daemon.ts';
import { FakeGateway } from '../support/fake-gateway.ts';
import { HomeAssistant } from '../support/home-assistant.ts';
import { Mosquitto, until } from '../support/mosquitto.ts';
import { MQTT_SETTINGS, TRUSTING } from '../support/mqtt-settings.ts';

const PYTHON = process.env.VEDETTE_HOME_ASSISTANT ?? '';
const options = { skip: PYTHON === '' ? 'VEDETTE_HOME_ASSISTANT is not set' : false, timeout: 170_000 };

interface World {
  broker: Mosquitto;
  home: HomeAssistant;
  /** Waits until an entity of the stream shows this. */
  shows(id: string, state: string): Promise<void>;
}

async function world(t: Test): Promise<World> {
  const broker = new Mosquitto();
  await broker.start();
  const home = new HomeAssistant(PYTHON);
  t.teardown(async () => {
    await home.stop();
    await broker.stop();
  });
  await home.start(broker.port);
  return {
    broker,
    home,
    shows: async (id, state) => {
      let seen: string | undefined;
      await until(async () => {
        seen = (await home.states())[`vedette_porch__camera_${id}`]?.state;
        return seen === state;
      }, `${id} ${state}`).catch((error) => t.equal(seen, state, error.message));
    },
  };
}

test('a real gateway: its entities are there, show what is, and work', options, async (t) => {
  const { broker, home, shows } = await world(t);
  const daemon = new Daemon({ 'mqtt.url': broker.url, 'mqtt.telemetryInterval': '1', 'mqtt.willDelay': '0' });
  t.teardown(() => daemon.stop());
  await daemon.start();
  await shows('enabled', 'on');
  await shows('state', 'idle');
  await until(async () => (await home.states()).vedette_porch_cpu?.state !== 'unknown', 'the load');
  t.match(await home.devices(), [
    { name: 'Vedette porch', identifiers: ['vedette_porch'], via: null },
    { name: 'porch camera', identifiers: ['vedette_porch__camera'], via: 'Vedette porch' },
  ]);

  await home.call('button.press', { entity_id: 'button.porch_camera_snapshot' });
  let picture = { size: 0, type: '' };
  await until(async () => {
    // There is none yet.
    picture = await home.picture('camera.porch_camera_picture').catch(() => picture);
    return picture.size > 0;
  }, 'the picture');
  t.ok(picture.size > 1000);
  t.equal(picture.type, 'image/jpeg');
  const start = { topic: 'vedette/porch/request/stream/start', payload: '{"name":"camera"}' };
  await home.call('mqtt.publish', start);
  await shows('state', 'live');

  await home.call('number.set_value', { entity_id: 'number.porch_camera_bit_rate_limit', value: 700_000 });
  await shows('bitrate_limit', '700000');
  await home.call('switch.turn_off', { entity_id: 'switch.porch_camera_enabled' });
  await shows('enabled', 'off');
  await shows('state', 'idle');
  await home.call('switch.turn_on', { entity_id: 'switch.porch_camera_enabled' });
  await shows('enabled', 'on');
  await home.call('switch.turn_on', { entity_id: 'switch.porch_camera_privacy' });
  await shows('state', 'privacy');
  await shows('privacy', 'on');
  t.match((await home.states()).vedette_porch__camera_events, { attributes: { event_type: 'stream_state' } });
  t.same(await home.problems(), [], 'Home Assistant had nothing to complain about');
  daemon.signal('SIGKILL');
  await shows('enabled', 'unavailable');
});

test("a camera's controls work; streams are renamed and go", options, async (t) => {
  const { broker, home, shows } = await world(t);
  const gateway = new FakeGateway('camera');
  const control = new MqttControl({
    settings: { ...MQTT_SETTINGS, url: broker.url, discovery: { enabled: true, prefix: 'homeassistant' } },
    gatewayId: 'porch',
    controller: new Controller({ gateway, rights: TRUSTING, clock: systemClock, log: silentLog }),
    gateway,
    directory: '',
    log: silentLog,
  });
  t.teardown(() => control.stop());
  await control.start();
  await shows('control_brightness', '128');
  await shows('control_power_line_frequency', '50 Hz');
  await shows('viewers', '1');
  await home.call('number.set_value', { entity_id: 'number.porch_camera_brightness', value: 12 });
  await home.call('select.select_option', {
    entity_id: 'select.porch_camera_power_line_frequency',
    option: 'Disabled',
  });
  await home.call('button.press', { entity_id: 'button.porch_camera_restart' });
  await until(() => gateway.calls.length === 3, 'all came');
  t.same(gateway.calls.sort(), ['controls {"brightness":12}', 'controls {"power_line_frequency":0}', 'restart camera']);
  gateway.set('camera', 'muted');
  await shows('problem', 'on');
  await shows('control_brightness', 'unavailable');
  await shows('enabled', 'on');

  const devices = gateway.devices();
  gateway.devices = () => devices.map((device) => ({ ...device, controls: device.controls.slice(0, 1) }));
  for (const observer of gateway.observers) observer.devicesChanged();
  await until(
    async () => !('vedette_porch__camera_control_power_line_frequency' in (await home.states())),
    'the control of another camera is gone',
  );
  gateway.set('front', 'live');
  gateway.remove('camera');
  await until(async () => {
    const names = (await home.devices()).map(({ name }) => name);
    return names.includes('porch front') && !names.includes('porch camera');
  }, 'renamed');
  // It looks for entities that have been taken back already.
  const problems = (await home.problems()).filter((line) => !line.startsWith('No device components to cleanup'));
  t.same(problems, []);
});
