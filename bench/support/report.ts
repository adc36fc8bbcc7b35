/** Rows under a head, as text: the first column to the left, all others to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const pad = (cell: string, column: number): string =>
    column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0);
  return `${all.map((row) => row.map(pad).join('  ').trimEnd()).join('\n')}\n`;
}

export interface Figure {
  name: string;
  samples: readonly number[];
  unit: string;
  /** The median shall not be above it. */
  goal?: number;
}

/** The value that this share (0 to 1) of all does not exceed, nearest rank. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

/** @param share for example 0.99 */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN;
}

/** A table of figures beside their goals; where one is missed the process ends with 1. */
export function report(title: string, figures: readonly Figure[]): void {
  const rows = figures.map(({ name, samples, unit, goal }) => {
    const middle = median(samples);
    const missed = goal !== undefined && !(middle <= goal);
    if (missed) process.exitCode = 1;
    const range = samples.length > 1 ? `${Math.min(...samples).toFixed(0)}-${Math.max(...samples).toFixed(0)}` : '';
    const wanted = goal === undefined ? '' : `<=${goal}`;
    return [name, middle.toFixed(0), range, unit, wanted, missed ? 'missed' : ''];
  });
  process.stdout.write(`${title}\n\n${table(['', 'median', 'range', 'unit', 'goal', ''], rows)}\n`);
}
