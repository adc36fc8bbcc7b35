import type { DeviceControlReport } from '../gateway-port.ts';
import type { Topics } from './topics.ts';

/** One entity, as Home Assistant's MQTT discovery has it. */
export interface Component {
  platform: string;
  unique_id?: string;
  [option: string]: unknown;
}

type StreamTopics = ReturnType<Topics['stream']>;

export const STATE_ON = { payload_on: 'ON', payload_off: 'OFF', state_on: 'ON', state_off: 'OFF' };
export const FAIL = { device_class: 'problem', entity_category: 'diagnostic' };
/** Telemetry that has not come for so many intervals is no longer true. */
const TELEMETRY_EXPIRY = 3;

/** A command without a word of its own: nobody reads the answer. */
export function press(topics: Topics, command: string, request: object): object {
  return { command_topic: topics.request(command), payload_press: JSON.stringify(request) };
}

export function sensor(name: string, template: string): Component {
  return {
    platform: 'sensor',
    name,
    state_class: 'measurement',
    entity_category: 'diagnostic',
    value_template: template,
  };
}

export function percent(name: string, template: string): Component {
  return { ...sensor(name, template), unit_of_measurement: '%' };
}

/** Entities that telemetry feeds: none where there is none. */
export function telemetrySensors(
  topics: Topics,
  interval: number,
): (components: Record<string, Component>) => Record<string, Component> {
  if (interval <= 0) return () => ({});
  const common = { state_topic: topics.telemetry, expire_after: Math.ceil(interval * TELEMETRY_EXPIRY) };
  return (components) =>
    Object.fromEntries(Object.entries(components).map(([key, component]) => [key, { ...component, ...common }]));
}

export function encodingNumber(
  name: string,
  member: string,
  at: StreamTopics,
  property: string,
  limits: object,
): Component {
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

export function settable({ readOnly }: DeviceControlReport): boolean {
  return readOnly !== true;
}

/** A control of the camera, with the driver's own limits. */
export function controlEntity(
  { name, type, min, max, step, menu = [] }: DeviceControlReport,
  at: StreamTopics,
): Component {
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
