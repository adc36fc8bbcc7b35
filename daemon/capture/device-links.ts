import { readlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { namesIn } from './device-finder.ts';

/** Where udev, which need not run, puts links to nodes: by what a device is, and by where it hangs. */
export const LINK_DIRECTORIES = ['v4l/by-id', 'v4l/by-path', 'snd/by-id', 'snd/by-path'] as const;

/** The links to device nodes, by the name of the node: `video0`, `controlC1`. */
export async function readDeviceLinks(dev: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const links = new Map<string, string[]>();
  for (const directory of LINK_DIRECTORIES)
    for (const name of (await namesIn(join(dev, directory))).sort()) {
      const path = join(dev, directory, name);
      // It may have gone meanwhile.
      const node = basename(await readlink(path).catch(() => ''));
      const known = links.get(node);
      if (known === undefined) links.set(node, [path]);
      else known.push(path);
    }
  return links;
}
