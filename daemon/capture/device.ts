import { matchesGlob } from '../lib/glob.ts';
import type { RtpCodec } from '../rtp/codec.ts';
import type { RtspInput } from './device-sources.ts';
import { isUsableFormat } from './pixel-formats.ts';

/** One size of one pixel format of a camera, and the frame rates it has there. */
export interface VideoFormat {
  /** V4L2 four-character code: `YUYV`, `MJPG`, `NV12`, ... */
  readonly pixelFormat: string;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  /** Frames per second; empty where the driver does not tell. */
  readonly frameRates: readonly number[];
}

/** A control of a camera: exposure, focus, ... with the driver's own limits. */
export interface DeviceControl {
  /** As v4l2-ctl spells it, for example `auto_exposure`; for a CSI camera as libcamera does, for example `AeEnable`. */
  readonly name: string;
  /** A button acts when it is set, to whatever value; a number may have a fraction (libcamera). */
  readonly type: 'integer' | 'number' | 'boolean' | 'menu' | 'button';
  readonly min?: number;
  readonly max?: number;
  readonly step?: number;
  readonly default?: number;
  readonly value?: number;
  readonly menu?: readonly { readonly value: number; readonly label: string }[];
  /** The device only tells it. */
  readonly readOnly?: true;
  /** Another control decides it at present: an exposure time while the exposure is automatic. */
  readonly inactive?: true;
}

interface DeviceIdentity {
  /** Stable over replug and reboot, not guessable from outside (salted). */
  readonly deviceId: string;
  /** The same for the parts of one physical device, for example a webcam's camera and microphone. */
  readonly groupId: string;
  /** What a person calls it. */
  readonly label: string;
  /** Where it hangs: `usb-0000:01:00.0-1.2`, `platform:vivid-000`, `libcamera`, `rtsp`, `test`, `push`. */
  readonly bus: string;
  /** Links to its node that udev keeps, by what it is and by where it hangs: `/dev/v4l/by-path/...`. */
  readonly links?: readonly string[];
  /** As the device tells it. */
  readonly serial?: string;
  /** Undefined when it is not on USB. */
  readonly usb?: UsbPort;
}

/** A device on the USB. */
export interface UsbPort {
  /** In sysfs, for example `/sys/devices/.../usb1/1-1.2`: port by port from the controller on. */
  readonly directory: string;
  /** Signalling rate in Mbit/s; undefined where the system does not tell. */
  readonly speed?: number;
}

export interface VideoDevice extends DeviceIdentity {
  readonly kind: 'videoinput';
  /** Device node, for example `/dev/video0`, which changes from plug to plug; of a network source its URL without credentials. */
  readonly path: string;
  readonly formats: readonly VideoFormat[];
  readonly controls: readonly DeviceControl[];
  /** Of a network source. */
  readonly rtsp?: RtspInput;
}

export interface AudioDevice extends DeviceIdentity {
  readonly kind: 'audioinput';
  /** ALSA PCM, for example `plughw:CARD=Webcam,DEV=0`. */
  readonly path: string;
  /** What comes encoded from it, where that can go out as it is. */
  readonly sound?: RtpCodec | undefined;
  /** Of a network source. */
  readonly rtsp?: RtspInput;
}

export type CaptureDevice = VideoDevice | AudioDevice;

/** The built-in test picture: it can make any size and rate. */
export const TEST_PICTURE: VideoDevice = {
  kind: 'videoinput',
  deviceId: 'test',
  groupId: 'test',
  label: 'Test picture',
  bus: 'test',
  path: 'test',
  formats: [],
  controls: [],
};

/** The same with the time in it, to the millisecond: to measure how old a picture is where it is seen. */
export const STAMPED_PICTURE: VideoDevice = {
  ...TEST_PICTURE,
  deviceId: 'latency',
  label: 'Test picture with the time',
  path: 'latency',
};

/** The built-in test tone. */
export const TEST_TONE: AudioDevice = {
  kind: 'audioinput',
  deviceId: 'test',
  groupId: 'test',
  label: 'Test tone',
  bus: 'test',
  path: 'test',
};

/** What a program pushes: pictures of one size, uncompressed (RGBA) or as JPEG, at about this rate. */
export function pushedDevice(options: {
  deviceId: string;
  label: string;
  format: 'rgba' | 'jpeg';
  width: number;
  height: number;
  frameRate: number;
}): VideoDevice {
  const { deviceId, label, format, width, height, frameRate } = options;
  const pixelFormat = format === 'rgba' ? 'AB24' : 'JPEG';
  return {
    kind: 'videoinput',
    deviceId,
    groupId: deviceId,
    label,
    bus: 'push',
    path: 'push',
    formats: [{ pixelFormat, width, height, frameRates: [frameRate] }],
    controls: [],
  };
}

/** The built-in device of a kind. */
export function testDevice(kind: 'video' | 'audio'): CaptureDevice {
  return kind === 'video' ? TEST_PICTURE : TEST_TONE;
}

/**
 * The device that a configured wish means: `test`; `latency`, a test picture with the time in it; `any` (the first real one that we can use, else the test device); a
 * device's id, path, serial number or label (the whole label, without regard to case); or a pattern, in which `*` stands
 * for any characters, of its path, of one of its links or of its bus: the first that we can use.
 * @returns undefined when no such device is there now.
 */
export function selectDevice(
  devices: readonly CaptureDevice[],
  wish: string,
  kind: 'video' | 'audio',
): CaptureDevice | undefined {
  if (wish === 'test') return testDevice(kind);
  if (wish === STAMPED_PICTURE.deviceId && kind === 'video') return STAMPED_PICTURE;
  const candidates = devices.filter((device) => device.kind === `${kind}input`);
  if (wish === 'any') return candidates.find(isUsable) ?? testDevice(kind);
  if (wish.includes('*')) return candidates.find((device) => isUsable(device) && placesOf(device).some(matches(wish)));
  const label = wish.toLowerCase();
  return (
    candidates.find((device) => device.deviceId === wish) ??
    candidates.find((device) => device.path === wish || device.links?.includes(wish)) ??
    candidates.find((device) => device.serial === wish) ??
    candidates.find((device) => device.label.toLowerCase() === label)
  );
}

const placesOf = ({ path, links = [], bus }: CaptureDevice): string[] => [path, ...links, bus];

const matches = (pattern: string) => (text: string) => matchesGlob(text, pattern);

/** One that is reached over the network was configured for a purpose: it is taken by name only. */
function isUsable(device: CaptureDevice): boolean {
  if (device.rtsp !== undefined) return false;
  return device.kind === 'audioinput' || device.formats.some(({ pixelFormat }) => isUsableFormat(pixelFormat));
}
