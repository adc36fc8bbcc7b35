import { CONFIG_COMMANDS } from './config-commands.ts';
import { EVENTS } from './events.ts';
import { device, gatewayInfo, health, session, stream } from './schemas.ts';

/** What the gateway publishes by itself on one topic. */
export interface Publication {
  summary: string;
  /** The broker keeps the newest for those who come later; an empty payload clears it. */
  retained: boolean;
  qos: 0 | 1;
  contentType: 'application/json' | 'text/plain' | 'image/jpeg';
  /** JSON Schema of the payload, where it is text. */
  payload: object;
}

const text = { type: 'string' } as const;
const number = { type: 'number' } as const;
const integer = { type: 'integer' } as const;
const isoTime = { type: 'string', description: 'ISO 8601' } as const;

const event = {
  type: 'object',
  oneOf: Object.entries(EVENTS).map(([type, { summary, stream: ofStream, data }]) => ({
    type: 'object',
    title: type,
    description: summary,
    properties: {
      id: { type: 'string', description: 'Unique, also over restarts' },
      time: isoTime,
      uptime: { type: 'number', description: 'Seconds on a clock that nobody sets' },
      type: { const: type },
      ...(ofStream ? { stream: text } : {}),
      data,
    },
    required: ['id', 'time', 'uptime', 'type', ...(ofStream ? ['stream'] : [])],
  })),
} as const;

const machine = {
  type: 'object',
  properties: {
    cpu: { type: 'number', description: 'Use of all cores since the last report, 0 to 1' },
    memory: { type: 'object', properties: { total: integer, available: integer }, required: ['total', 'available'] },
    processes: {
      type: 'array',
      items: {
        type: 'object',
        properties: { name: text, pid: integer, pss: { type: 'number', description: 'Proportional set size, bytes' } },
        required: ['name', 'pid', 'pss'],
      },
    },
    temperature: { type: 'number', description: 'Degrees Celsius' },
    throttling: {
      type: 'object',
      properties: {
        now: { type: 'boolean' },
        sinceBoot: { type: 'boolean' },
        undervoltage: { type: 'boolean' },
      },
      required: ['now', 'sinceBoot', 'undervoltage'],
    },
    disk: { type: 'object', properties: { total: number, free: number }, required: ['total', 'free'] },
    wifi: { type: 'object', description: 'Signal in dBm by interface', additionalProperties: number },
    network: {
      type: 'object',
      description: 'Bytes since boot by interface',
      additionalProperties: {
        type: 'object',
        properties: { received: number, sent: number },
        required: ['received', 'sent'],
      },
    },
    clockTrusted: { type: 'boolean' },
    uptime: { type: 'number', description: 'Seconds' },
  },
  required: ['memory', 'processes', 'wifi', 'network', 'clockTrusted', 'uptime'],
} as const;

const telemetry = {
  type: 'object',
  properties: {
    time: isoTime,
    health,
    machine,
    streams: {
      type: 'object',
      description: 'By name',
      additionalProperties: {
        type: 'object',
        properties: {
          state: text,
          bitrate: { type: 'number', description: 'bit/s' },
          frameRate: { type: 'number', description: 'frames per second' },
          framesDropped: {
            type: 'object',
            additionalProperties: integer,
            description:
              'Of the picture, since the start, by where: `capture` (left out by the device), `conversion` and `encoder` (dropped because that was busy), `source` (not whole, stale, before a key frame), `slow-viewer`',
          },
          framesDroppedByTrack: {
            type: 'array',
            description: 'The same for each track and encoding, where there are any',
            items: {
              type: 'object',
              properties: {
                reason: { enum: ['capture', 'conversion', 'encoder', 'source'] },
                kind: { enum: ['video', 'audio'] },
                encoding: { type: 'string', description: 'Its rid; empty for a sound, and before there are encodings' },
                count: integer,
              },
              required: ['reason', 'kind', 'encoding', 'count'],
            },
          },
          latency: {
            type: 'object',
            properties: { p50: number, p99: number },
            required: ['p50', 'p99'],
            description:
              'Milliseconds from the capture of a frame until it was handed to its viewers, of the newest frames',
          },
          sound: {
            type: 'object',
            properties: { peak: number, rms: number },
            required: ['peak', 'rms'],
            description:
              'How loud it is, in dB relative to full scale (0 is the loudest, -96 is silence), while it flows',
          },
          viewers: { type: 'object', additionalProperties: integer, description: 'Number by protocol' },
        },
        required: ['state', 'bitrate', 'frameRate', 'framesDropped', 'viewers'],
      },
    },
    sessions: {
      type: 'array',
      description: 'The viewers; `session/list` tells more',
      items: { ...session, required: ['id', 'stream', 'protocol'] },
    },
  },
  required: ['time', 'health', 'machine', 'streams', 'sessions'],
} as const;

const logLine = {
  type: 'object',
  properties: {
    level: { enum: ['debug', 'info', 'warn', 'error'] },
    time: isoTime,
    room: { type: 'string', description: 'Which part of the gateway tells it' },
    msg: text,
    dropped: { type: 'integer', description: 'Lines before this one that were too many' },
  },
  required: ['level', 'time'],
} as const;

const availability = { enum: ['online', 'offline'] } as const;

/** Everything that the gateway publishes besides answers, by topic below `B`; names in braces are parameters. */
export const PUBLICATIONS: Readonly<Record<string, Publication>> = {
  availability: {
    summary: 'Whether the gateway is there: also its will, with a delay; a clean stop publishes it too',
    retained: true,
    qos: 1,
    contentType: 'text/plain',
    payload: availability,
  },
  info: json('What the gateway is, where it listens and what it can do', gatewayInfo),
  config: json('The effective configuration', CONFIG_COMMANDS['config/get']?.result ?? {}),
  devices: json('The cameras and microphones', {
    type: 'object',
    properties: { devices: { type: 'array', items: device } },
    required: ['devices'],
  }),
  'streams/{stream}/state': json('One stream', stream),
  'streams/{stream}/availability': {
    summary: '`offline`: the stream is wanted, and its source is away',
    retained: true,
    qos: 1,
    contentType: 'text/plain',
    payload: availability,
  },
  events: { ...json('One event', event), retained: false },
  telemetry: {
    ...json(
      'Periodically: health, load and memory of the machine and of every process, counters of the streams',
      telemetry,
    ),
    retained: false,
    qos: 0,
  },
  log: { ...json('A line of the log, for as long as `log/tail` said', logLine), retained: false, qos: 0 },
  'streams/{stream}/snapshot': {
    summary: 'A picture: on request, when the stream becomes live, and then each `mqtt.snapshotInterval`',
    retained: false,
    qos: 0,
    contentType: 'image/jpeg',
    payload: { type: 'string', contentEncoding: 'binary' },
  },
};

function json(summary: string, payload: object): Publication {
  return { summary, retained: true, qos: 1, contentType: 'application/json', payload };
}
