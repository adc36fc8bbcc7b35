import { randomBytes } from 'node:crypto';
import { open, readdir, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

export interface AtomicWriteOptions {
  /** Permission bits of the file; default 0o600. */
  mode?: number;
}

/**
 * Replaces a file so that a crash or a power cut at any moment leaves the old content or the new one, whole. When it
 * resolves, the new content is on the disk. Root leaves the file to its owner, or a new one to the owner of its
 * directory, so that what an administrator changes stays readable for the service.
 */
export async function writeFileAtomic(
  path: string,
  content: string | Uint8Array,
  options: AtomicWriteOptions = {},
): Promise<void> {
  const directory = dirname(path);
  const temporary = join(directory, `${prefixOf(path)}${randomBytes(6).toString('hex')}${SUFFIX}`);
  const mode = options.mode ?? 0o600;
  try {
    const file = await open(temporary, 'wx', mode);
    try {
      await file.writeFile(content);
      await file.chmod(mode);
      if (process.getuid?.() === 0) {
        const { uid, gid } = await stat(path).catch(() => stat(directory));
        await file.chown(uid, gid);
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
  await syncDirectory(directory);
}

/** Removes what writers of a file left beside it who were killed. Nobody must be writing it. */
export async function removeLeftovers(path: string): Promise<void> {
  const directory = dirname(path);
  const names = await readdir(directory).catch((error): string[] => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const left = names.filter((name) => name.startsWith(prefixOf(path)) && name.endsWith(SUFFIX));
  await Promise.all(left.map((name) => unlink(join(directory, name))));
}

const SUFFIX = '.tmp';
const prefixOf = (path: string): string => `.${basename(path)}.`;

/** Without this the rename itself may be lost: fsync(2) of a file does not cover its directory entry. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
