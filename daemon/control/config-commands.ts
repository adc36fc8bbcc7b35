import type { FromSchema } from 'json-schema-to-ts';
import { type Command, type CommandContext, command, noMembers } from './command.ts';
import type { ConfigChangeOptions } from './config-port.ts';
import { configChange, effectiveConfig } from './config-schemas.ts';
import { streamName } from './schemas.ts';

const revision = { type: 'integer', minimum: 0, description: 'What you have seen; another one is a conflict' } as const;

/** What every change takes besides. */
const changeOptions = {
  dryRun: { type: 'boolean', description: 'Only say what would happen' },
  confirmWithin: {
    type: 'integer',
    minimum: 5,
    maximum: 3600,
    description: 'Seconds within which `config/confirm` has to come, or the change is undone',
  },
  revision,
} as const;

const mergePatch = {
  type: 'object',
  additionalProperties: true,
  description: 'A JSON merge patch (RFC 7396): `null` takes a value away, so that the file or the default holds again',
} as const;

const patchRequest = {
  type: 'object',
  properties: {
    patch: { ...mergePatch, description: `${mergePatch.description}; the \`null\` of a stream deletes it` },
    ...changeOptions,
  },
  required: ['patch'],
  additionalProperties: false,
} as const;

const rollbackRequest = {
  type: 'object',
  properties: {
    to: { type: 'integer', minimum: 0, description: 'A revision of the history; default: the one before' },
    ...changeOptions,
  },
  additionalProperties: false,
} as const;

const confirmRequest = {
  type: 'object',
  properties: { revision: { type: 'integer', minimum: 0, description: 'What is confirmed; default: what waits' } },
  additionalProperties: false,
} as const;

const createRequest = {
  type: 'object',
  properties: {
    name: streamName,
    settings: { type: 'object', additionalProperties: true, description: 'As under `streams.NAME`; default: none' },
    ...changeOptions,
  },
  required: ['name'],
  additionalProperties: false,
} as const;

const updateRequest = {
  type: 'object',
  properties: { name: streamName, settings: mergePatch, ...changeOptions },
  required: ['name', 'settings'],
  additionalProperties: false,
} as const;

const deleteRequest = {
  type: 'object',
  properties: { name: streamName, ...changeOptions },
  required: ['name'],
  additionalProperties: false,
} as const;

type Options = Omit<ConfigChangeOptions, 'by'>;

/** Milliseconds: devices are closed, listeners close their connections. */
const TIME_LIMIT = 30_000;

/** What every change of the configuration has in common. */
const change = {
  right: 'control',
  result: configChange,
  timeLimit: TIME_LIMIT,
  afterwards: ({ gateway }: CommandContext) => gateway.configuration.finish(),
} as const;

/** What is asked of the configuration. */
export const CONFIG_COMMANDS: Readonly<Record<string, Command>> = {
  'config/get': command<object>({
    summary:
      'The effective configuration, secrets hidden, with the origin of each value, and the versions to go back to',
    right: 'control',
    request: noMembers,
    result: effectiveConfig,
    run: ({ gateway }) => gateway.configuration.report(),
  }),
  'config/patch': command<FromSchema<typeof patchRequest>>({
    ...change,
    summary: 'Changes the configuration; checked as a whole, kept over a restart',
    request: patchRequest,
    example: { patch: { rtsp: { port: 8555 } }, dryRun: true },
    run: ({ gateway, by }, { patch, ...options }) =>
      gateway.configuration.patch(patch, { by, ...(options as Options) }),
  }),
  'config/rollback': command<FromSchema<typeof rollbackRequest>>({
    ...change,
    summary: 'Goes back to an earlier version of what was set from afar',
    request: rollbackRequest,
    example: { to: 0, dryRun: true },
    run: ({ gateway, by }, { to, ...options }) => gateway.configuration.rollback(to, { by, ...(options as Options) }),
  }),
  'config/confirm': command<FromSchema<typeof confirmRequest>>({
    summary: 'Makes a change with `confirmWithin` stay',
    right: 'control',
    request: confirmRequest,
    example: { revision: 1 },
    result: { type: 'object', properties: { revision: { type: 'integer' } }, required: ['revision'] },
    run: ({ gateway, by }, request) => gateway.configuration.confirm(request.revision, by),
  }),
};

/** Streams as parts of the configuration. */
export const STREAM_CONFIG_COMMANDS: Readonly<Record<string, Command>> = {
  'stream/create': command<FromSchema<typeof createRequest>>({
    ...change,
    summary: 'Adds a stream to the configuration',
    request: createRequest,
    example: { name: 'garage', settings: { audio: false }, dryRun: true },
    run: ({ gateway, by }, { name, settings = {}, ...options }) =>
      gateway.configuration.createStream(name, settings, { by, ...(options as Options) }),
  }),
  'stream/update': command<FromSchema<typeof updateRequest>>({
    ...change,
    summary: 'Changes settings of a stream in the configuration',
    request: updateRequest,
    example: { name: 'camera', settings: { audio: null }, dryRun: true },
    run: ({ gateway, by }, { name, settings, ...options }) =>
      gateway.configuration.updateStream(name, settings, { by, ...(options as Options) }),
  }),
  'stream/delete': command<FromSchema<typeof deleteRequest>>({
    ...change,
    summary: 'Takes a stream out of the configuration, wherever it was defined; its viewers are disconnected',
    request: deleteRequest,
    example: { name: 'camera', dryRun: true },
    run: ({ gateway, by }, { name, ...options }) =>
      gateway.configuration.deleteStream(name, { by, ...(options as Options) }),
  }),
};
