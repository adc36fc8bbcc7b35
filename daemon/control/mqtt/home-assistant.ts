import { STREAM_EVENTS } from '../events.ts';
import type { DeviceControlReport, DeviceReport, GatewayInfo, StreamReport } from '../gateway-port.ts';
import { maxBitrate, maxFramerate } from '../schemas.ts';
import type { Topics } from './topics.ts';

/** One entity, as Home Assistant's MQTT discovery has it. */
export interface Component {
  platform: string;
  unique_id?: string;
  [option: string]: unknown;
}

/** A device with its entities (Home Assistant, MQTT device discovery). */
export interface DeviceDescription {
  device: Record<string, unknown>;
  origin: { name: string; sw_version: string };
  availability: { topic: string }[];
  availability_mode: 'all';
  qos: 1;
  components: Record<string, Component>;
}

export interface DescriptionContext {
  info: GatewayInfo;
  topics: Topics;
  /** Seconds; 0: there is no telemetry to show. */
  telemetryInterval: number;
}

const STATE_ON = { payload_on: 'ON', payload_off: 'OFF', state_on: 'ON', state_off: 'OFF' };
const FAIL = { device_class: 'problem', entity_category: 'diagnostic' };
/** Telemetry that has not come for so many intervals is no longer true. */
const TELEMETRY_EXPIRY = 3;

/** The ids by which Home Assistant tells our devices apart. */
function deviceIds(gatewayId: string): { gateway: string; stream(name: string): string } {
  const gateway = `vedette_${gatewayId}`;
  return { gateway, stream: (name) => `${gateway}__${name}` };
}

/** The gateway itself: how it is, and how its machine is. */
export function gatewayDevice({ info, topics, telemetryInterval }: DescriptionContext): DeviceDescription {
  const id = deviceIds(info.id).gateway;
  const page = info.listeners.find(({ protocol }) => protocol === 'http');
  const telemetry = telemetrySensors(topics, telemetryInterval);
  return describe(id, info, [{ topic: topics.availability }], {
    device: {
      name: `Vedette ${info.id}`,
      model: info.board,
      ...(page === undefined ? {} : { configuration_url: page.url }),
    },
    components: {
      restart: {
        platform: 'button',
        name: 'Restart',
        device_class: 'restart',
        ...press(topics, 'gateway/restart', {}),
      },
      ...telemetry({
        problem: {
          platform: 'binary_sensor',
          name: 'Problem',
          ...FAIL,
          value_template: "{{ 'OFF' if value_json.health.status == 'ok' else 'ON' }}",
          json_attributes_topic: topics.telemetry,
          json_attributes_template: '{{ value_json.health | tojson }}',
        },
        cpu: percent(
          'Processor',
          '{{ (value_json.machine.cpu * 100) | round(1) if value_json.machine.cpu is number else None }}',
        ),
        memory: percent(
          'Memory',
          '{{ (100 - 100 * value_json.machine.memory.available / value_json.machine.memory.total) | round(1) }}',
        ),
        temperature: {
          ...sensor(
            'Temperature',
            '{{ value_json.machine.temperature if value_json.machine.temperature is number else None }}',
          ),
          device_class: 'temperature',
          unit_of_measurement: '°C',
        },
        wifi: {
          ...sensor('Wi-Fi signal', '{{ value_json.machine.wifi.values() | first | default(None) }}'),
          device_class: 'signal_strength',
          unit_of_measurement: 'dBm',
        },
      }),
    },
  });
}

