import { type FSWatcher, watch } from 'node:fs';
import { access, constants, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Log } from '../lib/log.ts';
import { type AlsaPcm, alsaDevice, parseAlsa } from './alsa.ts';
import { type AudioDevice, type CaptureDevice, TEST_PICTURE, TEST_TONE, type VideoDevice } from './device.ts';
import { saltedId } from './device-id.ts';
import { runTool } from './run-tool.ts';
import { type Attachment, readAttachment, readText } from './sysfs.ts';
import { isCamera, isPartOfAnotherPath, parseV4l2Node, V4L2_CTL_ARGUMENTS, type V4l2Node } from './v4l2.ts';

/** A wedged USB camera can block an ioctl for good. */
const PROBE_TIMEOUT_MS = 3000;
/** Plugging in makes a burst of nodes and changes of their permissions. */
const DEBOUNCE_MS = 250;
/** For what no watch tells: a /dev that is not inotify's, a card without nodes. */
const SLOW_SCAN_MS = 10_000;

export interface DeviceMonitorOptions {
  log: Log;
  /** Makes device ids worthless outside of this gateway; the same from start to start. */
  salt: string;
  /** The test picture and the test tone are in the table, too. */
  testDevices?: boolean;
  /** What else is always in the table. */
  always?: readonly CaptureDevice[];
  /** Roots of the file systems; tests pass their own trees. */
  roots?: { sys: string; proc: string; dev: string };
  /** Output of v4l2-ctl for a node, undefined when it cannot be asked now; tests pass recorded ones. */
  probe?: (path: string) => Promise<string | undefined>;
}

/** What is known of a video node for as long as it is plugged in. */
interface ProbedNode {
  readonly node: V4l2Node;
  readonly attachment: Attachment;
}

/**
 * The cameras and microphones of the machine, kept current: the table behind `enumerateDevices()`.
 * A node is asked once, when it appears; a scan without news reads a few small directories.
 */
export class DeviceMonitor {
  readonly #options: Required<DeviceMonitorOptions>;
  readonly #listeners = new Set<(devices: readonly CaptureDevice[]) => void>();
  readonly #probed = new Map<string, Promise<ProbedNode | undefined>>();
  #devices: readonly CaptureDevice[] = [];
  /** Nodes whose failure was told already. */
  readonly #told = new Set<string>();
  #watchers: FSWatcher[] = [];
  #debounce: NodeJS.Timeout | undefined;
  #slowScan: NodeJS.Timeout | undefined;
  #scanning: Promise<void> | undefined;
  #scanAgain = false;
  #running = false;

