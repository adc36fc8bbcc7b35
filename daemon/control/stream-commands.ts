import type { FromSchema } from 'json-schema-to-ts';
import { byName, type Command, command, noMembers, nothing, START_TIME_LIMIT } from './command.ts';
import { ControlError, type EncodingChange } from './gateway-port.ts';
import { encodingRid, h264Profile, keyFrameInterval, maxBitrate, maxFramerate, stream, streamName } from './schemas.ts';
import { setStreamProperty } from './stream-properties.ts';

const propertyChange = {
  type: 'object',
  properties: {
    name: streamName,
    property: { type: 'string', minLength: 1, maxLength: 64, pattern: '^[A-Za-z0-9_]+$' },
    value: { type: ['number', 'boolean', 'string'], maxLength: 256, description: 'Of a menu the number or the label' },
  },
  required: ['name', 'property', 'value'],
  additionalProperties: false,
} as const;

const privacyChange = {
  type: 'object',
  properties: { name: streamName, privacy: { type: 'boolean', description: 'Whether nothing is to be seen or heard' } },
  required: ['name', 'privacy'],
  additionalProperties: false,
} as const;

const encodingChange = {
  type: 'object',
  properties: {
    name: streamName,
    rid: encodingRid,
    maxBitrate,
    maxFramerate,
    scaleResolutionDownBy: { type: 'number', minimum: 1, maximum: 16 },
    keyFrameInterval,
    profile: h264Profile,
  },
  required: ['name'],
  additionalProperties: false,
} as const;

/** What is asked of streams. */
export const STREAM_COMMANDS: Readonly<Record<string, Command>> = {
  'stream/list': command<object>({
    summary: 'Every stream with its state',
    right: 'view',
    request: noMembers,
    result: {
      type: 'object',
      properties: { streams: { type: 'array', items: stream } },
      required: ['streams'],
    },
    run: ({ gateway }) => ({ streams: gateway.streamNames().map((name) => gateway.stream(name)) }),
  }),
  'stream/get': command<FromSchema<typeof byName>>({
    summary: 'One stream with its state',
    right: 'view',
    request: byName,
    example: { name: 'camera' },
    result: stream,
    run: ({ gateway }, { name }) => gateway.stream(name),
  }),
  'stream/start': command<FromSchema<typeof byName>>({
    summary: 'Starts capture and encoding without waiting for a viewer; answers when the picture flows',
    right: 'control',
    request: byName,
    example: { name: 'camera' },
    result: stream,
    timeLimit: START_TIME_LIMIT,
    run: ({ gateway }, { name }) => gateway.startStream(name),
  }),
  'stream/stop': command<FromSchema<typeof byName>>({
    summary: 'Closes the devices and disconnects the viewers until stream/start',
    right: 'control',
    request: byName,
    example: { name: 'camera' },
    result: stream,
    run: ({ gateway }, { name }) => gateway.stopStream(name),
  }),
  'stream/restart': command<FromSchema<typeof byName>>({
    summary: 'Captures anew, in new processes; viewers stay',
    right: 'control',
    request: byName,
    example: { name: 'camera' },
    result: stream,
    timeLimit: START_TIME_LIMIT,
    run: ({ gateway }, { name }) => gateway.restartStream(name),
  }),
  'stream/keyframe': command<FromSchema<typeof byName>>({
    summary: 'Asks the encoder for a key frame; requests close to each other get one',
    right: 'control',
    request: byName,
    example: { name: 'camera' },
    result: nothing,
    run: ({ gateway }, { name }) => {
      gateway.requestKeyFrame(name);
      return {};
    },
  }),
  'stream/snapshot': command<FromSchema<typeof byName>>({
    summary: 'Publishes one JPEG picture to `streams/<name>/snapshot`',
    right: 'snapshot',
    request: byName,
    example: { name: 'camera' },
    result: {
      type: 'object',
      properties: {
        topic: { type: 'string', description: 'Where the picture went' },
        size: { type: 'integer', description: 'bytes' },
        width: { type: 'integer' },
        height: { type: 'integer' },
      },
      required: ['topic', 'size', 'width', 'height'],
    },
    timeLimit: START_TIME_LIMIT,
    run: async ({ gateway, transport }, { name }) => {
      const { jpeg, width, height } = await gateway.snapshot(name);
      const topic = await transport.publishSnapshot(name, jpeg);
      return { topic, size: jpeg.length, width, height };
    },
  }),
  'stream/set': command<FromSchema<typeof propertyChange>>({
    summary: 'Sets one property: `enabled`, `privacy`, `bitrate`, `frameRate`, or a control of the camera by its name',
    right: 'control',
    request: propertyChange,
    example: { name: 'camera', property: 'bitrate', value: 1_500_000 },
    result: stream,
    timeLimit: START_TIME_LIMIT,
    run: async ({ gateway }, { name, property, value }) => {
      await setStreamProperty(gateway, name, property, value);
      return gateway.stream(name);
    },
  }),
  'stream/privacy': command<FromSchema<typeof privacyChange>>({
    summary:
      'Closes the devices of a stream and shows its viewers a picture that says so; over restarts, until it is taken back',
    right: 'control',
    request: privacyChange,
    example: { name: 'camera', privacy: true },
    result: stream,
    run: ({ gateway }, { name, privacy }) => gateway.setPrivacy(name, privacy),
  }),
  'stream/encoding': command<FromSchema<typeof encodingChange>>({
    summary:
      'Changes an encoding while it runs; viewers stay. Another codec is for `stream/update`: viewers connect again',
    right: 'control',
    request: encodingChange,
    example: { name: 'camera', maxBitrate: 500_000, maxFramerate: 15 },
    result: stream,
    timeLimit: START_TIME_LIMIT,
    run: ({ gateway }, { name, ...change }) => {
      const { rid: _, ...values } = change;
      if (Object.keys(values).length === 0) {
        const { name: _name, rid: _rid, ...known } = encodingChange.properties;
        const names = Object.keys(known).join(', ');
        throw new ControlError('invalid_request', `says nothing to change: one of ${names} is needed`, '');
      }
      return gateway.setEncoding(name, change as EncodingChange);
    },
  }),
};
