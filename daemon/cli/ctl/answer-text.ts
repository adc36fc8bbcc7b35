/** An answer's data as text for people: aligned lines, and tables where there are lists. */
export function answerText(data: unknown): string {
  return isMap(data) ? block(data).join('\n') : printable(data);
}

/** Rows under a head, columns aligned, two spaces apart. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** A text of another machine, without what a terminal would act on. */
export function printable(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken away
  return text.replace(/[\0-\x1f\x7f-\x9f]/g, ' ');
}

/** Widest that a map of numbers may be to stand in one cell, in characters. */
const MAX_MAP = 32;
/** Widest that anything else may be. */
const MAX_CELL = 80;

type Members = Record<string, unknown>;

function isMap(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isRows(value: unknown): value is Members[] {
  return Array.isArray(value) && value.length > 0 && value.every(isMap);
}

function block(data: Members): string[] {
  const members = Object.entries(data);
  const [first] = members;
  // The answer is a list and nothing else: its name says no more than the command did.
  if (members.length === 1 && Array.isArray(first?.[1]))
    return isRows(first[1]) ? tableOf(first[1]) : [cell(first[1]) || 'none'];
  const lines = columns(scalars(data, '').map(([name, text]) => [name, text]));
  for (const [name, rows] of lists(data, ''))
    lines.push(`${printable(name)}:`, ...tableOf(rows).map((line) => `  ${line}`));
  return lines;
}

/** Everything but lists of objects, with dotted paths. */
function scalars(data: Members, prefix: string): [string, string][] {
  return Object.entries(data).flatMap(([name, value]): [string, string][] => {
    const path = printable(prefix + name);
    if (isRows(value)) return [];
    return isMap(value) ? scalars(value, `${path}.`) : [[path, cell(value)]];
  });
}

function lists(data: Members, prefix: string): [string, Members[]][] {
  return Object.entries(data).flatMap(([name, value]): [string, Members[]][] => {
    if (isRows(value)) return [[prefix + name, value]];
    return isMap(value) ? lists(value, `${prefix}${name}.`) : [];
  });
}

/** The members that fit into cells; the rest is in `--json`. */
function tableOf(rows: readonly Members[]): string[] {
  const names = [...new Set(rows.flatMap(Object.keys))].filter((name) => rows.every((row) => fits(row[name])));
  return columns([names.map(printable), ...rows.map((row) => names.map((name) => cell(row[name])))]);
}

function fits(value: unknown): boolean {
  if (isMap(value))
    return Object.values(value).every((inner) => typeof inner === 'number') && cell(value).length <= MAX_MAP;
  return !isRows(value) && cell(value).length <= MAX_CELL;
}

function cell(value: unknown): string {
  if (value === undefined) return '';
  if (Array.isArray(value)) return value.map(cell).join(', ');
  if (!isMap(value)) return printable(value);
  return Object.entries(value)
    .map(([name, inner]) => `${printable(name)}=${cell(inner)}`)
    .join(' ');
}
