import { STREAM_EVENTS } from '../events.ts';
import type { DeviceReport, GatewayInfo, StreamReport } from '../gateway-port.ts';
import { maxBitrate, maxFramerate } from '../schemas.ts';
import {
  type Component,
  controlEntity,
  encodingNumber,
  FAIL,
  percent,
  press,
  STATE_ON,
  sensor,
  settable,
  telemetrySensors,
} from './home-assistant-entities.ts';
import type { Topics } from './topics.ts';

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
        ...(stream.tracks.some(({ kind }) => kind === 'audio') && {
          sound_level: {
            ...sensor('Sound level', `{{ ${own}.sound.rms if ${own}.sound is defined else None }}`),
            unit_of_measurement: 'dBFS',
            suggested_display_precision: 0,
          },
        }),
      }),
      ...Object.fromEntries(
        (camera?.controls ?? [])
          .filter(settable)
          .map((control) => [`control_${control.name}`, controlEntity(control, at)]),
      ),
    },
  });
}

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
