/** Where the configuration of a command comes from. */
export interface ConfigSource {
  /** `false`: none, also not where one is looked for. */
  file: string | false | undefined;
  /** Texts by path of the setting. */
  flags: ReadonlyMap<string, string>;
}

export interface GrantArguments {
  rights: string[];
  streams: string[];
}

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** What is to be done with gateways over their broker. */
export interface CtlArguments {
  /** Another broker than this machine's gateway has. */
  broker: string | undefined;
  /** As typed: an id, a pattern, `all`, or `.` for this machine's gateway. */
  target: string;
  /** Of the command table, or `watch`, or `snapshot`. */
  command: string;
  /** The request: JSON, or `member=value`. */
  words: readonly string[];
  json: boolean;
  /** Milliseconds that a gateway has for its answer; default: what the command needs. */
  timeout: number | undefined;
  tokenFile: string | undefined;
  /** Where a picture goes. */
  output: string | undefined;
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
  | { name: 'ctl'; config: ConfigSource; request: CtlArguments }
  /** `about`: of which command; `usage`: what the parser knows. */
  | { name: 'ctl help'; about: string | undefined; usage: string }
  | { name: 'completion'; script: () => Promise<string> }
  /** Help, the version, or what is wrong with the arguments. */
  | { name: 'text'; text: string; exitCode: number };

/** sysexits.h: the command was used incorrectly. */
export const EX_USAGE = 64;
/** sysexits.h: something is wrong with the configuration. systemd does not start the service again on it. */
export const EX_CONFIG = 78;
