import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { errorTable } from '../../src/core/errors.ts';
import { firstColumn, tableRows } from './tables.ts';

const document = readFileSync(new URL('../../docs/reference/errors.md', import.meta.url), 'utf8');
const columns = ['code', 'HTTP', 'retry', 'exit', 'meaning'];

describe('docs/reference/errors.md', () => {
  it('lists every error of the code, and no other, in the same order', () => {
    assert.deepEqual(firstColumn(document, ...columns), Object.keys(errorTable));
  });

  it('says of every error what the code says', () => {
    const documented = Object.fromEntries(
      tableRows(document, ...columns).map(([code = '', http, retry, exit, meaning]) => {
        const row = { http: Number(http), retry, exit: Number(exit), meaning };
        return [code.replaceAll('`', ''), row];
      }),
    );
    assert.deepEqual(documented, errorTable);
  });

  it('explains every exit code that an error can end a command with, and 0', () => {
    const used = new Set([0, ...Object.values(errorTable).map((row) => row.exit)]);
    const explained = firstColumn(document, 'exit', 'kind of trouble').map(Number);
    assert.deepEqual(
      explained,
      [...used].toSorted((a, b) => a - b),
    );
  });
});
