import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Column } from './table.ts';
import { tableLines } from './table.ts';

interface Row {
  readonly name: string;
  readonly size: number;
}

const columns: readonly Column<Row>[] = [
  { title: 'NAME', text: (row) => row.name, elastic: true },
  { title: 'SIZE', text: (row) => String(row.size), right: true },
];
const bare = (text: string): string => text;

describe('a table', () => {
  it('is as wide as its content, numbers on the right', () => {
    const rows = [
      { name: 'a', size: 1_000 },
      { name: 'longer', size: 7 },
    ];
    assert.deepEqual(tableLines(rows, columns, null, bare), [
      'NAME    SIZE',
      'a       1000',
      'longer     7',
    ]);
  });

  it('is not cut where lines have no end', () => {
    const name = 'n'.repeat(500);
    assert.equal(tableLines([{ name, size: 1 }], columns, null, bare)[1], `${name}     1`);
  });

  it('is cut to the width of a terminal in its elastic columns', () => {
    const [, line = ''] = tableLines([{ name: 'n'.repeat(500), size: 1 }], columns, 30, bare);
    assert.equal(line.length, 30);
    assert.equal(line, `${'n'.repeat(23)}…     1`);
  });

  it('leaves optional columns out from the right for lack of room, and keeps ids whole', () => {
    const more: readonly Column<Row>[] = [
      { title: 'ID', text: (row) => row.name },
      { title: 'SIZE', text: (row) => String(row.size), optional: true },
      { title: 'AGAIN', text: (row) => String(row.size), optional: true },
    ];
    const lines = (width: number) =>
      tableLines([{ name: 'n'.repeat(10), size: 1 }], more, width, bare);
    assert.equal(lines(23)[0], 'ID          SIZE  AGAIN');
    assert.equal(lines(22)[0], 'ID          SIZE');
    assert.deepEqual(lines(5), ['ID', 'nnnnnnnnnn']);
  });

  it('does not tear characters of several code points apart', () => {
    const [, line = ''] = tableLines([{ name: '👩‍👩‍👧'.repeat(30), size: 1 }], columns, 20, bare);
    assert.ok(line.startsWith(`${'👩‍👩‍👧'.repeat(13)}…`), line);
  });

  it('pads before it paints, so that colours do not shift columns', () => {
    const painted: Column<Row>[] = [
      { title: 'NAME', text: (row) => row.name, paint: (text) => `<${text}>` },
      { title: 'SIZE', text: (row) => String(row.size) },
    ];
    assert.deepEqual(tableLines([{ name: 'a', size: 1 }], painted, null, bare), [
      'NAME  SIZE',
      '<a   >  1',
    ]);
  });

  it('of nothing is nothing', () => {
    assert.deepEqual(tableLines([], columns, null, bare), []);
  });
});
