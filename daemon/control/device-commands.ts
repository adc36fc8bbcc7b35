import type { FromSchema } from 'json-schema-to-ts';
import { type Command, type CommandContext, command, noMembers } from './command.ts';
import { controlValues } from './device-control-values.ts';
import { device, deviceControl } from './schemas.ts';

const deviceList = {
  type: 'object',
  properties: { devices: { type: 'array', items: device } },
  required: ['devices'],
} as const;

const deviceId = { type: 'string', minLength: 1, maxLength: 128, description: 'As in `device/list`' } as const;

const byDevice = {
  type: 'object',
  properties: { deviceId },
  required: ['deviceId'],
  additionalProperties: false,
} as const;

const controlChange = {
  type: 'object',
  properties: {
    deviceId,
    controls: {
      type: 'object',
      minProperties: 1,
      maxProperties: 64,
      additionalProperties: { type: ['number', 'boolean', 'string'] },
      description: 'Values by name of the control; of a menu the number or the label',
    },
  },
  required: ['deviceId', 'controls'],
  additionalProperties: false,
} as const;

const deviceControls = {
  type: 'object',
  properties: { deviceId: { type: 'string' }, controls: { type: 'array', items: deviceControl } },
  required: ['deviceId', 'controls'],
} as const;

const listDevices = ({ gateway }: CommandContext) => ({ devices: gateway.devices() });

/** What is asked of cameras and microphones. */
export const DEVICE_COMMANDS: Readonly<Record<string, Command>> = {
  'device/list': command<object>({
    summary: 'The cameras and microphones, with formats and controls',
    right: 'view',
    request: noMembers,
    result: deviceList,
    run: listDevices,
  }),
  'device/rescan': command<object>({
    summary: 'Asks every device again; plugging in and out is noticed without it',
    right: 'control',
    request: noMembers,
    result: deviceList,
    run: async (context) => {
      await context.gateway.deviceControls.rescan();
      return listDevices(context);
    },
  }),
  'device/controls': command<FromSchema<typeof byDevice>>({
    summary: 'The controls of a camera, with limits and the values of now',
    right: 'view',
    request: byDevice,
    example: { deviceId: 'a1b2' },
    result: deviceControls,
    run: async ({ gateway }, { deviceId: id }) => ({
      deviceId: id,
      controls: await gateway.deviceControls.read(id),
    }),
  }),
  'device/set-controls': command<FromSchema<typeof controlChange>>({
    summary: 'Sets controls of a camera, all or none; the answer has the values that the camera took',
    right: 'control',
    request: controlChange,
    example: { deviceId: 'a1b2', controls: { brightness: 20, power_line_frequency: '50 Hz' } },
    result: deviceControls,
    run: async ({ gateway }, { deviceId: id, controls }) => {
      const known = await gateway.deviceControls.read(id);
      const values = controlValues(known, controls, '/controls');
      return { deviceId: id, controls: await gateway.deviceControls.write(id, values) };
    },
  }),
};
