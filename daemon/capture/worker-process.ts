import { extname } from 'node:path';
import type { Readable } from 'node:stream';
import { Child } from '../lib/child.ts';
import type { Log } from '../lib/log.ts';
import { Rfc4571Splitter } from '../rtp/framing.ts';
import { CaptureError } from './capture-error.ts';
import { type DriverRefusal, readRefusal } from './driver-refusal.ts';
import { MultipartSplitter } from './multipart-splitter.ts';
import type { WorkerCommand, WorkerReport } from './worker-messages.ts';

const WORKER = new URL(`./worker${extname(import.meta.url)}`, import.meta.url);
/** A leak of JavaScript ends the worker, not the board; the pipeline's memory is outside of this. */
const EXEC_ARGV = ['--max-old-space-size=32'];
const STOP_DEADLINE_MS = 1000;

export type CaptureWorker = Child<WorkerCommand, WorkerReport>;

export interface CaptureWorkerOptions {
  name: string;
  log: Log;
  /** More environment; see {@link gstreamerEnvironment}. */
  environment: Readonly<Record<string, string>>;
  /** Takes the RTP packets of each track, views into the bytes read; there are as many pipes. */
  tracks: readonly ((packet: Buffer) => void)[];
  report: (report: WorkerReport) => void;
  /** The driver of its device does not begin; the report that it failed comes after. */
  refused: (refusal: DriverRefusal) => void;
  /** Takes the JPEGs of a picture, which has one more pipe for them, the last. */
  jpeg?: (jpeg: Buffer) => void;
  /** One more pipe, behind those of the tracks, takes what the worker reads. */
  input: boolean;
}

/** Starts the process of a capture worker; it does nothing before it gets its `start` command. */
export function startCaptureWorker({
  name,
  log,
  environment,
  tracks,
  report,
  refused,
  input,
  jpeg,
}: CaptureWorkerOptions): CaptureWorker {
  const child: CaptureWorker = new Child({
    run: { module: WORKER, execArgv: EXEC_ARGV },
    name,
    log,
    pipes: tracks.length + (input ? 1 : 0) + (jpeg ? 1 : 0),
    env: environment,
    stopDeadline: STOP_DEADLINE_MS,
    take: (line) => {
      const read = readRefusal(line);
      if (read?.refusal !== undefined) refused(read.refusal);
      return read !== undefined;
    },
  });
  for (const [index, packet] of tracks.entries()) {
    const splitter = new Rfc4571Splitter(packet);
    (child.pipes[index] as Readable).on('data', (chunk: Buffer) => splitter.push(chunk));
  }
  if (jpeg !== undefined) {
    const splitter = new MultipartSplitter(jpeg);
    const pipe = child.pipes.at(-1) as Readable;
    pipe.on('data', (chunk: Buffer) => {
      try {
        splitter.push(chunk);
      } catch (error) {
        if (!(error instanceof CaptureError)) throw error;
        pipe.destroy();
        report({ type: 'failed', reason: 'stream', message: error.message });
      }
    });
  }
  child.onMessage(report);
  return child;
}
