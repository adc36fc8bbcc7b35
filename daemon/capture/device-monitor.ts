import { join } from 'node:path';
import { DirectoryWatch } from '../lib/directory-watch.ts';
import type { Log } from '../lib/log.ts';
import { AlsaFinder } from './alsa-finder.ts';
import { type CaptureDevice, TEST_PICTURE, TEST_TONE } from './device.ts';
import type { DeviceFinder, DeviceRoots } from './device-finder.ts';
import { LINK_DIRECTORIES } from './device-links.ts';
import { LibcameraFinder, type LibcameraFinderOptions } from './libcamera-finder.ts';
import { V4l2Finder, type V4l2FinderOptions } from './v4l2-finder.ts';

/** Plugging in makes a burst of nodes, links and changes of their permissions. */
const DEBOUNCE_MS = 250;
/** For what no watch tells: a /dev that is not inotify's, a card without nodes. */
const SLOW_SCAN_MS = 10_000;
/** Names in /dev that have to do with cameras and sound. */
const OURS = /^(video|media|v4l|snd)/;

export interface DeviceMonitorOptions {
  log: Log;
  /** Makes device ids worthless outside of this gateway; the same from start to start. */
  salt: string;
  /** The test picture and the test tone are in the table, too. */
  testDevices?: boolean;
  /** What else is always in the table. */
  always?: readonly CaptureDevice[];
  /** Roots of the file systems; tests pass their own trees. */
  roots?: DeviceRoots;
  /** How a V4L2 node is asked, see {@link V4l2FinderOptions}; tests pass recorded answers. */
  probe?: V4l2FinderOptions['probe'];
  /** What the controls of cameras were set to that cannot be asked for them. */
  held?: LibcameraFinderOptions['held'];
  /** Of the tools that load GStreamer; see {@link gstreamerEnvironment}. */
  environment?: Readonly<Record<string, string>>;
}

/**
 * The cameras and microphones of the machine, kept current: the table behind `enumerateDevices()`.
 * A node is asked once, when it appears; a scan without news reads a few small directories.
 */
export class DeviceMonitor {
  readonly #log: Log;
  /** What is in the table besides what is found. */
  readonly #always: readonly CaptureDevice[];
  /** In the order of the table. */
  readonly #finders: readonly DeviceFinder[];
  readonly #watch: DirectoryWatch;
  readonly #listeners = new Set<(devices: readonly CaptureDevice[]) => void>();
  #devices: readonly CaptureDevice[] = [];
  #debounce: NodeJS.Timeout | undefined;
  #slowScan: NodeJS.Timeout | undefined;
  #scanning: Promise<void> | undefined;
  #scanAgain = false;
  #running = false;

  constructor(options: DeviceMonitorOptions) {
    const { log, salt, always = [], testDevices = false, probe, held, environment } = options;
    const { roots = { sys: '/sys', proc: '/proc', dev: '/dev', run: '/run' } } = options;
    this.#log = log;
    this.#always = [...always, ...(testDevices ? [TEST_PICTURE, TEST_TONE] : [])];
    const common = { log, salt, roots };
    this.#finders = [
      new V4l2Finder({ ...common, probe }),
      new LibcameraFinder({ ...common, held, environment }),
      new AlsaFinder(common),
    ];
    const { dev } = roots;
    const watched = [dev, ...['snd', ...LINK_DIRECTORIES].map((name) => join(dev, name))];
    // A node's permissions are set after it was made, which shows as a change.
    this.#watch = new DirectoryWatch(watched, (directory, name) => {
      if (name === null || directory !== dev || OURS.test(name)) this.#soon();
    });
  }

  /** Cameras in the order of their nodes, then microphones in the order of their cards. */
  get devices(): readonly CaptureDevice[] {
    return this.#devices;
  }

  /** Why there may be more devices than are known, for people. */
  get problems(): string[] {
    return this.#finders.flatMap(({ problems }) => problems);
  }

  /** Adds a listener for every change of {@link devices}; returns what removes it. */
  onChange(listener: (devices: readonly CaptureDevice[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves when the devices that are there now are known. Idempotent. */
  async start(): Promise<void> {
    if (!this.#running) {
      this.#running = true;
      this.#slowScan = setInterval(() => void this.#scan(), SLOW_SCAN_MS);
      this.#slowScan.unref();
    }
    await this.#scan();
  }

  async stop(): Promise<void> {
    this.#running = false;
    clearInterval(this.#slowScan);
    clearTimeout(this.#debounce);
    this.#watch.stop();
    await this.#scanning;
  }

  /** Asks every device again, values of controls included; with a path only the one there. */
  async rescan(path?: string): Promise<void> {
    await this.#scanning;
    for (const finder of this.#finders) finder.forget(path);
    await this.#scan();
  }

  #soon(): void {
    clearTimeout(this.#debounce);
    this.#debounce = setTimeout(() => void this.#scan(), DEBOUNCE_MS);
    this.#debounce.unref();
  }

  /** One scan at a time; a wish during one is another one after it. */
  #scan(): Promise<void> {
    if (this.#scanning !== undefined) {
      this.#scanAgain = true;
      return this.#scanning;
    }
    this.#scanning = (async () => {
      do {
        this.#scanAgain = false;
        // What comes from now on is noticed.
        if (this.#running) this.#watch.refresh();
        const found = await Promise.all(this.#finders.map((finder) => finder.find()));
        this.#publish([...found.flat(), ...this.#always]);
      } while (this.#scanAgain && this.#running);
    })().finally(() => {
      this.#scanning = undefined;
    });
    return this.#scanning;
  }

  #publish(devices: readonly CaptureDevice[]): void {
    const before = this.#devices;
    if (JSON.stringify(before) === JSON.stringify(devices)) return;
    this.#devices = devices;
    const ids = (list: readonly CaptureDevice[]): Set<string> => new Set(list.map(({ deviceId }) => deviceId));
    const [old, now] = [ids(before), ids(devices)];
    for (const { deviceId, label, path } of devices)
      if (!old.has(deviceId)) this.#log.info({ deviceId, label, path }, `device found: ${label}`);
    for (const { deviceId, label, path } of before)
      if (!now.has(deviceId)) this.#log.info({ deviceId, label, path }, `device gone: ${label}`);
    for (const listener of [...this.#listeners]) listener(devices);
  }
}
