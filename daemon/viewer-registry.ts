import type { Log } from './lib/log.ts';
import type { Viewer, ViewerObserver, ViewerProtocol } from './publish/viewer.ts';

export interface ViewerRegistryOptions {
  log: Log;
  /** A viewer came or went. */
  changed: (type: 'viewer_joined' | 'viewer_left', viewer: Viewer, reason?: string) => void;
}

/** Who watches what, over every protocol: the publishers report here. */
export class ViewerRegistry implements ViewerObserver {
  readonly #options: ViewerRegistryOptions;
  readonly #viewers = new Map<string, Viewer>();

  constructor(options: ViewerRegistryOptions) {
    this.#options = options;
  }

  joined(viewer: Viewer): void {
    this.#viewers.set(viewer.id, viewer);
    this.#options.log.info(about(viewer), `${viewer.protocol} viewer joined ${viewer.stream}`);
    this.#options.changed('viewer_joined', viewer);
  }

  left(viewer: Viewer, reason: string): void {
    if (!this.#viewers.delete(viewer.id)) return;
    const seconds = Math.round((Date.now() - viewer.since) / 1000);
    this.#options.log.info(
      { ...about(viewer), reason, seconds },
      `${viewer.protocol} viewer left ${viewer.stream}: ${reason}`,
    );
    this.#options.changed('viewer_left', viewer, reason);
  }

  list(): Viewer[] {
    return [...this.#viewers.values()];
  }

  /** Viewers of a stream by protocol; protocols without one are left out. */
  counts(stream: string): Partial<Record<ViewerProtocol, number>> {
    const counts: Partial<Record<ViewerProtocol, number>> = {};
    for (const viewer of this.#viewers.values())
      if (viewer.stream === stream) counts[viewer.protocol] = (counts[viewer.protocol] ?? 0) + 1;
    return counts;
  }
}

/** What a log line says of a viewer; the id is a secret of its session and stays out. */
function about(viewer: Viewer): object {
  return { stream: viewer.stream, protocol: viewer.protocol, remoteAddress: viewer.remoteAddress, user: viewer.user };
}
