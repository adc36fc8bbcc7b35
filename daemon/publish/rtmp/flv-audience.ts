import type { AacEncoder } from '../../convert/aac-encoder.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { MediaStream } from '../../media/media-stream.ts';
import type { Viewer, ViewerObserver } from '../viewer.ts';
import type { FlvExchange } from './flv-exchange.ts';
import { FlvFeed } from './flv-feed.ts';
import type { ViewerReport } from './messages.ts';

export interface FlvAudienceOptions {
  viewers: ViewerObserver;
  exchange: FlvExchange;
  /** Undefined where nobody can encode AAC: then there is no sound. */
  aac: () => AacEncoder | undefined;
  /** Milliseconds between the last viewer's leaving and the end of the converter. */
  idleTime: number;
  /** Has the worker disconnect a viewer, whose leaving it tells. */
  disconnect: (id: string) => void;
  clock: Clock;
  log: Log;
}

interface Session {
  readonly viewer: Viewer;
  readonly release: () => void;
  /** As the worker told it last. */
  report: Pick<ViewerReport, 'sentBytes' | 'droppedFrames'>;
}

/** Who watches over RTMP and HTTP-FLV, and for each stream that is watched its way into the worker. */
export class FlvAudience {
  readonly #options: FlvAudienceOptions;
  readonly #sessions = new Map<string, Session>();
  readonly #feeds = new Map<string, FlvFeed>();

  constructor(options: FlvAudienceOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#sessions.size;
  }

  has(id: string): boolean {
    return this.#sessions.has(id);
  }

  /** Process ids of the converters that run, by stream. */
  get converterPids(): ReadonlyMap<string, number> {
    const pids = new Map<string, number>();
    for (const [name, { converterPid }] of this.#feeds) if (converterPid !== undefined) pids.set(name, converterPid);
    return pids;
  }

  /** A viewer comes: the first one of a stream starts its devices and its converter. */
  join(viewer: Viewer, stream: MediaStream): void {
    let feed = this.#feeds.get(viewer.stream);
    if (feed === undefined) {
      feed = this.#makeFeed(viewer.stream, stream);
      this.#feeds.set(viewer.stream, feed);
    }
    const session: Session = {
      // Nothing is lost on TCP.
      viewer: { ...viewer, traffic: () => ({ ...session.report, fractionLost: undefined }) },
      release: feed.retain(),
      report: { sentBytes: 0, droppedFrames: 0 },
    };
    this.#sessions.set(viewer.id, session);
    this.#options.viewers.joined(session.viewer);
  }

  /** What the worker tells of a viewer. */
  reported(report: ViewerReport): void {
    const session = this.#sessions.get(report.id);
    if (session !== undefined) session.report = report;
  }

  leave(id: string, reason: string): void {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    this.#sessions.delete(id);
    session.release();
    this.#options.viewers.left(session.viewer, reason);
  }

  /** There is no worker: what is made of the streams goes nowhere, and the viewers come back to new ones. Waits. */
  async disperse(reason: string): Promise<void> {
    for (const id of [...this.#sessions.keys()]) this.leave(id, reason);
    const stopped = [...this.#feeds.values()].map((feed) => feed.stop());
    this.#feeds.clear();
    await Promise.all(stopped);
  }

  #makeFeed(name: string, stream: MediaStream): FlvFeed {
    const { aac, exchange, idleTime, clock, log } = this.#options;
    const feed: FlvFeed = new FlvFeed({
      name,
      stream,
      aac: aac(),
      publish: (flv, failed) => exchange.publish(name, flv, failed),
      idleTime,
      idle: () => this.#forget(name, feed),
      ended: () => {
        this.#forget(name, feed);
        for (const [id, { viewer }] of this.#sessions) if (viewer.stream === name) this.#options.disconnect(id);
        void feed.stop();
      },
      clock,
      log,
    });
    return feed;
  }

  #forget(name: string, feed: FlvFeed): void {
    if (this.#feeds.get(name) === feed) this.#feeds.delete(name);
  }
}
