import { type Command, command, noMembers } from './command.ts';
import { device } from './schemas.ts';

/** What is asked of cameras and microphones. */
export const DEVICE_COMMANDS: Readonly<Record<string, Command>> = {
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
};
