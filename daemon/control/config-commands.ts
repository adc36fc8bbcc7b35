import { type Command, command, noMembers } from './command.ts';
import { effectiveConfig } from './schemas.ts';

/** What is asked of the configuration. */
export const CONFIG_COMMANDS: Readonly<Record<string, Command>> = {
  'config/get': command<object>({
    summary: 'The effective configuration, secrets hidden, with the origin of each value',
    right: 'control',
    request: noMembers,
    result: effectiveConfig,
    run: ({ gateway }) => gateway.config(),
  }),
};
