import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import type { DeviceControl, VideoDevice, VideoFormat } from './device.ts';
import { type DeviceFinder, type DeviceFinderOptions, FinderProblems, namesIn } from './device-finder.ts';
import { saltedId } from './device-id.ts';
import {
  type LibcameraCamera,
  parseCameraControls,
  parseCameraFormats,
  parseCameraList,
  parseSourceProperties,
  type SourceProperty,
} from './libcamera.ts';
import { withValues } from './libcamera-controls.ts';
import { runTool, type ToolResult } from './run-tool.ts';
import { readText } from './sysfs.ts';
import { isCsiReceiver } from './v4l2.ts';

/** It opens every media device, and looks at every plug-in of GStreamer where that was not done yet. */
const TIMEOUT_MS = 15_000;
/** What a camera is taken to have that somebody else has open. */
const ASSUMED: readonly VideoFormat[] = [
  [640, 480],
  [1280, 720],
  [1920, 1080],
].map(([width = 0, height = 0]) => ({ pixelFormat: 'NV12', width, height, frameRates: [] }));

export interface LibcameraFinderOptions extends DeviceFinderOptions {
  /** What a camera's controls were set to: it cannot be asked. */
  held?: ((deviceId: string) => Readonly<Record<string, number>>) | undefined;
  /** Runs a tool; tests pass recorded answers. */
  run?: typeof runTool | undefined;
  /** See {@link gstreamerEnvironment}. */
  environment?: Readonly<Record<string, string>> | undefined;
}

/** What is known of a camera for as long as its sensor is there. */
interface KnownCamera extends LibcameraCamera {
  readonly formats: readonly VideoFormat[];
  readonly controls: readonly DeviceControl[];
}

/**
 * Cameras on CSI, which need libcamera: their sensors deliver to an image signal processor, which it drives. It is asked
 * when the kernel shows sensors, and again when others come; a machine without any runs nothing for it.
 */
export class LibcameraFinder implements DeviceFinder {
  readonly #options: LibcameraFinderOptions;
  readonly #problems: FinderProblems;
  /** What the answers are about. */
  #sensors = '';
  #known: readonly KnownCamera[] = [];

  constructor(options: LibcameraFinderOptions) {
    this.#options = options;
    this.#problems = new FinderProblems(options.log);
  }

  get problems(): string[] {
    return this.#problems.all;
  }

  forget(path?: string): void {
    // One camera has nothing to tell: its controls are where they were set.
    if (path === undefined) this.#sensors = '';
  }

  async find(): Promise<VideoDevice[]> {
    const sensors = await this.#readSensors();
    if (sensors !== this.#sensors) {
      this.#sensors = sensors;
      this.#known = await this.#problems.during(() => this.#ask(sensors !== ''));
    }
    return this.#known.map((camera) => this.#device(camera));
  }

  #device({ id, model, formats, controls }: KnownCamera): VideoDevice {
    const { salt, held } = this.#options;
    const deviceId = saltedId(salt, `libcamera ${id}`);
    return {
      kind: 'videoinput',
      deviceId,
      groupId: deviceId,
      label: model,
      bus: 'libcamera',
      path: id,
      formats,
      controls: withValues(controls, held?.(deviceId) ?? {}),
    };
  }

  /**
   * The sensors and the receivers that they deliver to, as sysfs has them, and the nodes that libcamera may open for them:
   * their permissions may come late. Empty where there are none.
   */
  async #readSensors(): Promise<string> {
    const { sys, dev } = this.#options.roots;
    const directory = join(sys, 'class/video4linux');
    const found: string[] = [];
    for (const node of (await namesIn(directory)).sort()) {
      const name = (await readText(join(directory, node, 'name'))) ?? '';
      if (node.startsWith('v4l-subdev') || isCsiReceiver(name)) found.push(`${node} ${name}`);
    }
    if (found.length > 0)
      for (const node of (await namesIn(dev)).sort())
        if (/^(media|v4l-subdev)\d+$/.test(node) && (await isOpenable(join(dev, node)))) found.push(node);
    return found.join('\n');
  }

  async #ask(any: boolean): Promise<readonly KnownCamera[]> {
    if (!any) return [];
    const list = await this.#run('cam', ['--list']);
    if (list.missing) {
      this.#problems.tell('cam', 'there may be cameras on CSI, which need libcamera (package libcamera-tools)');
      return [];
    }
    if (!list.ok) {
      this.#problems.tell('cam', `libcamera tells no cameras: ${lastLine(list)}`);
      // The next scan asks again.
      this.#sensors = '';
      return this.#known;
    }
    const cameras = parseCameraList(list.stdout);
    if (cameras.length === 0) return [];
    const source = await this.#run('gst-inspect-1.0', ['libcamerasrc']);
    if (!source.ok) {
      const names = cameras.map(({ model }) => model).join(', ');
      this.#problems.tell('libcamerasrc', `${names}: GStreamer cannot capture it (package gstreamer1.0-libcamera)`);
      return [];
    }
    const properties = parseSourceProperties(source.stdout);
    const found: KnownCamera[] = [];
    for (const camera of cameras) found.push(await this.#look(camera, properties));
    return found;
  }

  /** One that we capture from cannot be asked; nor can one that somebody else has. */
  async #look(camera: LibcameraCamera, properties: ReadonlyMap<string, SourceProperty>): Promise<KnownCamera> {
    const { ok, stdout } = await this.#run('cam', ['--camera', camera.id, '--info', '--list-controls']);
    const formats = ok ? parseCameraFormats(stdout) : [];
    if (formats.length === 0) {
      const before = this.#known.find(({ id }) => id === camera.id);
      return before ?? { ...camera, formats: ASSUMED, controls: [] };
    }
    return { ...camera, formats, controls: parseCameraControls(stdout, properties) };
  }

  #run(program: string, args: readonly string[]): Promise<ToolResult> {
    const { run = runTool, environment = {} } = this.#options;
    return run(program, args, { timeout: TIMEOUT_MS, env: { ...environment, LIBCAMERA_LOG_LEVELS: '*:ERROR' } });
  }
}

const isOpenable = (path: string): Promise<boolean> =>
  access(path, constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  );

const lastLine = ({ stderr, late }: ToolResult): string =>
  late ? 'it does not answer' : (stderr.trim().split('\n').at(-1) ?? '');
