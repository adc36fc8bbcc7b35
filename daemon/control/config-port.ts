/** How a change of the configuration is to be made. */
export interface ConfigChangeOptions {
  /** Who asks, for the history. */
  by: string;
  /** Only say what would happen. */
  dryRun?: boolean;
  /** Seconds within which `confirm` has to come, or the change is undone. */
  confirmWithin?: number;
  /** What the one who asks has seen; another one is a conflict. */
  revision?: number;
}

/** What a change does, or would do. */
export interface ConfigChangeReport {
  /** Of the configuration as it is now. */
  revision: number;
  /** False for a dry run. */
  applied: boolean;
  /** The values that differ, by JSON pointer (RFC 6901), secrets hidden; without `from` it is new, without `to` gone. */
  changes: { path: string; from?: unknown; to?: unknown }[];
  /** What each part that is touched does: `live`, `restart`, `create` or `delete`. */
  effects: { part: string; effect: string }[];
  /** What was asked for and has no effect, since the environment or a flag says otherwise. */
  overridden: { path: string; by: string }[];
  /** The first path that makes `confirmWithin` necessary. */
  confirmationNeededFor?: string;
  /** Seconds within which `config/confirm` has to come. */
  confirmWithin?: number;
}

/** A version of what was set from afar. */
export interface ConfigVersionReport {
  revision: number;
  /** ISO 8601. */
  time: string;
  action: string;
  by: string;
  paths: string[];
}

export interface ConfigReport {
  /** Effective, secrets hidden. */
  config: Record<string, unknown>;
  /** Of each value that is not a default, by path. */
  origins: Record<string, string>;
  /** Of the settings. */
  schemaVersion: number;
  revision: number;
  /** Versions that can be gone back to, the newest first. */
  history: ConfigVersionReport[];
  /** The current version is undone unless it is confirmed. */
  confirmation?: { within: number };
}

/** The configuration, as far as it can be changed from afar. All methods reject or throw with a {@link ControlError}. */
export interface ConfigPort {
  report(): ConfigReport;
  /** @param patch a JSON merge patch (RFC 7396). */
  patch(patch: object, options: ConfigChangeOptions): Promise<ConfigChangeReport>;
  /** @throws ControlError `conflict` where there is one of this name. */
  createStream(name: string, settings: object, options: ConfigChangeOptions): Promise<ConfigChangeReport>;
  /** @param settings a JSON merge patch. @throws ControlError `not_found`. */
  updateStream(name: string, settings: object, options: ConfigChangeOptions): Promise<ConfigChangeReport>;
  /** @throws ControlError `not_found`. */
  deleteStream(name: string, options: ConfigChangeOptions): Promise<ConfigChangeReport>;
  /** @param to a revision of the history; default: the one before. @throws ControlError `not_found`. */
  rollback(to: number | undefined, options: ConfigChangeOptions): Promise<ConfigChangeReport>;
  /** @param revision what is confirmed; default: whatever waits. @throws ControlError `conflict`. */
  confirm(revision: number | undefined, by: string): Promise<{ revision: number }>;
  /** Does what would have cut off the answer, once that has gone out. */
  finish(): void;
}
