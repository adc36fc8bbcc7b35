import type { RtspSettings } from '../../config/settings.ts';
import type { Access } from '../../daemon/access/access.ts';
import type { MediaClock } from '../../daemon/lib/clock.ts';
import { type Log, silentLog } from '../../daemon/lib/log.ts';
import { RtspServer } from '../../daemon/publish/rtsp/server.ts';
import type { StreamDirectory, Viewer, ViewerObserver } from '../../daemon/publish/viewer.ts';
import { type GstSourceOptions, type TestStream, testStream } from './gst-source.ts';

/** Lets everybody in, as a gateway without users does. */
export const openAccess: Access = {
  realm: 'Vedette',
  open: true,
  authorize: async () => ({ allowed: true, user: undefined }),
};

/** Remembers who came and went, and waits for it. */
export class ViewerLog implements ViewerObserver {
  readonly present = new Map<string, Viewer>();
  readonly history: string[] = [];

  joined(viewer: Viewer): void {
    this.present.set(viewer.id, viewer);
    this.history.push(`joined ${viewer.stream}`);
  }

  left(viewer: Viewer, reason: string): void {
    this.present.delete(viewer.id);
    this.history.push(`left ${viewer.stream}: ${reason}`);
  }
}

export interface TestServerOptions {
  source?: GstSourceOptions;
  settings?: Partial<RtspSettings>;
  access?: Access;
  log?: Log;
  formatTimeout?: number;
  /** The server's own, in place of the sources'. */
  clock?: MediaClock;
  /** In place of one stream `cam` with the rid `main`. */
  streams?: (test: TestStream) => StreamDirectory;
}

export interface TestServer extends TestStream {
  server: RtspServer;
  port: number;
  url: string;
  viewers: ViewerLog;
  stop: () => Promise<void>;
}

/** An RTSP server on a free port of the loopback, with one stream `cam` over real encoders. */
export async function testServer(options: TestServerOptions = {}): Promise<TestServer> {
  const test = testStream(options.source);
  const viewers = new ViewerLog();
  const settings: RtspSettings = {
    enabled: true,
    host: '127.0.0.1',
    port: 0,
    sessionTimeout: 60,
    maxViewers: 20,
    udp: true,
    digest: ['SHA-256', 'MD5'],
    ...options.settings,
  };
  const streams = options.streams?.(test) ?? {
    find: (name, rid = 'main') => (name === 'cam' && rid === 'main' ? test.stream : undefined),
    renditions: (name) => (name === 'cam' ? [test.stream] : []),
  };
  const server = new RtspServer({
    settings,
    streams,
    access: options.access ?? openAccess,
    viewers,
    clock: options.clock ?? test.clock,
    log: options.log ?? silentLog,
    ...(options.formatTimeout === undefined ? {} : { formatTimeout: options.formatTimeout }),
  });
  const { port } = await server.start();
  const stop = async (): Promise<void> => {
    await server.stop();
    test.video.end();
    test.audio.end();
  };
  return { ...test, server, port, url: `rtsp://127.0.0.1:${port}/cam`, viewers, stop };
}
