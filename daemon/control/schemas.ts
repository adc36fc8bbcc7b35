/** JSON Schemas of what requests and answers are made of. Requests are closed (`additionalProperties: false`), answers may grow. */

/** As the configuration has it (`streams`). */
export const streamName = {
  type: 'string',
  minLength: 1,
  maxLength: 32,
  pattern: '^[a-z0-9][a-z0-9_-]*$',
  description: 'Name of the stream',
} as const;

export const maxBitrate = { type: 'integer', minimum: 10_000, maximum: 100_000_000, description: 'bit/s' } as const;
export const maxFramerate = { type: 'number', minimum: 1, maximum: 240, description: 'frames per second' } as const;

/** As the configuration has it (`streams.NAME.encodings`). */
export const encodingRid = {
  type: 'string',
  minLength: 1,
  maxLength: 16,
  pattern: '^[A-Za-z0-9_-]+$',
  description: 'Which encoding; default: the first',
} as const;

/** Of a change of the configuration. */
export const changedBy = {
  type: 'string',
  description:
    'Who did it: the subject of the token, or `mqtt`, with `:NAME` where the message names a user; `gateway`: nobody asked for it',
} as const;

const isoTime = { type: 'string', description: 'ISO 8601' } as const;
const text = { type: 'string' } as const;
const number = { type: 'number' } as const;
const integer = { type: 'integer' } as const;
const anyObject = { type: 'object', additionalProperties: true } as const;

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
          hardware: { type: 'boolean' },
          chosen: { type: 'boolean' },
          failed: { type: 'string', description: 'Why another one takes its place for a while' },
        },
        required: ['name', 'hardware', 'chosen'],
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
    encodings: { type: 'array', items: anyObject },
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

const configVersion = {
  type: 'object',
  properties: {
    revision: integer,
    time: isoTime,
    action: { enum: ['patch', 'rollback', 'undone', 'set-aside'], description: 'How it came to be' },
    by: changedBy,
    paths: { type: 'array', items: text, description: 'JSON pointers of what changed' },
  },
  required: ['revision', 'time', 'action', 'by', 'paths'],
} as const;

export const effectiveConfig = {
  type: 'object',
  properties: {
    config: { ...anyObject, description: 'The effective configuration, secrets hidden' },
    origins: {
      type: 'object',
      additionalProperties: text,
      description: 'Where a value comes from (file, env, flag, remote), by path; what is not named is a default',
    },
    schemaVersion: { type: 'integer', description: 'Of the settings: another one may read older values otherwise' },
    revision: { type: 'integer', description: 'Counts the changes from afar' },
    history: { type: 'array', items: configVersion, description: 'What can be gone back to, the newest first' },
    confirmation: {
      type: 'object',
      properties: { within: { type: 'integer', description: 'Seconds from the change' } },
      required: ['within'],
      description: 'The change is undone unless it is confirmed',
    },
  },
  required: ['config', 'origins', 'schemaVersion', 'revision', 'history'],
} as const;

const anyValue = { description: 'Any JSON' } as const;

export const configChange = {
  type: 'object',
  properties: {
    revision: { type: 'integer', description: 'Of the configuration as it is now' },
    applied: { type: 'boolean', description: 'False for a dry run' },
    changes: {
      type: 'array',
      items: {
        type: 'object',
        properties: { path: { type: 'string', description: 'JSON pointer' }, from: anyValue, to: anyValue },
        required: ['path'],
      },
      description: 'The values that differ, secrets hidden; without `from` it is new, without `to` gone',
    },
    effects: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          part: { type: 'string', description: '`rtsp`, `streams/NAME`, ...; `gateway` is all of it' },
          effect: { enum: ['live', 'restart', 'create', 'delete'] },
        },
        required: ['part', 'effect'],
      },
      description: 'What each part that is touched does',
    },
    overridden: {
      type: 'array',
      items: { type: 'object', properties: { path: text, by: { enum: ['env', 'flag'] } }, required: ['path', 'by'] },
      description: 'What has no effect, since the environment or a flag says otherwise',
    },
    confirmationNeededFor: { type: 'string', description: 'The first path that makes `confirmWithin` necessary' },
    confirmWithin: { type: 'integer', description: 'Seconds within which `config/confirm` has to come' },
  },
  required: ['revision', 'applied', 'changes', 'effects', 'overridden'],
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
    loss: { type: 'number', description: 'Share of packets that it called lost in its last report, 0 to 1' },
  },
  required: ['id', 'protocol', 'stream', 'remoteAddress', 'since'],
} as const;