  constructor(options: DeviceMonitorOptions) {
    this.#options = {
      testDevices: false,
      always: [],
      roots: { sys: '/sys', proc: '/proc', dev: '/dev' },
      probe: (path) => this.#probeWithTool(path),
      ...options,
    };
  }

  /** Cameras in the order of their nodes, then microphones in the order of their cards. */
  get devices(): readonly CaptureDevice[] {
    return this.#devices;
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
      this.#watch();
      this.#slowScan = setInterval(() => void this.#scan(), SLOW_SCAN_MS);
      this.#slowScan.unref();
    }
    await this.#scan();
  }

  async stop(): Promise<void> {
    this.#running = false;
    clearInterval(this.#slowScan);
    clearTimeout(this.#debounce);
    for (const watcher of this.#watchers.splice(0)) watcher.close();
    await this.#scanning;
  }

  /** Asks every device again, values of controls included; with a path only the one there. */
  async rescan(path?: string): Promise<void> {
    await this.#scanning;
    for (const key of [...this.#probed.keys()])
      if (path === undefined || key.startsWith(`${basename(path)} `)) this.#probed.delete(key);
    await this.#scan();
  }

  #watch(): void {
    const { dev } = this.#options.roots;
    // A node's permissions are set after it was made, which shows as a change.
    for (const directory of [dev, join(dev, 'snd')]) {
      try {
        const watcher = watch(directory, { persistent: false }, (_, name) => {
          if (name === null || directory !== dev || /^(video|snd)/.test(name)) this.#soon();
        });
        watcher.on('error', () => watcher.close());
        this.#watchers.push(watcher);
      } catch {
        // Without sound cards there is no /dev/snd; the slow scan finds the first one.
      }
    }
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
        const [cameras, microphones] = await Promise.all([this.#cameras(), this.#microphones()]);
        const { always, testDevices } = this.#options;
        this.#publish([...cameras, ...microphones, ...always, ...(testDevices ? [TEST_PICTURE, TEST_TONE] : [])]);
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
      if (!old.has(deviceId)) this.#options.log.info({ deviceId, label, path }, `device found: ${label}`);
    for (const { deviceId, label, path } of before)
      if (!now.has(deviceId)) this.#options.log.info({ deviceId, label, path }, `device gone: ${label}`);
    for (const listener of [...this.#listeners]) listener(devices);
  }

  async #cameras(): Promise<VideoDevice[]> {
    const { sys, dev } = this.#options.roots;
    const classDirectory = join(sys, 'class/video4linux');
    const names = (await list(classDirectory)).filter((name) => /^video\d+$/.test(name)).sort(byNumber);
    const seen = new Set<string>();
    const found = await Promise.all(
      names.map(async (name): Promise<(ProbedNode & { path: string }) | undefined> => {
        const directory = join(classDirectory, name);
        const attachment = await readAttachment(directory);
        if (attachment === undefined || isPartOfAnotherPath((await readText(join(directory, 'name'))) ?? ''))
          return undefined;
        const key = `${name} ${attachment.identity} ${attachment.port}`;
        seen.add(key);
        const path = join(dev, name);
        const probed = await this.#probeOnce(key, path, attachment);
        return probed === undefined ? undefined : { ...probed, path };
      }),
    );
    for (const key of [...this.#probed.keys()]) if (!seen.has(key)) this.#probed.delete(key);
    const cameras = found
      .filter((entry) => entry !== undefined)
      .filter(({ node }) => isCamera(node))
      // One platform device may be several cameras; USB tells them apart by interface.
      .map(({ attachment, ...camera }) => ({
        ...camera,
        attachment: attachment.usbSpeed === undefined ? withPart(attachment, camera.node.busInfo) : attachment,
      }));
    return withIds(cameras, this.#options.salt, 'camera').map(([{ node, attachment, path }, deviceId]) => ({
      kind: 'videoinput',
      deviceId,
      groupId: saltedId(this.#options.salt, attachment.group),
      label: node.card,
      bus: node.busInfo,
      path,
      formats: node.formats,
      controls: node.controls,
      ...(attachment.usbSpeed === undefined ? {} : { usbSpeed: attachment.usbSpeed }),
    }));
  }

  #probeOnce(key: string, path: string, attachment: Attachment): Promise<ProbedNode | undefined> {
    let probe = this.#probed.get(key);
    if (probe === undefined) {
      probe = this.#options.probe(path).then((output) => {
        // It could not be asked, for example before its permissions were set: the next scan asks again.
        if (output === undefined) this.#probed.delete(key);
        return output === undefined ? undefined : { node: parseV4l2Node(output), attachment };
      });
      this.#probed.set(key, probe);
    }
    return probe;
  }

  async #probeWithTool(path: string): Promise<string | undefined> {
    try {
      await access(path, constants.R_OK | constants.W_OK);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      this.#tellOnce(path, `${path} may not be opened (${code}): is this user in the group 'video'?`);
      return undefined;
    }
    const result = await runTool('v4l2-ctl', ['-d', path, ...V4L2_CTL_ARGUMENTS], { timeout: PROBE_TIMEOUT_MS });
    if (result.ok) {
      this.#told.delete(path);
      return result.stdout;
    }
    if (result.missing)
      this.#tellOnce('v4l2-ctl', 'v4l2-ctl is not installed (package v4l-utils): cameras cannot be found');
    else this.#tellOnce(path, `${path} does not answer`);
    return undefined;
  }

  /** The slow scan asks again and again. */
  #tellOnce(what: string, message: string): void {
    if (this.#told.has(what)) return;
    this.#told.add(what);
    this.#options.log.warn({ what }, message);
  }

  async #microphones(): Promise<AudioDevice[]> {
    const { sys, proc } = this.#options.roots;
    const [cards, pcm] = await Promise.all([readText(join(proc, 'asound/cards')), readText(join(proc, 'asound/pcm'))]);
    if (cards === undefined || pcm === undefined) return [];
    const found: { pcm: AlsaPcm; attachment: Attachment }[] = [];
    for (const entry of parseAlsa(cards, pcm)) {
      const attachment = await readAttachment(join(sys, `class/sound/card${entry.card}`));
      if (attachment !== undefined) found.push({ pcm: entry, attachment: withPart(attachment, `pcm${entry.device}`) });
    }
    const several = new Set(
      found.map(({ pcm: { cardId } }) => cardId).filter((id, index, all) => all.indexOf(id) !== index),
    );
    return withIds(found, this.#options.salt, 'microphone').map(([{ pcm: entry, attachment }, deviceId]) => ({
      kind: 'audioinput',
      deviceId,
      groupId: saltedId(this.#options.salt, attachment.group),
      label: several.has(entry.cardId) ? `${entry.cardName}, ${entry.name} ${entry.device}` : entry.cardName,
      bus: attachment.usbSpeed === undefined ? 'alsa' : 'usb',
      path: alsaDevice(entry),
    }));
  }
}

const withPart = (attachment: Attachment, part: string): Attachment => ({
  ...attachment,
  identity: `${attachment.identity}/${part}`,
});

/** Device ids; cheap devices share a serial number: those get one by their port as well. */
function withIds<T extends { attachment: Attachment }>(found: readonly T[], salt: string, kind: string): [T, string][] {
  const times = (texts: readonly string[], text: string): number => texts.filter((other) => other === text).length;
  const identities = found.map(({ attachment }) => attachment.identity);
  const used: string[] = [];
  return found.map((entry, index) => {
    const identity = identities[index] as string;
    const unique = times(identities, identity) > 1 ? `${identity}@${entry.attachment.port}` : identity;
    used.push(unique);
    return [entry, saltedId(salt, `${kind} ${unique} ${times(used, unique)}`)];
  });
}

async function list(directory: string): Promise<string[]> {
  return readdir(directory).catch(() => []);
}

const byNumber = (a: string, b: string): number => Number(a.replace(/\D/g, '')) - Number(b.replace(/\D/g, ''));
