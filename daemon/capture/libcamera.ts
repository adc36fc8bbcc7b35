import type { DeviceControl, VideoFormat } from './device.ts';
import { COMMON_RATES } from './v4l2.ts';

/** A camera as libcamera lists it. */
export interface LibcameraCamera {
  /** The same after a reboot: the sensor's place in the device tree, for example `/base/soc/i2c0mux/i2c@1/imx219@10`. */
  readonly id: string;
  /** The sensor: `imx219`. */
  readonly model: string;
}

/** A property of libcamerasrc that sets a control. */
export interface SourceProperty {
  readonly type: 'integer' | 'number' | 'boolean' | 'menu';
  readonly menu?: readonly { readonly value: number; readonly label: string }[];
}

/** libcamera's names of formats (those of DRM, which read the bytes from the other end), and V4L2's. */
const PIXEL_FORMATS: Readonly<Record<string, string>> = {
  NV12: 'NV12',
  YUV420: 'YU12',
  YVU420: 'YV12',
  NV21: 'NV21',
  YUYV: 'YUYV',
  UYVY: 'UYVY',
  YVYU: 'YVYU',
  NV16: 'NV16',
  RGB888: 'BGR3',
  BGR888: 'RGB3',
  XRGB8888: 'XR24',
  R8: 'GREY',
};
/** What libcamera itself begins with, where it says so: its list has no values (libcamera, control_ids_core.yaml). */
const INITIAL: Readonly<Record<string, number>> = {
  AeEnable: 1,
  AwbEnable: 1,
  ExposureValue: 0,
  Brightness: 0,
  Contrast: 1,
  Saturation: 1,
};

/** The cameras in what `cam --list` prints; those of USB, which V4L2 has too, are left out. */
export function parseCameraList(output: string): LibcameraCamera[] {
  const cameras: LibcameraCamera[] = [];
  for (const [, words = '', id = ''] of output.matchAll(/^\d+: (.*)\((.+)\)$/gm)) {
    // "...-1.2:1.0-046d:082d"
    if (/-[0-9a-f]{4}:[0-9a-f]{4}$/.test(id)) continue;
    const [, model] = /'(.+)'/.exec(words) ?? [];
    // Of a camera whose place it knows it does not tell the model: the node of the device tree is called after it.
    cameras.push({ id, model: model ?? id.slice(id.lastIndexOf('/') + 1).replace(/@.*$/, '') });
  }
  return cameras;
}

/**
 * The formats in what `cam --camera <id> --info --list-controls` prints. Where there is NV12, only that: what libcamera
 * chooses by itself may be anything, and other formats fail on some boards.
 */
export function parseCameraFormats(output: string): VideoFormat[] {
  const frameRates = parseRates(output);
  const formats: VideoFormat[] = [];
  let pixelFormat: string | undefined;
  const add = (width: number, height: number): void => {
    const known = formats.some((other) => other.pixelFormat === pixelFormat && sameSize(other, width, height));
    if (pixelFormat !== undefined && !known) formats.push({ pixelFormat, width, height, frameRates });
  };
  for (const line of output.split('\n')) {
    const format = /^ \* Pixelformat: (\S+) .*\((\d+)x(\d+)\)\//.exec(line);
    const size = /^ {2}- (\d+)x(\d+)$/.exec(line);
    if (format !== null) {
      pixelFormat = PIXEL_FORMATS[format[1] as string];
      // The whole sensor, which is among the sizes by chance only.
      add(Number(format[2]), Number(format[3]));
    } else if (size !== null) add(Number(size[1]), Number(size[2]));
  }
  const best = formats.filter((format) => format.pixelFormat === 'NV12');
  return (best.length > 0 ? best : formats).sort((a, b) => a.width * a.height - b.width * b.height);
}

const sameSize = (format: VideoFormat, width: number, height: number): boolean =>
  format.width === width && format.height === height;

