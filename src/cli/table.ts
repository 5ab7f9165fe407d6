/**
 * Owns tables: columns as wide as their content, cut only where a line has an end.
 *
 * T1 Into a file or a pipe nothing is cut. On a terminal the widest elastic columns give way first,
 *    then optional columns from the right; what must be whole, such as an id, stays whole.
 * T2 Widths are those of the bare text; styles are put on after padding.
 * T3 No cell can break the table or the terminal: control characters are shown, not sent.
 */
import { harmlessLine } from './printer.ts';

/** One column over rows of type `Row`. */
export interface Column<Row> {
  readonly title: string;
  readonly text: (row: Row) => string;
  /** Numbers stand on the right. */
  readonly right?: boolean;
  /** May be cut on a narrow terminal. */
  readonly elastic?: boolean;
  /** Left out where there is no room for it. */
  readonly optional?: boolean;
  readonly paint?: (text: string, row: Row) => string;
}

const gap = '  ';
const elasticWidthMin = 8;
const graphemes = new Intl.Segmenter();

/** Characters as a reader counts them. */
const lengthOf = (text: string): number => {
  // Without anything beyond ASCII, the slow count says the same.
  return /^[\u0020-\u007e]*$/.test(text) ? text.length : [...graphemes.segment(text)].length;
};

const cut = (text: string, width: number): string => {
  if (lengthOf(text) <= width) return text;
  const parts = [...graphemes.segment(text)].slice(0, width - 1);
  return `${parts.map((part) => part.segment).join('')}…`;
};

/** The lines of a table, the titles first. No rows give no lines. */
export function tableLines<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  lineWidth: number | null,
  title: (text: string) => string,
): string[] {
  if (rows.length === 0) return [];
  const all = columns.map((column): Filled<Row> => {
    const cells = rows.map((row) => harmlessLine(column.text(row)));
    const width = Math.max(lengthOf(column.title), ...cells.map(lengthOf));
    return { column, cells, width };
  });
  const shown = lineWidth === null ? all : fit(all, lineWidth);
  const join = (cell: (one: Filled<Row>) => string): string => shown.map(cell).join(gap).trimEnd();
  return [
    title(join((one) => place(one, one.column.title))),
    ...rows.map((row, index) =>
      join((one) => {
        const text = place(one, one.cells[index] ?? '');
        return one.column.paint?.(text, row) ?? text;
      }),
    ),
  ];
}

/** A column with its cells. */
interface Filled<Row> {
  readonly column: Column<Row>;
  readonly cells: readonly string[];
  width: number;
}

function place<Row>({ column, width }: Filled<Row>, text: string): string {
  const shown = cut(text, width);
  const space = ' '.repeat(Math.max(0, width - lengthOf(shown)));
  return column.right === true ? space + shown : shown + space;
}

/** Makes the columns fit into the line (T1), as far as they can. */
function fit<Row>(all: readonly Filled<Row>[], lineWidth: number): readonly Filled<Row>[] {
  const shown = [...all];
  for (;;) {
    const total = shown.reduce((sum, { width }) => sum + width, gap.length * (shown.length - 1));
    if (total <= lineWidth) return shown;
    const yielding = shown
      .filter(({ column, width }) => column.elastic === true && width > elasticWidthMin)
      .sort((a, b) => b.width - a.width);
    const [widest] = yielding;
    const last = shown.findLastIndex(({ column }) => column.optional === true);
    if (widest !== undefined) widest.width -= 1;
    else if (last !== -1) shown.splice(last, 1);
    else return shown;
  }
}
