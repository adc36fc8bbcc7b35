import type { Log } from '../../daemon/lib/log.ts';

export interface LogEntry {
  level: 'debug' | 'info' | 'warn' | 'error';
  message: string;
  fields: Record<string, unknown>;
}

/** A logger that keeps its lines. */
export function recordingLog(entries: LogEntry[], bindings: Record<string, unknown> = {}): Log {
  const at =
    (level: LogEntry['level']) =>
    (fields: object, message = ''): void => {
      entries.push({ level, message, fields: { ...bindings, ...fields } });
    };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (more) => recordingLog(entries, { ...bindings, ...more }),
  };
}
