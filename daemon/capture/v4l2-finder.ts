import { existsSync } from 'node:fs';
import { access, constants } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { VideoDevice } from './device.ts';
import {
  type DeviceFinder,
  type DeviceFinderOptions,
  FinderProblems,
  namesIn,
  withIds,
  withPart,
} from './device-finder.ts';
import { saltedId } from './device-id.ts';
import { readDeviceLinks } from './device-links.ts';
import { runTool } from './run-tool.ts';
import { type Attachment, readAttachment, readInstance, readText, usbOf } from './sysfs.ts';
import { isCamera, isPartOfAnotherPath, isWhole, parseV4l2Node, V4L2_CTL_ARGUMENTS, type V4l2Node } from './v4l2.ts';

/** A wedged USB camera can block an ioctl for good. */
const PROBE_TIMEOUT_MS = 3000;

export interface V4l2FinderOptions extends DeviceFinderOptions {
  /** Output of v4l2-ctl for a node, undefined when it cannot be asked now; tests pass recorded ones. */
  probe?: ((path: string) => Promise<string | undefined>) | undefined;
}

/** What is known of a video node for as long as it is plugged in. */
interface ProbedNode {
  readonly node: V4l2Node;
  readonly attachment: Attachment;
}

/** Cameras with a V4L2 node, in the order of their nodes. A node is asked once, when it appears. */
export class V4l2Finder implements DeviceFinder {
  readonly #options: V4l2FinderOptions;
  readonly #probe: (path: string) => Promise<string | undefined>;
  readonly #probed = new Map<string, Promise<ProbedNode | undefined>>();
  readonly #problems: FinderProblems;

  constructor(options: V4l2FinderOptions) {
    this.#options = options;
    this.#probe = options.probe ?? ((path) => this.#probeWithTool(path));
    this.#problems = new FinderProblems(options.log);
  }

  get problems(): string[] {
    return this.#problems.all;
  }

  forget(path?: string): void {
    for (const key of [...this.#probed.keys()])
      if (path === undefined || key.startsWith(`${basename(path)} `)) this.#probed.delete(key);
  }

  find(): Promise<VideoDevice[]> {
    return this.#problems.during(() => this.#find());
  }

  async #find(): Promise<VideoDevice[]> {
    const { salt, roots } = this.#options;
    const classDirectory = join(roots.sys, 'class/video4linux');
    const names = (await namesIn(classDirectory)).filter((name) => /^video\d+$/.test(name)).sort(byNumber);
    const seen = new Set<string>();
    const found = await Promise.all(
      names.map(async (name): Promise<(ProbedNode & { name: string }) | undefined> => {
        const directory = join(classDirectory, name);
        const attachment = await readAttachment(directory);
        if (attachment === undefined || isPartOfAnotherPath((await readText(join(directory, 'name'))) ?? ''))
          return undefined;
        const key = `${name} ${attachment.identity} ${attachment.port} ${await readInstance(directory)}`;
        seen.add(key);
        const probed = await this.#probeOnce(key, join(roots.dev, name), attachment);
        return probed === undefined ? undefined : { ...probed, name };
      }),
    );
    for (const key of [...this.#probed.keys()]) if (!seen.has(key)) this.#probed.delete(key);
    const cameras = found
      .filter((entry) => entry !== undefined)
      .filter(({ node }) => isCamera(node))
      // One platform device may be several cameras; USB tells them apart by interface.
      .map(({ attachment, ...camera }) => ({
        ...camera,
        attachment: attachment.usb === undefined ? withPart(attachment, camera.node.busInfo) : attachment,
      }));
    const links = cameras.length === 0 ? undefined : await readDeviceLinks(roots.dev);
    return withIds(cameras, salt, 'camera').map(([{ node, attachment, name }, deviceId]) => ({
      kind: 'videoinput',
      deviceId,
      groupId: saltedId(salt, attachment.group),
      label: node.card,
      bus: node.busInfo,
      path: join(roots.dev, name),
      links: links?.get(name) ?? [],
      formats: node.formats,
      controls: node.controls,
      ...usbOf(attachment),
    }));
  }

  #probeOnce(key: string, path: string, attachment: Attachment): Promise<ProbedNode | undefined> {
    let probe = this.#probed.get(key);
    if (probe === undefined) {
      probe = this.#probe(path).then((output) => {
        const node = output === undefined ? undefined : parseV4l2Node(output);
        // It could not be asked, before its permissions were set or while it went: the next scan asks again.
        if (node === undefined || !isWhole(node)) this.#probed.delete(key);
        return node && { node, attachment };
      });
      this.#probed.set(key, probe);
    }
    return probe;
  }

  /** Whether udev, where it runs, has not yet set the permissions of a node: that is noticed when it does. */
  async #isWithUdev(path: string): Promise<boolean> {
    const { sys, run } = this.#options.roots;
    const number = await readText(join(sys, 'class/video4linux', basename(path), 'dev'));
    return existsSync(join(run, 'udev/control')) && !existsSync(join(run, `udev/data/c${number}`));
  }

  async #probeWithTool(path: string): Promise<string | undefined> {
    try {
      await access(path, constants.R_OK | constants.W_OK);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (await this.#isWithUdev(path)) return undefined;
      this.#problems.tell(path, `${path} may not be opened (${code}): is this user in the group 'video'?`);
      return undefined;
    }
    const result = await runTool('v4l2-ctl', ['-d', path, ...V4L2_CTL_ARGUMENTS], { timeout: PROBE_TIMEOUT_MS });
    if (result.ok) return result.stdout;
    if (result.missing)
      this.#problems.tell('v4l2-ctl', 'v4l2-ctl is not installed (package v4l-utils): cameras cannot be found');
    else this.#problems.tell(path, `${path} does not answer`);
    return undefined;
  }
}

const byNumber = (a: string, b: string): number => Number(a.replace(/\D/g, '')) - Number(b.replace(/\D/g, ''));
