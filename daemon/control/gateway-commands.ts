import type { FromSchema } from 'json-schema-to-ts';
import { LOG_LEVELS } from '../lib/log.ts';
import { type Command, command, noMembers, nothing } from './command.ts';
import { gatewayInfo, health, metricFamily } from './schemas.ts';

const logLevel = { enum: LOG_LEVELS, description: 'The least important lines' } as const;

const levelChange = {
  type: 'object',
  properties: { level: logLevel },
  additionalProperties: false,
} as const;

const logWatch = {
  type: 'object',
  properties: {
    level: logLevel,
    seconds: { type: 'integer', minimum: 0, maximum: 600, description: 'How long; default: 60; 0 ends it' },
  },
  additionalProperties: false,
} as const;

/** What is asked of the gateway as a whole. */
export const GATEWAY_COMMANDS: Readonly<Record<string, Command>> = {
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
  'gateway/health': command<object>({
    summary: 'One verdict over everything that can be unwell, with the reason for each part',
    right: 'view',
    request: noMembers,
    result: health,
    run: ({ gateway }) => gateway.health(),
  }),
  'metrics/get': command<object>({
    summary: 'The numbers that Prometheus scrapes, as JSON',
    right: 'metrics',
    request: noMembers,
    result: {
      type: 'object',
      properties: { metrics: { type: 'array', items: metricFamily } },
      required: ['metrics'],
    },
    run: async ({ gateway }) => ({ metrics: await gateway.metrics() }),
  }),
  'log/level': command<FromSchema<typeof levelChange>>({
    summary: 'Changes what the log tells until the next start; without `level` it only says what that is',
    right: 'control',
    request: levelChange,
    example: { level: 'debug' },
    result: { type: 'object', properties: { level: logLevel }, required: ['level'] },
    run: ({ gateway: { log } }, { level }) => {
      if (level !== undefined) log.level = level;
      return { level: log.level };
    },
  }),
  'log/tail': command<FromSchema<typeof logWatch>>({
    summary:
      'Publishes the log to `log` for a while, at most 20 lines a second; a new request takes the place of one before',
    right: 'control',
    request: logWatch,
    example: { level: 'warn', seconds: 10 },
    result: {
      type: 'object',
      properties: {
        topic: { type: 'string', description: 'Where the lines go, each a JSON object' },
        level: logLevel,
        seconds: { type: 'integer' },
      },
      required: ['topic', 'level', 'seconds'],
    },
    run: ({ gateway, transport, logTail }, { level = gateway.log.level, seconds = 60 }) => {
      if (seconds === 0) logTail.stop();
      else logTail.start(level, seconds, (line) => transport.publishLogLine(line));
      return { topic: transport.logTopic, level, seconds };
    },
  }),
};
