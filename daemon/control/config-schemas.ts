/** JSON Schemas of what answers tell of the configuration and its changes. */
import { anyObject, integer, isoTime, text } from './json-types.ts';

/** Of a change of the configuration. */
export const changedBy = {
  type: 'string',
  description:
    'Who did it: the subject of the token, or `mqtt`, with `:NAME` where the message names a user; `local`: somebody at the machine; `gateway`: nobody asked for it',
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
