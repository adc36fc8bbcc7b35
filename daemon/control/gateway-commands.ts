import { type Command, command, noMembers, nothing } from './command.ts';
import { gatewayInfo } from './schemas.ts';

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
};
