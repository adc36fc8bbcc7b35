/** One thing that is wrong with a configuration. */
export interface Problem {
  /** JSON pointer (RFC 6901), for example `/streams/front/video/width`. */
  path: string;
  /** What stands there; undefined for a key that should not be, and for secrets. */
  value?: unknown;
  /** What is allowed there, for example `must be an integer from 16 to 7680 pixels`. */
  message: string;
  /** Where it was said: a file's name, an environment variable or a flag. */
  source?: string;
}

/** A configuration that cannot be used; it tells everything that is wrong with it. */
export class ConfigError extends Error {
  /** `forbidden`: it was asked for from afar and is set at the machine only. */
  readonly code: 'unreadable' | 'invalid' | 'forbidden';
  readonly problems: readonly Problem[];

  constructor(code: ConfigError['code'], problems: readonly Problem[]) {
    super(problems.map(formatProblem).join('\n'));
    this.name = 'ConfigError';
    this.code = code;
    this.problems = problems;
  }
}

/** Longest value that is repeated in a message, in characters. */
const MAX_SHOWN = 80;

export function formatProblem({ path, value, message, source }: Problem): string {
  const shown = value === undefined ? '' : ` ${shorten(JSON.stringify(value) ?? String(value))}`;
  return `${source === undefined ? '' : `${source}: `}${path === '' ? '/' : path}:${shown} ${message}`;
}

function shorten(text: string): string {
  return text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN)}...`;
}
