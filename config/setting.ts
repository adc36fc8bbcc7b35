export type FormatName =
  | 'integer'
  | 'decimal'
  | 'flag'
  | 'text'
  | 'choice'
  /** A list of texts; separated by commas in an environment variable or flag. */
  | 'texts'
  /** A program and its arguments: a list of texts, also the same one more than once. */
  | 'arguments'
  /** A map of groups, each under a name that matches the pattern. */
  | 'groups'
  | 'group-list'
  /** A group, or `false` for doing without. */
  | 'group-or-false';

/** One setting, as convict takes it, with what the checks and the documentation need besides. */
export interface Setting {
  /** One or a few sentences; Markdown. */
  doc: string;
  format: FormatName;
  default: unknown;
  /** Environment variable. Made from the path. */
  env?: string;
  /** Command line flag without its dashes. Made from the path. */
  arg?: string;
  /** Never shown. */
  sensitive?: true;
  nullable?: true;
  /** Of a number, or of the length of a list. */
  minimum?: number;
  maximum?: number;
  unit?: string;
  choices?: readonly string[];
  pattern?: RegExp;
  /** The pattern in words, to stand behind "must be". */
  allowed?: string;
  /** What the parts of a nested setting are made of. */
  of?: Group;
}

export interface Group {
  [name: string]: Setting | Group;
}

export function isSetting(node: Setting | Group): node is Setting {
  return typeof node.format === 'string';
}
