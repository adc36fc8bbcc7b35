import type { DeviceControl, VideoFormat } from './device.ts';

/** What `v4l2-ctl --info --list-formats-ext --list-ctrls-menus` (1.22, LC_ALL=C) tells about a node. */
export interface V4l2Node {
  readonly driver: string;
  /** Name of the device. */
  readonly card: string;
  /** `usb-0000:00:14.0-1`, `platform:vivid-000`. */
  readonly busInfo: string;
  /** Of this node, for example `Video Capture`, `Metadata Capture`, `Video Memory-to-Memory`. */
  readonly capabilities: readonly string[];
  readonly formats: readonly VideoFormat[];
  readonly controls: readonly DeviceControl[];
}

export const V4L2_CTL_ARGUMENTS = ['--info', '--list-formats-ext', '--list-ctrls-menus'] as const;

/** A driver that scales freely lists a range only; from it we offer what people ask for. */
const COMMON_SIZES = [
  [160, 120],
  [320, 180],
  [320, 240],
  [640, 360],
  [640, 480],
  [800, 600],
  [1024, 576],
  [1024, 768],
  [1280, 720],
  [1280, 960],
  [1600, 1200],
  [1920, 1080],
  [2560, 1440],
  [2592, 1944],
  [3840, 2160],
] as const;
export const COMMON_RATES = [1, 2, 5, 10, 15, 20, 24, 25, 30, 50, 60, 90, 120] as const;

/** Reads the tool's output; what it does not know it leaves out. */
export function parseV4l2Node(output: string): V4l2Node {
  const lines = output.split('\n');
  return {
    driver: field(lines, 'Driver name'),
    card: field(lines, 'Card type'),
    busInfo: field(lines, 'Bus info'),
    capabilities: parseCapabilities(lines),
    formats: parseFormats(lines),
    controls: parseControls(lines),
  };
}

/** Whether pictures come from this node: a camera, not a decoder's, a scaler's or a metadata node. */
export function isCamera(node: V4l2Node): boolean {
  return hasPictures(node) && node.formats.length > 0 && !isPartOfAnotherPath(node.driver);
}

/**
 * Whether the tool has got to its end: it is content with every question that a device leaves unanswered, as one does
 * that is being unplugged.
 */
export function isWhole(node: V4l2Node): boolean {
  return node.capabilities.length > 0 && (!hasPictures(node) || node.formats.length > 0);
}

const hasPictures = ({ capabilities }: V4l2Node): boolean =>
  capabilities.some((name) => name === 'Video Capture' || name === 'Video Capture Multiplanar');

/**
 * Nodes that deliver pictures only as a part of a path that somebody else sets up: image signal processors, codecs and
 * CSI receivers. Takes the driver's name or the node's name in sysfs, so that they need not even be opened.
 */
export function isPartOfAnotherPath(name: string): boolean {
  return isCsiReceiver(name) || /^(bcm2835-(isp|codec)|pispbe|rkisp1|rpi-hevc-dec|rpivid)/.test(name);
}

/** What takes in the picture of a CSI camera's sensor, for somebody else to make one for people of it. */
export function isCsiReceiver(name: string): boolean {
  return /^(bcm2835-)?unicam|^rp1-cfe/.test(name);
}

/** The first field of this name: the driver's own section comes first. */
function field(lines: readonly string[], name: string): string {
  const line = lines.find((candidate) => candidate.trimStart().startsWith(name));
  return line === undefined ? '' : line.slice(line.indexOf(':') + 1).trim();
}

function parseCapabilities(lines: readonly string[]): string[] {
  // Drivers of before 3.4 have no capabilities by node, and are one node.
  const from = lines.findIndex((line) => /^\tDevice Caps\s*:/.test(line));
  const start = from >= 0 ? from : lines.findIndex((line) => /^\tCapabilities\s*:/.test(line));
  const names: string[] = [];
  for (let i = start + 1; start >= 0 && /^\t\t\S/.test(lines[i] ?? ''); i++) names.push((lines[i] as string).trim());
  return names;
}

