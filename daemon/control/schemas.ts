import { H264_PROFILES, VIDEO_CODECS } from '../../config/codecs.ts';

/** JSON Schemas of what requests and answers are made of. Requests are closed (`additionalProperties: false`), answers may grow. */
import { anyObject, integer, isoTime, number, text } from './json-types.ts';

/** As the configuration has it (`streams`). */
export const streamName = {
  type: 'string',
  minLength: 1,
  maxLength: 32,
  pattern: '^[a-z0-9][a-z0-9_-]*$',
  description: 'Name of the stream',
} as const;

export const maxBitrate = { type: 'integer', minimum: 10_000, maximum: 100_000_000, description: 'bit/s' } as const;
export const keyFrameInterval = {
  type: 'number',
  minimum: 0.1,
  maximum: 60,
  description: 'Seconds between key frames that nobody asked for',
} as const;
export const h264Profile = { enum: H264_PROFILES, description: 'Of h264' } as const;
export const maxFramerate = { type: 'number', minimum: 1, maximum: 240, description: 'frames per second' } as const;

/** As the configuration has it (`streams.NAME.encodings`). */
export const encodingRid = {
  type: 'string',
  minLength: 1,
  maxLength: 16,
  pattern: '^[A-Za-z0-9_-]+$',
  description: 'Which encoding; default: the first',
} as const;

export const gatewayInfo = {
  type: 'object',
  properties: {
    id: text,
    apiVersion: { type: 'string', description: 'Version of this interface' },
    versions: {
      type: 'object',
      properties: { gateway: text, node: text, gstreamer: text, os: text },
      required: ['gateway', 'node', 'gstreamer', 'os'],
    },
    board: text,
    bootId: { type: 'string', description: 'A new one at every start of the machine' },
    startedAt: isoTime,
    clockTrusted: { type: 'boolean', description: 'Whether the clock of the machine has been set' },
    listeners: {
      type: 'array',
      items: { type: 'object', properties: { protocol: text, url: text }, required: ['protocol', 'url'] },
    },
    features: { type: 'array', items: text },
    encoders: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          name: text,
          codec: { enum: VIDEO_CODECS },
          hardware: { type: 'boolean' },
          chosen: { type: 'boolean' },
          version: { type: 'string', description: 'Of its plug-in' },
          failed: {
            type: 'string',
            description: 'Why it does not encode here, or another one takes its place for a while',
          },
        },
        required: ['name', 'codec', 'hardware', 'chosen'],
      },
    },
    codecs: {
      type: 'array',
      description: 'What pictures can be encoded with here',
      items: {
        type: 'object',
        properties: {
          codec: { enum: VIDEO_CODECS },
          encodes: { type: 'boolean' },
          reason: { type: 'string', description: 'Why not, and what would help' },
        },
        required: ['codec', 'encodes'],
      },
    },
    brokerTrusted: { type: 'boolean', description: 'Every client of the broker may send every request' },
  },
  required: [
    'id',
    'apiVersion',
    'versions',
    'board',
    'bootId',
    'startedAt',
    'clockTrusted',
    'listeners',
    'features',
    'encoders',
    'codecs',
    'brokerTrusted',
  ],
} as const;

const deviceFormat = {
  type: 'object',
  properties: {
    pixelFormat: text,
    width: integer,
    height: integer,
    frameRates: { type: 'array', items: number },
  },
  required: ['pixelFormat', 'width', 'height', 'frameRates'],
} as const;

export const deviceControl = {
  type: 'object',
  properties: {
    name: text,
    type: { enum: ['integer', 'number', 'boolean', 'menu', 'button'] },
    min: number,
    max: number,
    step: number,
    default: number,
    value: number,
    menu: {
      type: 'array',
      items: { type: 'object', properties: { value: number, label: text }, required: ['value', 'label'] },
    },
    readOnly: { type: 'boolean', description: 'The device only tells it' },
    inactive: { type: 'boolean', description: 'Another control, an automatic mode, decides it at present' },
  },
  required: ['name', 'type'],
} as const;

