import { readFile, rename } from 'node:fs/promises';
import { removeLeftovers, writeFileAtomic } from '../daemon/lib/atomic-file.ts';
import type { Clock } from '../daemon/lib/clock.ts';
import { isMap } from './map.ts';
import type { RemoteLayer } from './remote-layer.ts';

/** How a version of the remote layer came to be. */
export type RemoteAction = 'patch' | 'rollback' | 'undone' | 'set-aside';

/** The remote layer as it was at a time. */
export interface RemoteVersion {
  /** Counts up from 0, which is the empty layer of the beginning. */
  readonly revision: number;
  /** ISO 8601, as the machine believed. */
  readonly time: string;
  readonly action: RemoteAction;
  /** Who did it: a principal, or `gateway`. */
  readonly by: string;
  /** JSON pointers of what changed. */
  readonly paths: readonly string[];
  readonly layer: RemoteLayer;
}

/** The current version waits for `config/confirm`. */
export interface Confirmation {
  /** Seconds. */
  readonly within: number;
  /** The change itself restarts the gateway, so that its next start is no reason to undo it. */
  readonly restarts: boolean;
}

interface RemoteDocument {
  format: 1;
  current: RemoteVersion;
  /** Older versions, the newest first. */
  history: RemoteVersion[];
  confirmation?: Confirmation;
}

const MAX_HISTORY = 10;

const BEGINNING: RemoteVersion = {
  revision: 0,
  time: new Date(0).toISOString(),
  action: 'patch',
  by: 'gateway',
  paths: [],
  layer: {},
};

/**
 * The remote layer on disk, with its last versions: one file, replaced as a whole, so that a crash or a power cut at
 * any moment leaves the old one or the new one. It holds secrets: nobody but the service reads it.
 */
export class RemoteStore {
  readonly path: string;
  readonly #clock: Pick<Clock, 'wall'>;
  #document: RemoteDocument = { format: 1, current: BEGINNING, history: [] };

  constructor(options: { path: string; clock: Pick<Clock, 'wall'> }) {
    this.path = options.path;
    this.#clock = options.clock;
  }

  get current(): RemoteVersion {
    return this.#document.current;
  }

  /** At most ten, the newest first. */
  get history(): readonly RemoteVersion[] {
    return this.#document.history;
  }

  /** What the current version waits for; undefined: it is there to stay. */
  get confirmation(): Confirmation | undefined {
    return this.#document.confirmation;
  }

  /** @throws Error with a message for people, for a file that cannot be read or understood. */
  async read(): Promise<void> {
    let text: string;
    try {
      text = await readFile(this.path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      throw error;
    }
    let document: unknown;
    try {
      document = JSON.parse(text);
    } catch {
      // The parser's message repeats the text, which may hold a secret.
      throw new Error('it is not JSON');
    }
    if (!isDocument(document)) throw new Error('it is not a remote configuration that this version knows');
    this.#document = document;
  }

  /** Removes what a process left behind that was killed while it wrote. */
  tidy(): Promise<void> {
    return removeLeftovers(this.path);
  }

  /** Moves a file out of the way that is of no use. @returns where it lies now. */
  async moveAway(): Promise<string> {
    const path = `${this.path}.set-aside`;
    await rename(this.path, path);
    return path;
  }

  /** Makes a layer the current one; when it resolves, that is on disk. */
  async commit(
    version: Pick<RemoteVersion, 'action' | 'by' | 'paths' | 'layer'>,
    confirmation?: Confirmation,
  ): Promise<RemoteVersion> {
    const { current, history } = this.#document;
    const { action, by, paths, layer } = version;
    const time = new Date(this.#clock.wall()).toISOString();
    await this.#write({
      format: 1,
      current: { revision: current.revision + 1, time, action, by, paths, layer },
      history: [current, ...history].slice(0, MAX_HISTORY),
      ...(confirmation === undefined ? {} : { confirmation }),
    });
    return this.#document.current;
  }

  /** The current version is there to stay, or waits for something else. */
  async setConfirmation(confirmation: Confirmation | undefined): Promise<void> {
    const { confirmation: _, ...document } = this.#document;
    await this.#write(confirmation === undefined ? document : { ...document, confirmation });
  }

  async #write(document: RemoteDocument): Promise<void> {
    await writeFileAtomic(this.path, `${JSON.stringify(document)}\n`, { mode: 0o600 });
    this.#document = document;
  }
}

function isDocument(value: unknown): value is RemoteDocument {
  if (!isMap(value) || value.format !== 1) return false;
  const { current, history, confirmation } = value;
  return (
    Array.isArray(history) &&
    [current, ...history].every(isVersion) &&
    (confirmation === undefined || (isMap(confirmation) && Number.isFinite(confirmation.within)))
  );
}

function isVersion(value: unknown): boolean {
  return isMap(value) && Number.isSafeInteger(value.revision) && isMap(value.layer) && Array.isArray(value.paths);
}
