import type { ViewLine } from './fleet-view.ts';

/** A terminal that a picture is painted on. */
export interface ScreenOutput {
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
}

const COLOURS: Readonly<Record<ViewLine['verdict'], string>> = {
  head: '1',
  good: '32',
  uneasy: '33',
  bad: '31',
  idle: '39',
};

/** Paints lines on the alternate screen of a terminal, and of them only those that differ from the picture before. */
export class Screen {
  readonly #output: ScreenOutput;
  readonly #colours: boolean;
  #painted: string[] = [];

  constructor(output: ScreenOutput, colours: boolean) {
    this.#output = output;
    this.#colours = colours;
  }

  /** Takes the terminal over; what stood there comes back with {@link leave}. */
  enter(): void {
    this.#output.write('\x1b[?1049h\x1b[?25l\x1b[2J');
  }

  leave(): void {
    this.#output.write('\x1b[?25h\x1b[?1049l');
  }

  /** The size of the terminal has changed: everything is painted anew. */
  resized(): void {
    this.#painted = [];
    this.#output.write('\x1b[2J');
  }

  /** @param foot stands in the last row */
  paint(lines: readonly ViewLine[], foot: string): void {
    const { columns = 80, rows = 24 } = this.#output;
    const room = Math.max(1, rows - 1);
    const shown = lines.length <= room ? lines : lines.slice(0, room - 1);
    const wanted = shown.map(({ text, verdict }) => this.#paintedLine(text.slice(0, columns), verdict));
    if (shown.length < lines.length) wanted.push(`... ${lines.length - shown.length} more`);
    while (wanted.length < room) wanted.push('');
    wanted.push(this.#paintedLine(foot.slice(0, columns - 1), 'idle'));
    const changes = wanted.flatMap((line, row) =>
      line === (this.#painted[row] ?? '') ? [] : [`\x1b[${row + 1};1H${line}\x1b[K`],
    );
    if (changes.length > 0) this.#output.write(changes.join(''));
    this.#painted = wanted;
  }

  #paintedLine(text: string, verdict: ViewLine['verdict']): string {
    return this.#colours && text !== '' ? `\x1b[${COLOURS[verdict]}m${text}\x1b[0m` : text;
  }
}
