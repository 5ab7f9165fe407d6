import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { errorTable } from '../../src/core/errors.ts';
import { limits } from '../../src/core/limits.ts';
import { tableRows } from './tables.ts';

const document = readFileSync(new URL('../../docs/reference/limits.md', import.meta.url), 'utf8');
const rows = tableRows(document, 'limit', 'value', 'what it bounds, and what happens past it');

describe('docs/reference/limits.md', () => {
  it('lists every limit of the code with its value, and no other, in the same order', () => {
    const documented = rows.map(([name = '', value]) => [name.replaceAll('`', ''), Number(value)]);
    assert.deepEqual(documented, Object.entries(limits));
  });

  it('names no error code that does not exist', () => {
    for (const [code] of rows.join('\n').matchAll(/(?<=`)[a-z]+\.[a-z_]+(?=`)/g)) {
      assert.ok(code in errorTable, code);
    }
  });
});
