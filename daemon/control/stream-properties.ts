import { type ControlValue, controlValues } from './device-control-values.ts';
import { ControlError, type GatewayPort, type StreamReport } from './gateway-port.ts';
import { maxBitrate, maxFramerate } from './schemas.ts';

type Setter = (gateway: GatewayPort, stream: string, value: ControlValue) => Promise<unknown>;

/** What can be set of every stream; further names are those of the camera's controls. */
const PROPERTIES: Readonly<Record<string, Setter>> = {
  enabled: (gateway, stream, value) => gateway.setStreamEnabled(stream, onOrOff('enabled', value)),
  privacy: (gateway, stream, value) => gateway.setPrivacy(stream, onOrOff('privacy', value)),
  bitrate: (gateway, stream, value) =>
    gateway.setEncoding(stream, { maxBitrate: numberWithin('bitrate', value, maxBitrate) }),
  frameRate: (gateway, stream, value) =>
    gateway.setEncoding(stream, { maxFramerate: numberWithin('frameRate', value, maxFramerate) }),
};

/** @throws ControlError that names the value and what is allowed; then nothing has changed. */
export async function setStreamProperty(
  gateway: GatewayPort,
  stream: string,
  property: string,
  value: ControlValue,
): Promise<void> {
  const report = gateway.stream(stream);
  const set = Object.hasOwn(PROPERTIES, property) ? PROPERTIES[property] : undefined;
  if (set !== undefined) await set(gateway, stream, value);
  else await setCameraControl(gateway, report, property, value);
}

async function setCameraControl(
  gateway: GatewayPort,
  { tracks }: StreamReport,
  property: string,
  value: ControlValue,
): Promise<void> {
  const deviceId = tracks.find(({ kind }) => kind === 'video')?.settings.deviceId;
  const camera = gateway.devices().find((device) => device.deviceId === deviceId);
  const names = (camera?.controls ?? []).map(({ name }) => name);
  if (camera === undefined || !names.includes(property)) {
    const known = [...Object.keys(PROPERTIES), ...names].join(', ');
    throw new ControlError(
      'not_found',
      `there is no property ${JSON.stringify(property)}; there are: ${known}`,
      '/property',
    );
  }
  try {
    await gateway.deviceControls.write(camera.deviceId, controlValues(camera.controls, { [property]: value }, ''));
  } catch (error) {
    if (error instanceof ControlError && error.code === 'invalid_request')
      throw new ControlError(error.code, error.message, '/value');
    throw error;
  }
}

function onOrOff(property: string, value: ControlValue): boolean {
  if (typeof value !== 'boolean') throw wrong(property, value, 'true or false (ON or OFF)');
  return value;
}

function numberWithin(
  property: string,
  value: ControlValue,
  { type, minimum, maximum }: { type: string; minimum: number; maximum: number },
): number {
  const fits = typeof value === 'number' && value >= minimum && value <= maximum;
  if (!fits || (type === 'integer' && !Number.isInteger(value)))
    throw wrong(property, value, `a${type === 'integer' ? 'n integer' : ' number'} from ${minimum} to ${maximum}`);
  return value;
}

function wrong(property: string, value: ControlValue, allowed: string): ControlError {
  return new ControlError('invalid_request', `${property} is ${JSON.stringify(value)}; must be ${allowed}`, '/value');
}