function parseFormats(lines: readonly string[]): VideoFormat[] {
  const formats: VideoFormat[] = [];
  let pixelFormat: string | undefined;
  let sizes: { width: number; height: number }[] = [];
  let frameRates: number[] = [];
  const flush = (): void => {
    if (pixelFormat !== undefined) {
      const rates = [...new Set(frameRates)].sort((a, b) => b - a);
      for (const size of sizes) formats.push({ pixelFormat, ...size, frameRates: rates });
    }
    sizes = [];
    frameRates = [];
  };
  for (const line of lines) {
    const format = /^\s*\[\d+\]: '(.{4})'/.exec(line);
    const type = /^\s*Type: (.+)$/.exec(line);
    const size = /^\s*Size: (\w+) (.+)$/.exec(line);
    const interval = /^\s*Interval: (\w+) .*\(([\d.]+)(?:-([\d.]+))? fps\)/.exec(line);
    if (type !== null) {
      flush();
      pixelFormat = undefined;
    } else if (format !== null) {
      flush();
      pixelFormat = (format[1] as string).trim();
    } else if (size !== null) {
      flush();
      sizes = parseSizes(size[1] as string, size[2] as string);
    } else if (interval !== null) {
      frameRates.push(...parseRates(Number(interval[2]), interval[3] === undefined ? undefined : Number(interval[3])));
    }
  }
  flush();
  return formats;
}

/** `640x480`, or `32x32 - 1920x1920 with step 2/2` where the driver scales. */
function parseSizes(kind: string, text: string): { width: number; height: number }[] {
  const numbers = (text.match(/\d+/g) ?? []).map(Number);
  const [width = 0, height = 0, maxWidth = width, maxHeight = height, stepX = 1, stepY = 1] = numbers;
  if (kind === 'Discrete') return [{ width, height }];
  const fits = (size: number, least: number, most: number, step: number): boolean =>
    size >= least && size <= most && (size - least) % Math.max(1, step) === 0;
  const common = COMMON_SIZES.filter(([w, h]) => fits(w, width, maxWidth, stepX) && fits(h, height, maxHeight, stepY));
  return common.map(([w, h]) => ({ width: w, height: h }));
}

function parseRates(rate: number, highest: number | undefined): number[] {
  if (highest === undefined) return rate > 0 ? [rate] : [];
  return COMMON_RATES.filter((common) => common >= rate && common <= highest);
}

const CONTROL_TYPES: Readonly<Record<string, DeviceControl['type']>> = {
  int: 'integer',
  bool: 'boolean',
  menu: 'menu',
  intmenu: 'menu',
  button: 'button',
};

/** The controls in what `v4l2-ctl --list-ctrls-menus` prints; strings, bit masks and arrays are left out. */
export function parseControls(lines: readonly string[]): DeviceControl[] {
  const controls: DeviceControl[] = [];
  let menu: { value: number; label: string }[] | undefined;
  for (const line of lines) {
    const control = /^\s*(\w+) 0x[0-9a-f]{8} \((\w+)\)\s*: (.*)$/.exec(line);
    const item = /^\s+(\d+): (.*)$/.exec(line);
    if (control !== null) {
      menu = undefined;
      const [, name = '', kind = '', values = ''] = control;
      const type = CONTROL_TYPES[kind];
      const flags = /flags=(.*)$/.exec(values)?.[1]?.split(', ') ?? [];
      if (type === undefined || flags.includes('disabled')) continue;
      menu = type === 'menu' ? [] : undefined;
      controls.push({
        name,
        type,
        ...(type === 'button' ? {} : parseValues(values)),
        ...(menu && { menu }),
        ...(flags.includes('read-only') && { readOnly: true }),
        ...(flags.includes('inactive') && { inactive: true }),
      });
    } else if (item !== null && menu !== undefined) {
      menu.push({ value: Number(item[1]), label: (item[2] as string).trim() });
    }
  }
  return controls;
}

/** `min=0 max=255 step=1 default=128 value=128 (text) flags=...` */
function parseValues(text: string): Pick<DeviceControl, 'min' | 'max' | 'step' | 'default' | 'value'> {
  const values: Partial<Record<'min' | 'max' | 'step' | 'default' | 'value', number>> = {};
  for (const [, name, value] of text.matchAll(/\b(min|max|step|default|value)=(-?\d+)/g))
    values[name as keyof typeof values] = Number(value);
  return values;
}