/** One stream: its picture, its switches and numbers, and the controls of its camera. */
export function streamDevice(
  { info, topics, telemetryInterval }: DescriptionContext,
  stream: StreamReport,
  devices: readonly DeviceReport[],
): DeviceDescription {
  const ids = deviceIds(info.id);
  const { name } = stream;
  const at = topics.stream(name);
  const gatewayOnly = { availability: [{ topic: topics.availability }] };
  const video = stream.tracks.find(({ kind }) => kind === 'video');
  const camera = devices.find(({ deviceId }) => deviceId === video?.settings.deviceId);
  const own = `value_json.streams['${name}']`;
  const telemetry = telemetrySensors(topics, telemetryInterval);
  const events = STREAM_EVENTS.map((type) => `'${type}'`).join(', ');
  const picture: Record<string, Component> = {
    picture: { platform: 'camera', name: 'Picture', topic: at.snapshot },
    snapshot: { platform: 'button', name: 'Snapshot', ...press(topics, 'stream/snapshot', { name }) },
    key_frame: {
      platform: 'button',
      name: 'Key frame',
      entity_category: 'diagnostic',
      ...press(topics, 'stream/keyframe', { name }),
    },
    bitrate_limit: encodingNumber('Bit rate', 'maxBitrate', at, 'bitrate', {
      min: maxBitrate.minimum,
      max: maxBitrate.maximum,
      step: 10_000,
      device_class: 'data_rate',
      unit_of_measurement: 'bit/s',
    }),
    frame_rate_limit: encodingNumber('Frame rate', 'maxFramerate', at, 'frameRate', {
      min: maxFramerate.minimum,
      max: maxFramerate.maximum,
      step: 1,
      unit_of_measurement: 'fps',
    }),
  };
  return describe(ids.stream(name), info, [{ topic: topics.availability }, { topic: at.availability }], {
    device: {
      name: `${info.id} ${name}`,
      model: camera?.label ?? video?.label ?? 'Audio',
      via_device: ids.gateway,
      ...(stream.urls.page === undefined ? {} : { configuration_url: stream.urls.page }),
    },
    components: {
      ...(video === undefined ? {} : picture),
      enabled: {
        platform: 'switch',
        name: 'Enabled',
        ...STATE_ON,
        ...gatewayOnly,
        state_topic: at.state,
        value_template: "{{ 'ON' if value_json.enabled else 'OFF' }}",
        command_topic: at.set('enabled'),
      },
      privacy: {
        platform: 'switch',
        name: 'Privacy',
        ...STATE_ON,
        ...gatewayOnly,
        state_topic: at.state,
        value_template: "{{ 'ON' if value_json.state == 'privacy' else 'OFF' }}",
        command_topic: at.set('privacy'),
      },
      restart: {
        platform: 'button',
        name: 'Restart',
        device_class: 'restart',
        ...gatewayOnly,
        ...press(topics, 'stream/restart', { name }),
      },
      problem: {
        platform: 'binary_sensor',
        name: 'Problem',
        ...FAIL,
        ...gatewayOnly,
        state_topic: at.state,
        value_template: "{{ 'ON' if value_json.state in ['muted', 'error'] else 'OFF' }}",
      },
      state: {
        platform: 'sensor',
        name: 'State',
        device_class: 'enum',
        options: ['idle', 'starting', 'live', 'muted', 'privacy', 'error'],
        ...gatewayOnly,
        state_topic: at.state,
        value_template: '{{ value_json.state }}',
        json_attributes_topic: at.state,
        json_attributes_template:
          "{{ {'reason': value_json.reason | default(none), 'since': value_json.since, 'urls': value_json.urls} | tojson }}",
      },
      viewers: {
        platform: 'sensor',
        name: 'Viewers',
        state_class: 'measurement',
        state_topic: at.state,
        value_template: '{{ value_json.viewers.values() | sum }}',
      },
      events: {
        platform: 'event',
        name: 'Event',
        event_types: STREAM_EVENTS,
        state_topic: topics.events,
        value_template: `{% if value_json.stream == '${name}' and value_json.type in [${events}] %}{{ dict(value_json.data, event_type=value_json.type) | tojson }}{% endif %}`,
      },
      ...telemetry({
        bitrate: {
          ...sensor('Bit rate', `{{ ${own}.bitrate if ${own} is defined else None }}`),
          device_class: 'data_rate',
          unit_of_measurement: 'bit/s',
        },
        frame_rate: {
          ...sensor('Frame rate', `{{ ${own}.frameRate if ${own} is defined else None }}`),
          unit_of_measurement: 'fps',
        },
      }),
      ...Object.fromEntries(
        (camera?.controls ?? [])
          .filter(settable)
          .map((control) => [`control_${control.name}`, controlEntity(control, at)]),
      ),
    },
  });
}

