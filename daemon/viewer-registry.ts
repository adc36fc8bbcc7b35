import type { Clock } from './lib/clock.ts';
import type { Log } from './lib/log.ts';
import { Rate } from './lib/rate.ts';
import type { Viewer, ViewerObserver, ViewerProtocol, ViewerTraffic } from './publish/viewer.ts';

export interface ViewerRegistryOptions {
  clock: Clock;
  log: Log;
  /** A viewer came or went. */
  changed: (type: 'viewer_joined' | 'viewer_left', viewer: Viewer, reason?: string) => void;
}

/** Who watches what, over every protocol: the publishers report here. */
export class ViewerRegistry implements ViewerObserver {
  readonly #options: ViewerRegistryOptions;
  readonly #viewers = new Map<string, Viewer>();
  readonly #rates = new WeakMap<Viewer, Rate>();
  /** What went to viewers who have left, by stream. */
  readonly #past = new Map<string, ProtocolTraffic>();

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
    this.#past.set(viewer.stream, withViewer(this.#past.get(viewer.stream) ?? {}, viewer));
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

  /** bit/s that go to a viewer over about the last second; undefined where that is not counted. */
  bitrate(viewer: Viewer): number | undefined {
    const traffic = viewer.traffic?.();
    if (traffic === undefined) return undefined;
    let rate = this.#rates.get(viewer);
    if (rate === undefined) this.#rates.set(viewer, (rate = new Rate()));
    return Math.round(rate.read(traffic.sentBytes, this.#options.clock.now()) * 8);
  }

  /** What went to all viewers of a stream since the gateway started, those who have left included. */
  traffic(stream: string): ProtocolTraffic {
    return this.list()
      .filter((viewer) => viewer.stream === stream)
      .reduce(withViewer, this.#past.get(stream) ?? {});
  }

  /** Viewers of a stream by protocol; protocols without one are left out. */
  counts(stream: string): Partial<Record<ViewerProtocol, number>> {
    const counts: Partial<Record<ViewerProtocol, number>> = {};
    for (const viewer of this.#viewers.values())
      if (viewer.stream === stream) counts[viewer.protocol] = (counts[viewer.protocol] ?? 0) + 1;
    return counts;
  }
}

/** Counters by protocol; protocols that do not count are left out. */
export type ProtocolTraffic = Partial<Record<ViewerProtocol, Pick<ViewerTraffic, 'sentBytes' | 'droppedFrames'>>>;

function withViewer(sum: ProtocolTraffic, { protocol, traffic }: Viewer): ProtocolTraffic {
  const more = traffic?.();
  if (more === undefined) return sum;
  const { sentBytes = 0, droppedFrames = 0 } = sum[protocol] ?? {};
  const total = { sentBytes: sentBytes + more.sentBytes, droppedFrames: droppedFrames + more.droppedFrames };
  return { ...sum, [protocol]: total };
}

/** What a log line says of a viewer; the id is a secret of its session and stays out. */
function about(viewer: Viewer): object {
  return { stream: viewer.stream, protocol: viewer.protocol, remoteAddress: viewer.remoteAddress, user: viewer.user };
}
