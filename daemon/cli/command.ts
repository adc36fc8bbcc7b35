/** Where the configuration of a command comes from. */
export interface ConfigSource {
  file: string | undefined;
  /** Texts by path of the setting. */
  flags: ReadonlyMap<string, string>;
}

export interface GrantArguments {
  rights: string[];
  streams: string[];
}

/** What a command line asks for. */
export type Command =
  | { name: 'run'; config: ConfigSource }
  | { name: 'check-config'; config: ConfigSource }
  | { name: 'print-config'; config: ConfigSource }
  | { name: 'user add'; config: ConfigSource; user: string; passwordFile: string | undefined; grant: GrantArguments }
  | { name: 'user passwd'; config: ConfigSource; user: string; passwordFile: string | undefined }
  | { name: 'user remove'; config: ConfigSource; user: string }
  | { name: 'user list'; config: ConfigSource }
  | { name: 'token add'; config: ConfigSource; token: string; expires: string | undefined; grant: GrantArguments }
  | { name: 'token remove'; config: ConfigSource; token: string }
  | { name: 'token list'; config: ConfigSource }
  /** Help, the version, or what is wrong with the arguments. */
  | { name: 'text'; text: string; exitCode: number };

/** sysexits.h: the command was used incorrectly. */
export const EX_USAGE = 64;
/** sysexits.h: something is wrong with the configuration. systemd does not start the service again on it. */
export const EX_CONFIG = 78;