type StreamTopics = ReturnType<Topics['stream']>;

function describe(
  id: string,
  { versions }: GatewayInfo,
  availability: { topic: string }[],
  { device, components }: Pick<DeviceDescription, 'device' | 'components'>,
): DeviceDescription {
  return {
    device: {
      identifiers: [id],
      manufacturer: 'Vedette',
      sw_version: versions.gateway,

      ...device,
    },
    origin: { name: 'Vedette', sw_version: versions.gateway },
    availability,
    availability_mode: 'all',
    qos: 1,
    components: Object.fromEntries(
      Object.entries(components).map(([key, component]) => [key, { unique_id: `${id}_${key}`, ...component }]),
    ),
  };
}

/** A command without a word of its own: nobody reads the answer. */
function press(topics: Topics, command: string, request: object): object {
  return { command_topic: topics.request(command), payload_press: JSON.stringify(request) };
}

function sensor(name: string, template: string): Component {
  return {
    platform: 'sensor',
    name,
    state_class: 'measurement',
    entity_category: 'diagnostic',
    value_template: template,
  };
}

function percent(name: string, template: string): Component {
  return { ...sensor(name, template), unit_of_measurement: '%' };
}

/** Entities that telemetry feeds: none where there is none. */
function telemetrySensors(
  topics: Topics,
  interval: number,
): (components: Record<string, Component>) => Record<string, Component> {
  if (interval <= 0) return () => ({});
  const common = { state_topic: topics.telemetry, expire_after: Math.ceil(interval * TELEMETRY_EXPIRY) };
  return (components) =>
    Object.fromEntries(Object.entries(components).map(([key, component]) => [key, { ...component, ...common }]));
}

function encodingNumber(name: string, member: string, at: StreamTopics, property: string, limits: object): Component {
  return {
    platform: 'number',
    name: `${name} limit`,
    mode: 'box',
    entity_category: 'config',
    state_topic: at.state,
    value_template: `{{ value_json.encodings[0].${member} if value_json.encodings[0].${member} is number else None }}`,
    command_topic: at.set(property),
    ...limits,
  };
}

function settable({ readOnly }: DeviceControlReport): boolean {
  return readOnly !== true;
}

/** A control of the camera, with the driver's own limits. */
function controlEntity({ name, type, min, max, step, menu = [] }: DeviceControlReport, at: StreamTopics): Component {
  const value = `value_json.controls['${name}']`;
  const command = { name: words(name), entity_category: 'config', command_topic: at.set(name) };
  const common = { ...command, state_topic: at.state };
  switch (type) {
    case 'button':
      return { platform: 'button', ...command, payload_press: '1' };
    case 'boolean':
      return { platform: 'switch', ...common, ...STATE_ON, value_template: `{{ 'ON' if ${value} else 'OFF' }}` };
    case 'menu':
      return {
        platform: 'select',
        ...common,
        options: menu.map(({ label }) => label),
        value_template: `{{ {${menu.map((item) => `${item.value}: ${literal(item.label)}`).join(', ')}}[${value} | int] }}`,
      };
    case 'integer':
    case 'number':
      return {
        platform: 'number',
        ...common,
        mode: 'slider',
        min,
        max,
        step: step ?? (type === 'integer' ? 1 : 0.01),
        value_template: `{{ ${value} }}`,
      };
  }
}

/** `white_balance_automatic` as people write it. */
function words(name: string): string {
  const text = name.replaceAll('_', ' ');
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A text of the driver inside of a template. */
function literal(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}
