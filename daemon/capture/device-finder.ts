import { readdir } from 'node:fs/promises';
import type { Log } from '../lib/log.ts';
import type { CaptureDevice } from './device.ts';
import { saltedId } from './device-id.ts';
import type { Attachment } from './sysfs.ts';

/** Roots of the file systems that tell of devices. */
export interface DeviceRoots {
  readonly sys: string;
  readonly proc: string;
  readonly dev: string;
  readonly run: string;
}

export interface DeviceFinderOptions {
  log: Log;
  /** Makes device ids worthless outside of this gateway; the same from start to start. */
  salt: string;
  roots: DeviceRoots;
}

/** Finds the devices of one interface of the system. What does not change while a device is there is asked once. */
export interface DeviceFinder {
  /** Those that are there now. */
  find(): Promise<readonly CaptureDevice[]>;
  /** Why there may be more than were found, for people. */
  readonly problems: readonly string[];
  /** Has the next {@link find} ask again: every device, or the one at a path. */
  forget(path?: string): void;
}

/** What keeps devices from being found. Looks follow each other: a problem is logged when it is new. */
export class FinderProblems {
  readonly #log: Log;
  /** Of the last look that has ended, by what they are about. */
  #known: ReadonlyMap<string, string> = new Map();
  #found = new Map<string, string>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** For people. */
  get all(): string[] {
    return [...this.#known.values()];
  }

  /** Looks again: what is not told meanwhile is over. */
  async during<Result>(look: () => Promise<Result>): Promise<Result> {
    this.#found = new Map();
    const result = await look();
    this.#known = this.#found;
    return result;
  }

  tell(what: string, message: string): void {
    if (!this.#known.has(what) && !this.#found.has(what)) this.#log.warn({ what }, message);
    this.#found.set(what, message);
  }
}

/** The names in a directory; none where it is not there. */
export async function namesIn(directory: string): Promise<string[]> {
  return readdir(directory).catch(() => []);
}

/** One of several devices at the same attachment. */
export const withPart = (attachment: Attachment, part: string): Attachment => ({
  ...attachment,
  identity: `${attachment.identity}/${part}`,
});

/** Device ids; cheap devices share a serial number: those get one by their port as well. */
export function withIds<T extends { attachment: Attachment }>(
  found: readonly T[],
  salt: string,
  kind: string,
): [T, string][] {
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
