import type { Access, AccessRequest } from '../../daemon/access/access.ts';
import { silentLog } from '../../daemon/lib/log.ts';
import type { MediaStream } from '../../daemon/media/media-stream.ts';
import { RtmpPublisher } from '../../daemon/publish/rtmp/publisher.ts';
import type { Viewer } from '../../daemon/publish/viewer.ts';
import { type GstSourceOptions, type TestStream, testStream } from './gst-source.ts';

export interface TestRtmp extends TestStream {
  publisher: RtmpPublisher;
  joined: Viewer[];
  left: { viewer: Viewer; reason: string }[];
  /** What `authorize` was asked. */
  asked: AccessRequest[];
  /** rtmp://127.0.0.1:PORT/live/camera */
  url: string;
}

export interface TestRtmpOptions extends GstSourceOptions {
  allow?: (request: AccessRequest) => boolean;
  /** In place of the test stream. */
  streams?: Record<string, MediaStream>;
  maxViewers?: number;
}

/** A started RtmpPublisher over real encoders with the stream `camera`. */
export async function startRtmp(options: TestRtmpOptions = {}): Promise<TestRtmp> {
  const test = testStream(options);
  const joined: Viewer[] = [];
  const left: TestRtmp['left'] = [];
  const asked: AccessRequest[] = [];
  const access: Access = {
    realm: 'test',
    open: true,
    authorize: async (request) => {
      asked.push(request);
      return options.allow?.(request) === false
        ? { allowed: false, reason: 'unauthenticated' }
        : { allowed: true, user: undefined };
    },
  };
  const streams: Record<string, MediaStream> = options.streams ?? { camera: test.stream };
  const publisher = new RtmpPublisher({
    settings: { enabled: true, host: '127.0.0.1', port: 0, maxViewers: options.maxViewers ?? 10 },
    portConfigured: true,
    streams: { find: (name) => streams[name], renditions: (name) => [streams[name] ?? []].flat() },
    access,
    viewers: {
      joined: (viewer) => joined.push(viewer),
      left: (viewer, reason) => left.push({ viewer, reason }),
    },
    clock: test.clock,
    log: process.env.TEST_LOG === undefined ? silentLog : stderrLog,
    idleTime: 500,
  });
  await publisher.start();
  return { ...test, publisher, joined, left, asked, url: `rtmp://127.0.0.1:${publisher.port}/live/camera` };
}

/** For a person who looks for why a test fails: TEST_LOG=1. */
const stderrLog: typeof silentLog = {
  debug: (fields, message) => process.stderr.write(`debug ${message} ${JSON.stringify(fields)}\n`),
  info: (fields, message) => process.stderr.write(`info ${message} ${JSON.stringify(fields)}\n`),
  warn: (fields, message) => process.stderr.write(`warn ${message} ${JSON.stringify(fields)}\n`),
  error: (fields, message) => process.stderr.write(`error ${message} ${JSON.stringify(fields)}\n`),
  child: () => stderrLog,
};
