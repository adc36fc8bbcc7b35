import type { Command } from './command.ts';
import { CONFIG_COMMANDS, STREAM_CONFIG_COMMANDS } from './config-commands.ts';
import { DEVICE_COMMANDS } from './device-commands.ts';
import { GATEWAY_COMMANDS } from './gateway-commands.ts';
import { SESSION_COMMANDS } from './session-commands.ts';
import { STREAM_COMMANDS } from './stream-commands.ts';
import { TRACK_COMMANDS } from './track-commands.ts';

/**
 * Every request that the gateway answers, by name. The only source of validation, types, the answers' shape,
 * docs/mqtt-api.md and docs/asyncapi.yaml.
 */
export const COMMANDS: Readonly<Record<string, Command>> = {
  ...GATEWAY_COMMANDS,
  ...DEVICE_COMMANDS,
  ...STREAM_COMMANDS,
  ...STREAM_CONFIG_COMMANDS,
  ...TRACK_COMMANDS,
  ...SESSION_COMMANDS,
  ...CONFIG_COMMANDS,
};
