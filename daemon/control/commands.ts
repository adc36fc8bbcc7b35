import type { FromSchema } from 'json-schema-to-ts';
import type { Right } from '../access/access.ts';
import { ControlError, type EncodingChange, type GatewayPort } from './gateway-port.ts';
import { device, effectiveConfig, gatewayInfo, stream, streamName } from './schemas.ts';

/** Where a request came from can take pictures: declared here, given by the transport with each request. */
export interface PictureSink {
  /**
   * Delivers one picture of the stream to whoever listens there.
   * @returns the topic it went to.
   * @throws ControlError `unavailable` when it cannot be delivered now.
   */
  publish(streamName: string, jpeg: Buffer): Promise<string>;
}

export interface CommandContext {
  gateway: GatewayPort;
  pictures: PictureSink;
}

/** A JSON Schema (draft 07) of an object. */
export interface SchemaObject {
  readonly type: 'object';
  readonly properties: Readonly<Record<string, object>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean;
}

export interface Command {
  summary: string;
  /** The right that a principal needs where principals are told apart. */
  right: Right;
  /** JSON Schema of the request's members, without the common ones (`transaction`, `deadline`). */
  request: SchemaObject;
  /** JSON Schema of `data` in the answer. */
  result: SchemaObject;
  /** Milliseconds until the request is answered with `timeout`; what was begun goes on. */
  timeLimit: number;
  /** Carries it out with a request that has passed its schema. */
  run(context: CommandContext, request: unknown): object | Promise<object>;
  /** What is left to do once the answer has gone out. */
  afterwards?(context: CommandContext): void;
}

interface CommandDefinition<Request> extends Omit<Command, 'run' | 'timeLimit'> {
  timeLimit?: number;
  run(context: CommandContext, request: Request): object | Promise<object>;
}

const DEFAULT_TIME_LIMIT = 10_000;

/** @typeParam Request what the request's schema says, so that the handler is checked against it. */
function command<Request>(definition: CommandDefinition<Request>): Command {
  return { timeLimit: DEFAULT_TIME_LIMIT, ...definition } as Command;
}

const noMembers = { type: 'object', properties: {}, additionalProperties: false } as const;

const byName = {
  type: 'object',
  properties: { name: streamName },
  required: ['name'],
  additionalProperties: false,
} as const;

const encodingChange = {
  type: 'object',
  properties: {
    name: streamName,
    rid: { type: 'string', minLength: 1, maxLength: 64, description: 'Which encoding; default: the first' },
    maxBitrate: { type: 'integer', minimum: 10_000, maximum: 100_000_000, description: 'bit/s' },
    maxFramerate: { type: 'number', minimum: 1, maximum: 240, description: 'frames per second' },
    scaleResolutionDownBy: { type: 'number', minimum: 1, maximum: 16 },
  },
  required: ['name'],
  additionalProperties: false,
} as const;

const nothing = { type: 'object', properties: {}, additionalProperties: true } as const;

/** How long a source may take to its first picture; a USB camera takes up to some seconds. */
const START_TIME_LIMIT = 20_000;

/**
 * Every request that the gateway answers, by name. The only source of validation, types, the answers' shape and
 * docs/mqtt-api.md.
 */
export const COMMANDS: Readonly<Record<string, Command>> = {
  'gateway/info': command<object>({
    summary: 'What the gateway is, where it listens and what it can do',
    right: 'view',
    request: noMembers,
    result: gatewayInfo,
    run: ({ gateway }) => gateway.info(),
  }),
  'gateway/restart': command<object>({
    summary: 'Ends the process, which its supervisor starts again; the answer comes first',
    right: 'control',
    request: noMembers,
    result: nothing,
    run: () => ({}),
    afterwards: ({ gateway }) => gateway.restart(),
  }),
  'device/list': command<object>({
    summary: 'The cameras and microphones, with formats and controls',
    right: 'view',
    request: noMembers,
    result: {
      type: 'object',
      properties: { devices: { type: 'array', items: device } },
      required: ['devices'],
    },
    run: ({ gateway }) => ({ devices: gateway.devices() }),
  }),
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
    result: stream,
    run: ({ gateway }, { name }) => gateway.stream(name),
  }),
  'stream/start': command<FromSchema<typeof byName>>({
    summary: 'Starts capture and encoding without waiting for a viewer; answers when the picture flows',
    right: 'control',
    request: byName,
    result: stream,
    timeLimit: START_TIME_LIMIT,
    run: ({ gateway }, { name }) => gateway.startStream(name),
  }),
  'stream/stop': command<FromSchema<typeof byName>>({
    summary: 'Closes the devices and disconnects the viewers until stream/start',
    right: 'control',
    request: byName,
    result: stream,
    run: ({ gateway }, { name }) => gateway.stopStream(name),
  }),
  'stream/keyframe': command<FromSchema<typeof byName>>({
    summary: 'Asks the encoder for a key frame; requests close to each other get one',
    right: 'control',
    request: byName,
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
    run: async ({ gateway, pictures }, { name }) => {
      const { jpeg, width, height } = await gateway.snapshot(name);
      const topic = await pictures.publish(name, jpeg);
      return { topic, size: jpeg.length, width, height };
    },
  }),
  'stream/encoding': command<FromSchema<typeof encodingChange>>({
    summary: 'Changes an encoding while it runs',
    right: 'control',
    request: encodingChange,
    result: stream,
    timeLimit: START_TIME_LIMIT,
    run: ({ gateway }, { name, ...change }) => {
      const { maxBitrate, maxFramerate, scaleResolutionDownBy } = change;
      if (maxBitrate === undefined && maxFramerate === undefined && scaleResolutionDownBy === undefined) {
        throw new ControlError(
          'invalid_request',
          'says nothing to change: one of maxBitrate, maxFramerate, scaleResolutionDownBy is needed',
          '',
        );
      }
      return gateway.setEncoding(name, change as EncodingChange);
    },
  }),
  'config/get': command<object>({
    summary: 'The effective configuration, secrets hidden, with the origin of each value',
    right: 'control',
    request: noMembers,
    result: effectiveConfig,
    run: ({ gateway }) => gateway.config(),
  }),
};
