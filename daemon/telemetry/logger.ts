import { pino } from 'pino';
import type { Log, LogLevel } from '../lib/log.ts';
import { LogRouter } from './log-router.ts';
import { scrub } from './scrub.ts';

export interface LoggerOptions {
  level: LogLevel;
  /** `auto`: pretty on a terminal, else one JSON object a line. */
  format: 'auto' | 'json' | 'pretty';
  /** Where lines go; default: standard output. */
  destination?: NodeJS.WritableStream & { isTTY?: boolean };
}

export interface Logger {
  readonly log: Log;
  /** The least important lines that are written; may be changed at any time, for every child too. */
  level: LogLevel;
  /** Calls a listener with each finished line (one JSON object, secrets hidden) of a level or above; returns what ends it. */
  tail(level: LogLevel, listener: (line: string) => void): () => void;
  /** Writes what is still buffered, before the process ends. */
  flush(): void;
}

/** Bytes of lines that wait for a reader of standard output who does not read; more are dropped, never awaited. */
const MAX_BUFFERED = 1024 * 1024;

/**
 * The daemon's logger: time in ISO 8601, the level by name, errors with their stack under `err`. Secrets are hidden
 * in the finished line ({@link scrub}).
 */
export async function createLogger(options: LoggerOptions): Promise<Logger> {
  const { level, format } = options;
  const output = options.destination ?? process.stdout;
  const pretty = format === 'pretty' || (format === 'auto' && output.isTTY === true);
  const { stream, flush } = pretty ? await prettyStream(output) : jsonStream(options.destination);
  const router = new LogRouter(stream, level);
  const lines = pino(
    {
      // What is not wanted is left out by the router, whose level may change.
      level: 'debug',
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      // The finished line, so that no field, message or stack goes around it.
      hooks: { streamWrite: scrub },
    },
    router,
  );
  return {
    log: router.gate(lines),
    get level() {
      return router.level;
    },
    set level(wanted) {
      router.level = wanted;
    },
    tail: (wanted, listener) => router.tail(wanted, listener),
    flush,
  };
}

async function prettyStream(output: NodeJS.WritableStream & { isTTY?: boolean }) {
  // Only a terminal pays for the memory of the printer.
  const { default: pretty } = await import('pino-pretty');
  const stream = pretty({
    destination: output,
    colorize: output.isTTY === true,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'room',
    messageFormat: (line, messageKey) =>
      line.room === undefined ? String(line[messageKey]) : `${line.room}: ${line[messageKey]}`,
    sync: true,
  });
  return { stream, flush: () => undefined };
}

function jsonStream(destination: NodeJS.WritableStream | undefined) {
  if (destination !== undefined) return { stream: destination, flush: () => undefined };
  // Asynchronous, so that a reader of our output who stopped reading does not stop the daemon.
  const stream = pino.destination({ dest: 1, sync: false, minLength: 0, maxLength: MAX_BUFFERED });
  return {
    stream,
    flush: () => {
      try {
        stream.flushSync();
      } catch {
        // The descriptor was never opened or is closed: nothing can be written any more.
      }
    },
  };
}
