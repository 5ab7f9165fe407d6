/**
 * Owns the reading of Markdown tables, for tests that compare a document with the code.
 */

/**
 * The rows of the table with these column names, without its head. Fails when there is no such
 * table.
 */
export function tableRows(document: string, ...columns: string[]): readonly (readonly string[])[] {
  const lines = document.split('\n');
  const head = lines.indexOf(`| ${columns.join(' | ')} |`);
  if (head < 0) throw new Error(`no table with the columns ${columns.join(', ')}`);
  const rows: string[][] = [];
  for (const line of lines.slice(head + 2)) {
    if (!line.startsWith('| ')) break;
    rows.push(line.slice(2, -2).split(' | '));
  }
  return rows;
}

/** The first column of such a table, without the marks of code. */
export function firstColumn(document: string, ...columns: string[]): readonly string[] {
  return tableRows(document, ...columns).map((row) => row[0]?.replaceAll('`', '') ?? '');
}