export const device = {
  type: 'object',
  properties: {
    deviceId: { type: 'string', description: 'The same after a replug and a reboot' },
    kind: { enum: ['videoinput', 'audioinput'] },
    label: text,
    groupId: text,
    path: text,
    bus: text,
    links: { type: 'array', items: text, description: 'Links to its node, by what it is and by where it hangs' },
    serial: text,
    formats: { type: 'array', items: deviceFormat },
    controls: { type: 'array', items: deviceControl },
    inUseBy: { type: 'array', items: text, description: 'Names of the streams that use it now' },
  },
  required: ['deviceId', 'kind', 'label', 'groupId', 'path', 'bus', 'formats', 'controls', 'inUseBy'],
} as const;

const track = {
  type: 'object',
  properties: {
    kind: { enum: ['audio', 'video'] },
    id: text,
    label: text,
    muted: { type: 'boolean', description: 'The source is silent for a while: unplugged, or restarting' },
    codec: { type: 'string', description: 'As RTP calls it: `H264`, `opus`, `mpeg4-generic` (AAC), `PCMA`' },
    settings: anyObject,
    constraints: { ...anyObject, description: 'Those that were applied, over what the configuration wishes' },
  },
  required: ['kind', 'id', 'label', 'muted', 'settings'],
} as const;

export const stream = {
  type: 'object',
  properties: {
    name: text,
    enabled: { type: 'boolean', description: 'Viewers may come; `false` after `stream/stop`' },
    state: { enum: ['idle', 'starting', 'live', 'muted', 'privacy', 'error'] },
    reason: text,
    since: isoTime,
    tracks: { type: 'array', items: track },
    encodings: {
      type: 'array',
      description: 'As configured, with what encodes them',
      items: {
        type: 'object',
        properties: {
          encoder: {
            type: 'string',
            description: 'As in `gateway/info`; missing: nothing runs, or what the camera encodes goes out',
          },
          limit: { type: 'string', description: 'What the encoder cannot do of what is asked for' },
          problem: { type: 'string', description: 'Why nothing can be encoded for it here' },
        },
        additionalProperties: true,
      },
    },
    reduction: {
      type: 'object',
      description: 'The share of the frames and bits of its encodings that is encoded while the machine is hot',
      properties: { frameRate: number, bitrate: number },
      required: ['frameRate', 'bitrate'],
    },
    viewers: { type: 'object', additionalProperties: integer, description: 'Number by protocol' },
    bitrate: { type: 'number', description: 'bit/s over the last seconds' },
    frameRate: { type: 'number', description: 'frames per second over the last seconds' },
    urls: { type: 'object', additionalProperties: text },
    controls: {
      type: 'object',
      additionalProperties: number,
      description: 'What the controls of its camera are set to',
    },
  },
  required: [
    'name',
    'enabled',
    'state',
    'since',
    'tracks',
    'encodings',
    'viewers',
    'bitrate',
    'frameRate',
    'urls',
    'controls',
  ],
} as const;

export const health = {
  type: 'object',
  properties: {
    status: {
      enum: ['ok', 'degraded', 'failing'],
      description: '`degraded`: it works without something; `failing`: a vital part does not work',
    },
    components: {
      type: 'array',
      items: {
        type: 'object',
        properties: { component: text, ok: { type: 'boolean' }, reason: text },
        required: ['component', 'ok'],
      },
    },
  },
  required: ['status', 'components'],
} as const;

export const metricFamily = {
  type: 'object',
  properties: {
    name: text,
    type: { enum: ['counter', 'gauge'] },
    help: text,
    samples: {
      type: 'array',
      items: {
        type: 'object',
        properties: { labels: { type: 'object', additionalProperties: text }, value: number },
        required: ['labels', 'value'],
      },
    },
  },
  required: ['name', 'type', 'help', 'samples'],
} as const;

export const session = {
  type: 'object',
  properties: {
    id: { type: 'string', description: 'For `session/close`' },
    protocol: { type: 'string', description: '`rtsp`, `webrtc`, `rtmp`, `http-flv`, `mjpeg`' },
    stream: text,
    remoteAddress: { type: 'string', description: '`mqtt`: who signalled over the broker' },
    user: text,
    since: isoTime,
    bitrate: { type: 'number', description: 'bit/s over about the last second' },
    droppedFrames: { type: 'integer', description: 'Frames left out since it came, for want of room in its queue' },
    loss: {
      type: 'number',
      description: 'Share of packets that were lost on the way to it, by its reports of about the last second, 0 to 1',
    },
  },
  required: ['id', 'protocol', 'stream', 'remoteAddress', 'since'],
} as const;