/** Microseconds a frame: `Control: [inout] libcamera::FrameDurationLimits: [16666..1000000]`. */
function parseRates(output: string): number[] {
  const [, shortest, longest] = /\bFrameDurationLimits: \[(\d+)\.\.(\d+)\]/.exec(output) ?? [];
  if (shortest === undefined) return [];
  // 30 frames per second are 33333 us and a little.
  const fits = (rate: number): boolean => 1e6 / rate >= Number(shortest) - 1 && 1e6 / rate <= Number(longest) + 1;
  return COMMON_RATES.filter(fits).toReversed();
}

/**
 * The controls in what `cam --camera <id> --info --list-controls` prints, as far as libcamerasrc can set them.
 * @param properties of libcamerasrc, by name.
 */
export function parseCameraControls(output: string, properties: ReadonlyMap<string, SourceProperty>): DeviceControl[] {
  const controls: DeviceControl[] = [];
  // With items and the size of arrays on lines of their own.
  for (const [, head = '', rest = ''] of output.matchAll(/^Control: (.*)\n((?: .*\n)*)/gm)) {
    const [, vendor = 'libcamera', name = '', range] =
      /^(?:\[.*?\] )?(?:(\w+)::)?(\w+):(?: \[(.*)\])?$/.exec(head) ?? [];
    const property = properties.get(propertyOf(name));
    if (vendor !== 'libcamera' || property === undefined || /^ +Size: /m.test(rest)) continue;
    const control = property.type === 'menu' ? menuControl(name, property, rest) : rangeControl(name, property, range);
    if (control !== undefined) controls.push(control);
  }
  return controls.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** What libcamerasrc calls a control: `AeEnable` is `ae-enable`. */
export function propertyOf(control: string): string {
  return control.replace(/(?<=.)[A-Z]/g, '-$&').toLowerCase();
}

function menuControl(name: string, { menu = [] }: SourceProperty, items: string): DeviceControl | undefined {
  const listed = [...items.matchAll(/^ {2}- .* \((\d+)\)( \[default\])?$/gm)];
  const initial = listed.find(([, , isDefault]) => isDefault !== undefined)?.[1];
  const has = (value: number): boolean => listed.length === 0 || listed.some(([, item]) => Number(item) === value);
  // Without the trigger, which libcamerasrc has not, the camera would wait for it for ever.
  const needsTrigger = (value: number): boolean => name === 'AfMode' && value === 1;
  const choice = menu.filter(({ value }) => has(value) && !needsTrigger(value));
  return choice.length < 2 ? undefined : { name, type: 'menu', menu: choice, ...startingAt(initial) };
}

function rangeControl(name: string, { type }: SourceProperty, range: string | undefined): DeviceControl | undefined {
  const [min = '', max = ''] = range?.split('..') ?? [];
  if (type === 'boolean') return { name, type, ...startingAt(INITIAL[name]) };
  if (min === '' || !Number.isFinite(Number(min)) || !Number.isFinite(Number(max))) return undefined;
  return { name, type, min: Number(min), max: Number(max), ...startingAt(INITIAL[name]) };
}

function startingAt(value: number | string | undefined): Pick<DeviceControl, 'default' | 'value'> {
  return value === undefined ? {} : { default: Number(value), value: Number(value) };
}

const PROPERTY_TYPES: Readonly<Record<string, SourceProperty['type']>> = {
  Boolean: 'boolean',
  Integer: 'integer',
  Float: 'number',
  Enum: 'menu',
};

/** The properties that set controls, in what `gst-inspect-1.0 libcamerasrc` prints; before libcamera 0.4 it has none. */
export function parseSourceProperties(output: string): Map<string, SourceProperty> {
  const properties = new Map<string, SourceProperty>();
  const entry = /^ {2}([a-z][a-z-]*?) *: .*\n +flags: .*\bcontrollable\b.*\n +(\w+)\b.*\n((?: +\(-?\d+\): .*\n)*)/gm;
  for (const [, name = '', word = '', items = ''] of output.matchAll(entry)) {
    const type = PROPERTY_TYPES[word];
    if (type === undefined) continue;
    const menu = [...items.matchAll(/^ +\((-?\d+)\): (\S+)/gm)].map(([, value, label]) => ({
      value: Number(value),
      label: label as string,
    }));
    properties.set(name, { type, ...(type === 'menu' && { menu }) });
  }
  return properties;
}
