import { randomBytes } from 'node:crypto';
import { VIDEO_CODECS } from '../../config/codecs.ts';
import { EVENT_TYPES, type EventType } from '../../config/event-types.ts';
import type { Clock } from '../lib/clock.ts';
import type { SchemaObject } from './command.ts';
import { changedBy } from './config-schemas.ts';
import type { GatewayEvent, StampedEvent } from './gateway-port.ts';

export interface EventDefinition {
  summary: string;
  /** It is about a stream, which the event names. */
  stream: boolean;
  /** JSON Schema of `data`. */
  data: SchemaObject;
}

const text = { type: 'string' } as const;
const reason = { type: 'string', description: 'For people' } as const;
const viewer = {
  protocol: { type: 'string', description: '`rtsp`, `webrtc`, `rtmp`, `http-flv`, `mjpeg`' },
  remoteAddress: text,
  user: { type: 'string', description: 'Who signed in' },
} as const;
const streamState = { enum: ['idle', 'starting', 'live', 'muted', 'privacy', 'error'] } as const;
const healthStatus = { enum: ['ok', 'degraded', 'failing'] } as const;
const device = {
  type: 'object',
  properties: { deviceId: text, kind: { enum: ['videoinput', 'audioinput'] }, label: text, path: text },
  required: ['deviceId', 'kind', 'label', 'path'],
} as const;

/** Every event by its type, which is stable; data may grow. The only source of docs and of what hooks can ask for. */
export const EVENTS: Readonly<Record<EventType, EventDefinition>> = {
  stream_state: {
    summary: 'A stream has another state',
    stream: true,
    data: { type: 'object', properties: { from: streamState, to: streamState, reason }, required: ['from', 'to'] },
  },
  viewer_joined: {
    summary: 'Somebody watches',
    stream: true,
    data: { type: 'object', properties: viewer, required: ['protocol', 'remoteAddress'] },
  },
  viewer_left: {
    summary: 'Somebody watches no more',
    stream: true,
    data: { type: 'object', properties: { ...viewer, reason }, required: ['protocol', 'remoteAddress', 'reason'] },
  },
  set_failed: {
    summary: 'A value that was published to a plain topic was not taken',
    stream: true,
    data: {
      type: 'object',
      properties: { property: text, value: text, code: text, message: text, path: text },
      required: ['property', 'value', 'code', 'message'],
    },
  },
  device_added: { summary: 'A camera or microphone was plugged in', stream: false, data: device },
  device_removed: { summary: 'A camera or microphone was unplugged', stream: false, data: device },
  device_reset: {
    summary: 'A camera that new processes did not bring back was reset over the USB (`devices.usbResetAfter`)',
    stream: false,
    data: {
      type: 'object',
      properties: { ...device.properties, reason, error: { ...reason, description: 'Why it could not be' } },
      required: [...device.required, 'reason'],
    },
  },
  health: {
    summary: 'The verdict over everything that can be unwell has changed',
    stream: false,
    data: {
      type: 'object',
      properties: {
        from: healthStatus,
        to: healthStatus,
        failing: {
          type: 'array',
          items: { type: 'object', properties: { component: text, reason }, required: ['component', 'reason'] },
        },
      },
      required: ['from', 'to', 'failing'],
    },
  },
  thermal: {
    summary: 'The machine has become too hot, or is no longer; or less is encoded for it than before, or more',
    stream: false,
    data: {
      type: 'object',
      properties: {
        to: { enum: ['hot', 'normal'] },
        temperature: { type: 'number', description: 'Degrees Celsius' },
        throttled: { type: 'boolean', description: 'The firmware slows the machine down' },
        encoding: {
          enum: ['full', 'reduced', 'least'],
          description: 'How much is encoded: all that is configured, half of the frames, a quarter (`thermal.reduce`)',
        },
      },
      required: ['to', 'throttled', 'encoding'],
    },
  },
  encoder_failed: {
    summary:
      'An encoder failed while it ran, or had no room for one more picture: another one takes its place for a while',
    stream: false,
    data: {
      type: 'object',
      properties: {
        encoder: { type: 'string', description: 'As in `gateway/info`' },
        codec: { enum: VIDEO_CODECS },
        reason,
        replacement: text,
        rests: { type: 'number', description: 'Seconds for which it is left alone' },
      },
      required: ['encoder', 'codec', 'reason', 'replacement', 'rests'],
    },
  },
  config: {
    summary:
      'The configuration was changed over MQTT or read again at the machine, or a change was undone or set aside',
    stream: false,
    data: {
      type: 'object',
      properties: {
        action: { enum: ['patch', 'rollback', 'confirmed', 'undone', 'set-aside', 'reload'] },
        revision: { type: 'integer' },
        by: changedBy,
        paths: { type: 'array', items: text, description: 'JSON pointers of what changed' },
        reason,
      },
      required: ['action', 'revision', 'by', 'paths'],
    },
  },
};

/** The types of events of a stream. */
export const STREAM_EVENTS = EVENT_TYPES.filter((type) => EVENTS[type].stream);

/** Gives every event its identity, once, whoever is told. */
export class EventStamper {
  readonly #clock: Clock;
  /** Wall time may not be unique over restarts. */
  readonly #run = randomBytes(4).toString('hex');
  #count = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  stamp(event: GatewayEvent): StampedEvent {
    this.#count += 1;
    return {
      id: `${this.#run}-${this.#count}`,
      time: new Date(this.#clock.wall()).toISOString(),
      uptime: Math.round(this.#clock.now()) / 1000,
      ...event,
    };
  }
}
